//! Comparisons with peers and instruction counts.

//! Where pages lie: the store trait and its memory engine.

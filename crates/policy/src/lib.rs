//! The site's rules as pure decisions: keys and header hygiene.

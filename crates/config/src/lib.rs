//! TOML to a checked configuration: one registry of options, all problems at once.

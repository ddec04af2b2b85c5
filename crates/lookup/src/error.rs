//! What can go wrong with the table, for people.

use std::fmt;

/// Why the table did not do what it was asked to.
#[derive(Debug)]
pub enum LookupError {
    /// The database can't be reached, or refuses.
    Database(sqlx::Error),
    /// It did not answer in time.
    Slow,
    /// Its tables are not those of this version.
    Schema(sqlx::migrate::MigrateError),
    /// More pages wait to be remembered than may.
    Full,
    /// It failed a moment ago and is left alone.
    Paused,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the lookup database fails: {error}"),
            Self::Slow => f.write_str("the lookup database did not answer in time"),
            Self::Schema(error) => {
                write!(f, "the lookup database's tables are not those of this version: {error}")
            }
            Self::Full => f.write_str("the lookup database is slower than pages are published"),
            Self::Paused => f.write_str("the lookup database failed a moment ago"),
        }
    }
}

impl std::error::Error for LookupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Schema(error) => Some(error),
            Self::Slow | Self::Full | Self::Paused => None,
        }
    }
}

impl From<sqlx::Error> for LookupError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) { Self::Slow } else { Self::Database(error) }
    }
}

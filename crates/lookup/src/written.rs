//! Is this the URL of a PostgreSQL, for those who do not connect to it?
//!
//! Its form is judged as far as a slip of the pen would show; what its parameters mean only who connects can say.

use std::fmt;

/// A PostgreSQL database that several Larders may share.
#[derive(Clone)]
pub struct Postgres {
    host: String,
    port: u16,
    database: String,
}

impl Postgres {
    /// Reads a URL, or says why it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (_, rest) = text.split_once("://").ok_or("there is no // before the host")?;
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, _) = who.split_once(':').unwrap_or((who, ""));
        // A colon within brackets is an IPv6 address's.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            Some(_) | None => (place, None),
        };
        if host.contains(char::is_whitespace) {
            return Err("invalid domain character".to_owned());
        }
        let port = match port {
            None => 5432,
            Some(digits) => digits.parse().map_err(|_| "invalid port number".to_owned())?,
        };
        let database = if database.is_empty() { user } else { database };
        Ok(Self { host: host.to_owned(), port, database: database.to_owned() })
    }
}

impl fmt::Display for Postgres {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database } = self;
        write!(f, "postgres://{host}:{port}/{database}")
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

//! How is a PostgreSQL connected to, as the one who connects reads it?

use std::fmt;

use sqlx::postgres::PgConnectOptions;

/// A PostgreSQL database that several Larders may share.
#[derive(Clone)]
pub struct Postgres(Box<PgConnectOptions>);

impl Postgres {
    /// Reads a URL, or says why it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let options: PgConnectOptions =
            text.parse().map_err(|error: sqlx::Error| error.to_string())?;
        Ok(Self(Box::new(options.application_name("larder"))))
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl fmt::Display for Postgres {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(options) = self;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        write!(f, "postgres://{}:{}/{database}", options.get_host(), options.get_port())
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

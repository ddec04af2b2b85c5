//! Where the table is: one URL chooses the engine.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Postgres;

/// `sqlite:PATH` or `postgres://…`.
#[derive(Clone)]
pub enum Place {
    /// A file of this machine's own; made if it is not there. A relative path counts from the working directory.
    Sqlite(PathBuf),
    /// A database that several Larders may share.
    Postgres(Postgres),
}

/// A URL that names no table: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlace {
    /// What is wrong with it; the URL is not repeated, it may hold a password.
    pub message: String,
    /// What to write instead.
    pub hint: &'static str,
}

const HINT: &str = "write \"sqlite:larder.db\" or \"postgres://user@host/database\"";

impl fmt::Display for BadPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.hint)
    }
}

impl std::error::Error for BadPlace {}

impl FromStr for Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let bad = |message: String, hint| Err(BadPlace { message, hint });
        match text.split_once(':') {
            Some(("sqlite", "" | "//" | ":memory:")) => {
                bad("names no file".into(), "the table has to outlive the process: name a file")
            }
            Some(("sqlite", path)) if path.contains(['?', '\0']) => {
                bad("has something behind the file's name".into(), HINT)
            }
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            Some(("postgres" | "postgresql", _)) => match Postgres::parse(text) {
                Ok(postgres) => Ok(Self::Postgres(postgres)),
                Err(error) => bad(format!("is no URL of a database: {error}"), HINT),
            },
            Some((other, _)) => bad(format!("`{other}` is no engine"), HINT),
            None => bad("is no URL".into(), HINT),
        }
    }
}

impl fmt::Display for Place {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(postgres) => postgres.fmt(f),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_engine_and_the_place() {
        for (text, shown) in [
            ("sqlite:larder.db", "sqlite:larder.db"),
            ("sqlite:///var/lib/larder/pages.db", "sqlite:/var/lib/larder/pages.db"),
            ("postgres://larder:secret@db.internal/pages", "postgres://db.internal:5432/pages"),
            ("postgresql://larder@db:6543/pages?sslmode=require", "postgres://db:6543/pages"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(format!("{place:?}"), shown, "no password in a log");
        }
        for (text, says) in [
            ("", "is no URL"),
            ("larder.db", "is no URL"),
            ("mysql://x", "`mysql` is no engine"),
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "names no file"),
            ("sqlite:a.db?mode=ro", "behind the file's name"),
            ("postgres://h:port/d", "is no URL of a database"),
        ] {
            let error = text.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

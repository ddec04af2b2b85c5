//! Where is a secret, and what is it?
//!
//! Secrets do not stand in the file: it names a file or a variable of the environment. Reading them is
//! this crate's only effect beside [`crate::Machine`], and like that one it can be replaced by tests.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use crate::limits::SECRET_BYTES_MAX;
use crate::parse::Fault;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `file:PATH`: the content of a file. A relative path counts from the working directory.
    File(PathBuf),
    /// `env:VARIABLE`: a variable of the environment.
    Variable(String),
}

/// How secrets are read: their bytes as they are, or why not, for people.
pub type ReadSecret = fn(&SecretSource) -> Result<Vec<u8>, String>;

impl SecretSource {
    /// Takes `NAME=file:PATH` or `NAME=env:VARIABLE` apart.
    pub(crate) fn parse(text: &str) -> Result<(String, Self), Fault> {
        const HINT: &str = "write \"NAME=file:PATH\" or \"NAME=env:VARIABLE\"";
        // What is wrong may be the secret itself: it is not repeated in messages.
        let fault = |message: &str| Err(Fault::new(message, HINT));
        let Some((name, source)) = text.split_once('=') else {
            return fault("a key needs a name and a place where it is");
        };
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=32).contains(&name.len()) || !name.bytes().all(is_char) {
            let hint = "1 to 32 of A-Z a-z 0-9 - _, as in \"2026-11=file:/etc/larder/marker.key\"";
            return Err(Fault::new(
                "the name of a key is too long, empty or has other characters",
                hint,
            ));
        }
        match Self::read_place(source) {
            Some(source) => Ok((name.to_owned(), source)),
            None => fault("a key says neither the file nor the variable that it is in"),
        }
    }

    /// Takes `file:PATH` or `env:VARIABLE`.
    pub(crate) fn place(text: &str) -> Result<Self, Fault> {
        Self::read_place(text).ok_or_else(|| {
            // It may be the secret itself.
            let message = "a token says neither the file nor the variable that it is in";
            Fault::new(message, "write \"file:PATH\" or \"env:VARIABLE\"")
        })
    }

    fn read_place(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => {
                Some(Self::File(PathBuf::from(path)))
            }
            Some(("env", variable)) if !variable.is_empty() && !variable.contains(['\0', '=']) => {
                Some(Self::Variable(variable.to_owned()))
            }
            _ => None,
        }
    }

    /// Reads it by `read`, without the line end; or a message and a hint. `what` is what messages call it.
    pub(crate) fn secret(&self, what: &str, read: ReadSecret) -> Result<Vec<u8>, (String, String)> {
        let name = self.name();
        let secret = read(self).map_err(|error| {
            let hint = match self {
                Self::File(_) => "it has to be readable for the user that Larder runs as",
                Self::Variable(_) => "set it where Larder is started",
            };
            (format!("{what} can't be read from {name}: {error}"), hint.to_owned())
        })?;
        if secret.len() > SECRET_BYTES_MAX {
            let hint = "a secret is one line, as openssl rand -base64 48 makes it";
            return Err((format!("{name} is too large to be a secret"), hint.to_owned()));
        }
        Ok(without_line_end(&secret).to_vec())
    }

    /// Reads it from this machine.
    ///
    /// # Errors
    /// Why it can't be read, for people.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let limit = u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX) + 1;
                let mut bytes = Vec::new();
                let read =
                    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
                read.map_err(|error| error.to_string())?;
                Ok(bytes)
            }
            Self::Variable(name) => match std::env::var(name) {
                Ok(text) => Ok(text.into_bytes()),
                Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
                Err(std::env::VarError::NotUnicode(_)) => Err("it is not UTF-8".to_owned()),
            },
        }
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Variable(name) => format!("${name}"),
        }
    }
}

/// A secret without the line end that editors and shells put at its end.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

//! The readers there are, and what each calls its way of finding a server.

use std::fmt;
use std::str::FromStr;

/// Who looks for the keys, and so how they are spread over several servers. With one server all are the same.
///
/// All servers weigh the same, and the order of the list matters only to [`Routing::Modulo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Routing {
    /// nginx: `hash $memcached_key consistent;` in the `upstream`, and `server` lines as the addresses are shown here, without
    /// weights. When a server fails, nginx asks the next one on its ring, which has nothing under that key.
    Nginx,
    /// pymemcache's `HashClient`, which is Django's `PyMemcacheCache`: rendezvous hashing by `MurmurHash3`. A server that failed
    /// for it repeatedly is out of its ring for a while, and its keys are looked for elsewhere, where they are not.
    Rendezvous,
    /// libmemcached with nothing set, which is Django's `PyLibMCCache` without `behaviors`: a hash modulo the number of servers.
    Modulo,
    /// libmemcached's consistent hashing: pylibmc's `{"ketama": True}`.
    Ketama,
    /// The same with another hash: pylibmc's `{"ketama": True, "hash": "md5"}`.
    KetamaMd5,
    /// libmemcached's weighted ketama: pylibmc's `{"ketama_weighted": True}`; PHP's `OPT_LIBKETAMA_COMPATIBLE`.
    KetamaWeighted,
}

impl Routing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nginx,
        Self::Rendezvous,
        Self::Modulo,
        Self::Ketama,
        Self::KetamaMd5,
        Self::KetamaWeighted,
    ];

    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Rendezvous => "pymemcache",
            Self::Modulo => "pylibmc",
            Self::Ketama => "ketama",
            Self::KetamaMd5 => "ketama-md5",
            Self::KetamaWeighted => "ketama-weighted",
        }
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no name of a [`Routing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRouting(String);

impl fmt::Display for UnknownRouting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a way to spread keys over servers; write", self.0)?;
        for (index, routing) in Routing::ALL.into_iter().enumerate() {
            let before = match index {
                0 => " ",
                last if last + 1 == Routing::ALL.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}\"{routing}\"")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownRouting {}

impl FromStr for Routing {
    type Err = UnknownRouting;

    fn from_str(text: &str) -> Result<Self, UnknownRouting> {
        let found = Self::ALL.into_iter().find(|routing| routing.name() == text);
        found.ok_or_else(|| UnknownRouting(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_again_and_others_are_told_the_choice() {
        for routing in Routing::ALL {
            assert_eq!(routing.name().parse(), Ok(routing));
        }
        let error = "Nginx".parse::<Routing>().expect_err("another case").to_string();
        assert_eq!(
            error,
            "\"Nginx\" is not a way to spread keys over servers; write \"nginx\", \"pymemcache\", \"pylibmc\", \
             \"ketama\", \"ketama-md5\" or \"ketama-weighted\""
        );
    }
}

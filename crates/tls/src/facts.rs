//! What does a certificate say of itself? RFC 5280 §4.1, as far as operators need it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The names it is for, in lower case, `*.` in front for all names one label below; addresses too.
    pub names: Vec<String>,
    /// The hosts that it is shown for: those of the configuration, or else the names.
    pub hosts: Vec<String>,
    /// When it begins to be valid.
    pub not_before: SystemTime,
    /// The last second that it is valid.
    pub not_after: SystemTime,
    /// Who says so: the issuer's name, as RFC 4514 writes it.
    pub issuer: String,
    /// Whether that is the certificate itself, which no browser believes.
    pub self_signed: bool,
    /// Certificates in the file. One for itself is hardly enough, unless it is self-signed.
    pub chain: usize,
}

impl Facts {
    /// Reads them from the first certificate of a chain. The error is for people.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Result<Self, String> {
        let first = chain.first().ok_or("it has no certificate")?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        // RFC 6125 §6.4.4, RFC 9525 §2: the subject's common name is not one.
        if let Some(extension) =
            parsed.subject_alternative_name().map_err(|error| error.to_string())?
        {
            names.extend(extension.value.general_names.iter().filter_map(name));
        }
        let validity = parsed.validity();
        Ok(Self {
            hosts: names.clone(),
            names,
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
            issuer: parsed.issuer().to_string(),
            self_signed: parsed.issuer() == parsed.subject(),
            chain: chain.len(),
        })
    }

    /// Whether it is no longer valid.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        now > self.not_after
    }

    /// Whether it is for `host`, which may be a wildcard itself: RFC 9525 §6.3, one label for a `*`.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| {
            name == host
                || (!host.starts_with("*.")
                    && name.strip_prefix('*').is_some_and(|rest| {
                        host.find('.').and_then(|dot| host.get(dot..)) == Some(rest)
                    }))
        })
    }
}

/// A name as hosts are compared: in lower case, without the dot of the root.
pub(crate) fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "mail addresses and the like name no host")]
    match general {
        GeneralName::DNSName(name) => Some(canonical(name)),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)))
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b))));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let span = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moved = if seconds < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) };
    moved.unwrap_or(epoch)
}

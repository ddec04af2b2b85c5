//! Which keys may stand in a `[[tls.certificate]]`, and what does a file say in them?
//!
//! The table, from which reading and documentation are made, and the walk over the file's tables.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file::given;
use crate::kind::Words;
use crate::parse::{Expected, Fault, parse_path, text};
use crate::problem::{Place, Problem};
use crate::rules::{At, Texts, single, texts};
use crate::suggest::closest;
use crate::value::Given;
use crate::words;

/// One key of a certificate.
#[derive(Debug)]
pub(crate) struct CertificateOption {
    pub(crate) key: &'static str,
    pub(crate) kind: CertificateKind,
    /// One paragraph: what it does.
    pub(crate) text: &'static str,
    /// What counts without it.
    pub(crate) default: &'static str,
    /// A value as written in the file.
    pub(crate) example: &'static str,
}

/// The kinds of values, each with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CertificateKind {
    File(fn(&mut RawCertificate) -> &mut Option<At<String>>),
    Hosts(fn(&mut RawCertificate) -> &mut Option<Texts>),
}

/// Every key of a certificate, in the order of the documentation.
pub(crate) const CERTIFICATE_OPTIONS: &[CertificateOption] = &[
    CertificateOption {
        key: "chain",
        kind: CertificateKind::File(|c| &mut c.chain),
        text: "The certificate as a PEM file, and behind it in the same file those of the authorities between it and \
               the root, as certificate authorities hand them out (`fullchain.pem`). A relative path counts from the \
               working directory.",
        default: "none: it has to be given",
        example: "\"/etc/larder/example.com/fullchain.pem\"",
    },
    CertificateOption {
        key: "key",
        kind: CertificateKind::File(|c| &mut c.key),
        text: "Its private key as a PEM file, not encrypted: RSA, ECDSA or Ed25519. Larder only has to be able to read it.",
        default: "none: it has to be given",
        example: "\"/etc/larder/example.com/privkey.pem\"",
    },
    CertificateOption {
        key: "hosts",
        kind: CertificateKind::Hosts(|c| &mut c.hosts),
        text: "The hosts it is shown for; `*.example.com` is every name one label below `example.com`. The certificate \
               has to be for them.",
        default: "the names in the certificate",
        example: "[\"example.com\", \"*.example.com\"]",
    },
];

impl CertificateOption {
    pub(crate) const fn expected(&self) -> Expected {
        let (key, example) = (self.key, self.example);
        let what = match self.kind {
            CertificateKind::File(_) => "path",
            CertificateKind::Hosts(_) => "host or list of hosts",
        };
        Expected { key, article: "a ", what, example }
    }
}

/// One `[[tls.certificate]]`.
#[derive(Debug)]
pub(crate) struct RawCertificate {
    /// Its header.
    pub(crate) place: Place,
    /// Whether something about it was wrong already.
    pub(crate) faulty: bool,
    pub(crate) chain: Option<At<String>>,
    pub(crate) key: Option<At<String>>,
    pub(crate) hosts: Option<Texts>,
}

/// Whether somebody wrote a key of a certificate, or what other servers call it, outside of one.
pub(crate) fn is_of_certificate(path: &str) -> bool {
    const ELSEWHERE: [&str; 3] = ["cert", "certificate", "certificates"];
    path.strip_prefix("tls.").is_some_and(|leaf| {
        ELSEWHERE.contains(&leaf) || CERTIFICATE_OPTIONS.iter().any(|option| option.key == leaf)
    })
}

/// The value of the key `tls.certificate`.
pub(crate) fn read_certificates(
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<RawCertificate> {
    let wrong = |place| {
        Problem::new(place, "certificates are a list").hint("write [[tls.certificate]] above each")
    };
    let DeValue::Array(list) = value.get_ref() else {
        problems.push(wrong(Place::Span(value.span())));
        return Vec::new();
    };
    let mut certificates = Vec::with_capacity(list.len());
    for element in list.iter() {
        let place = Place::Span(element.span());
        let DeValue::Table(table) = element.get_ref() else {
            problems.push(wrong(place));
            continue;
        };
        let mut certificate =
            RawCertificate { place, faulty: false, chain: None, key: None, hosts: None };
        let before = problems.len();
        read(table, &mut certificate, problems);
        certificate.faulty = problems.len() > before;
        certificates.push(certificate);
    }
    certificates
}

fn read(table: &DeTable<'_>, certificate: &mut RawCertificate, problems: &mut Vec<Problem>) {
    let mut there = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if let Some(option) = CERTIFICATE_OPTIONS.iter().find(|option| option.key == name) {
            there.push(option.key);
            set(option, &given(value), certificate, problems);
        } else {
            let message = format!("unknown option `{}` of a certificate", name.escape_debug());
            let problem = Problem::new(Place::Span(key.span()), message);
            let keys = CERTIFICATE_OPTIONS.iter().map(|option| option.key);
            problems.push(match closest(name, keys) {
                Some(known) => problem.hint(format!("did you mean `{known}`?")),
                None => problem.hint("a certificate has `chain`, `key` and perhaps `hosts`"),
            });
        }
    }
    for needed in ["chain", "key"] {
        if !there.contains(&needed) {
            let message = format!("a certificate without `{needed}`");
            let hint =
                "it needs `chain`, the certificate's file, and `key`, that of its private key";
            problems.push(Problem::new(certificate.place.clone(), message).hint(hint));
        }
    }
}

fn set(
    option: &CertificateOption,
    given: &Given,
    certificate: &mut RawCertificate,
    problems: &mut Vec<Problem>,
) {
    let expected = option.expected();
    match option.kind {
        CertificateKind::File(place) => {
            *place(certificate) = single(given, problems, |value| {
                let path = text(&expected, value)?;
                parse_path(path).map(|_| path.to_owned()).ok_or_else(|| {
                    Fault::new(format!("{path:?} is not a path"), expected.example())
                })
            });
        }
        CertificateKind::Hosts(place) => {
            *place(certificate) = texts(&expected, given, problems);
        }
    }
}

/// What is wrong with the certificates' texts, without reading a file.
pub(crate) fn spelling(raw: &[RawCertificate], problems: &mut Vec<Problem>) {
    for certificate in raw.iter().filter(|certificate| !certificate.faulty) {
        hosts(certificate, problems);
    }
}

/// For which hosts it is to be shown, as far as they can be certificates'.
pub(crate) fn hosts(certificate: &RawCertificate, problems: &mut Vec<Problem>) -> Vec<String> {
    let Some(hosts) = &certificate.hosts else { return Vec::new() };
    if hosts.value.is_empty() {
        let problem = Problem::new(hosts.place.clone(), "`hosts` is an empty list");
        problems.push(problem.hint("leave it out for the names in the certificate"));
    }
    let mut names = Vec::with_capacity(hosts.value.len());
    for host in &hosts.value {
        match host_name(&host.value) {
            Ok(()) => names.push(host.value.clone()),
            Err(fault) => problems.push(fault.at(&host.place)),
        }
    }
    names
}

/// A host as certificates have them.
fn host_name(text: &str) -> Result<(), Fault> {
    words::parse(Words::Hosts, text)?;
    match text.split_once(':') {
        Some((name, _)) if !text.starts_with('[') => {
            let message = format!("{text:?}: certificates are not for ports");
            Err(Fault::new(message, format!("write {name:?}")))
        }
        _ => Ok(()),
    }
}

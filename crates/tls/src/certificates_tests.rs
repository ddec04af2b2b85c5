//! Files as they are found on servers, right and wrong.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm};

use super::*;
use crate::{MinVersion, ServerTls, Stamp};

const ALL: [SignatureScheme; 2] =
    [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519];

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("larder-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// A self-signed certificate for these names, in files called so.
    fn certificate(&self, name: &str, hosts: &[&str]) -> Source {
        self.certificate_by(name, hosts, &PKCS_ECDSA_P256_SHA256, |_| {})
    }

    fn certificate_by(
        &self,
        name: &str,
        hosts: &[&str],
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Source {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("names");
        change(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate");
        Source {
            chain: self.write(&format!("{name}.pem"), certificate.pem()),
            key: self.write(&format!("{name}.key"), key.serialize_pem()),
            hosts: Vec::new(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn problems(sources: &[Source]) -> Vec<Problem> {
    Certificates::load(sources).expect_err("something is wrong")
}

/// The one problem of one source, without the folder's name.
fn problem(folder: &Folder, source: Source) -> (Which, String, String) {
    let [problem] = <[_; 1]>::try_from(problems(&[source])).expect("one");
    let folder = format!("{}/", folder.0.display());
    (problem.which, problem.message.replace(&folder, ""), problem.hint.unwrap_or_default())
}

#[test]
fn a_name_is_answered_exactly_then_by_wildcard_then_by_the_first() {
    let folder = Folder::new();
    let sources = [
        folder.certificate("first", &["first.example"]),
        folder.certificate("wild", &["*.example.com", "example.com"]),
        folder.certificate("exact", &["www.example.com"]),
    ];
    let certificates = Certificates::load(&sources).expect("sound");
    let cases = [
        (None, 0),
        (Some("first.example"), 0),
        (Some("example.com"), 1),
        (Some("a.example.com"), 1),
        (Some("A.Example.COM"), 1),
        (Some("www.example.com"), 2),
        // One label for a `*`, and at least one.
        (Some("a.b.example.com"), 0),
        (Some("b.www.example.com"), 0),
        (Some("unknown.example"), 0),
        (Some("com"), 0),
        (Some("*.example.com"), 1),
    ];
    for (name, expected) in cases {
        assert_eq!(certificates.choose(name, &ALL), Some(expected), "{name:?}");
    }
    let none = Certificates::load(&[]).expect("nothing is wrong with nothing");
    assert_eq!(none.choose(Some("example.com"), &ALL), None);
}

#[test]
fn of_two_for_one_name_the_first_that_the_client_can_check_is_shown() {
    let folder = Folder::new();
    let sources = [
        folder.certificate_by("ed", &["example.com"], &PKCS_ED25519, |_| {}),
        folder.certificate("ec", &["example.com"]),
    ];
    let certificates = Certificates::load(&sources).expect("sound");
    let choose = |schemes: &[_]| certificates.choose(Some("example.com"), schemes);
    assert_eq!(choose(&ALL), Some(0));
    assert_eq!(choose(&ALL[..1]), Some(1), "no Ed25519");
    assert_eq!(certificates.choose(None, &ALL[..1]), Some(1), "without a name too");
    assert_eq!(choose(&[SignatureScheme::RSA_PSS_SHA256]), Some(0), "none will do");
}

#[test]
fn hosts_of_the_configuration_replace_the_names_but_have_to_be_among_them() {
    let folder = Folder::new();
    let mut source = folder.certificate("wild", &["*.example.com", "example.com"]);
    source.hosts = vec!["Shop.example.com".to_owned()];
    let other = folder.certificate("other", &["other.example"]);
    let certificates =
        Certificates::load(&[other, source.clone()]).expect("covered by the wildcard");
    assert_eq!(certificates.choose(Some("shop.example.com"), &ALL), Some(1));
    assert_eq!(certificates.choose(Some("example.com"), &ALL), Some(0), "left to the first");
    assert_eq!(certificates.facts()[1].hosts, ["shop.example.com"]);
    source.hosts = vec!["example.com".to_owned(), "a.b.example.com".to_owned()];
    assert_eq!(
        problem(&folder, source),
        (
            Which::Hosts(1),
            "the certificate in wild.pem is not for `a.b.example.com` but for *.example.com, example.com"
                .to_owned(),
            String::new()
        )
    );
}

#[test]
fn a_certificate_without_a_name_is_only_good_as_the_first() {
    let folder = Folder::new();
    let sources = [folder.certificate("none", &[]), folder.certificate("some", &["some.example"])];
    assert!(Certificates::load(&sources).is_ok());
    let [one, other] = sources;
    let found = problems(&[other, one]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].index, found[0].which), (1, Which::Hosts(0)));
}

#[test]
fn wrong_files_are_told_apart() {
    let folder = Folder::new();
    let good = folder.certificate("good", &["good.example"]);
    let other = folder.certificate("other", &["other.example"]);
    let text = folder.write("note.txt", "not here");
    let der = folder.write("cert.der", [0x30, 0x82, 1, 2]);
    let broken = folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\nQQ");
    let nonsense = folder
        .write("nonsense.pem", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
    let bad_key =
        folder.write("bad.key", "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n");
    let encrypted = folder.write(
        "secret.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nQUJD\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let old = folder.write(
        "old.key",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nQUJD\n-----END RSA PRIVATE KEY-----\n",
    );
    let both = |chain: &Path, key: &Path| Source {
        chain: chain.to_owned(),
        key: key.to_owned(),
        hosts: Vec::new(),
    };
    let missing = folder.0.join("missing.pem");
    let cases = [
        (both(&missing, &good.key), Which::Chain, "missing.pem cannot be read: No such file"),
        (both(&good.chain, &missing), Which::Key, "missing.pem cannot be read: No such file"),
        (both(&folder.0, &good.key), Which::Chain, "cannot be read: Is a directory"),
        (both(&text, &good.key), Which::Chain, "note.txt is not PEM (PEM is text"),
        (both(&der, &good.key), Which::Chain, "cert.der is not PEM (it looks like DER"),
        (both(&broken, &good.key), Which::Chain, "broken.pem is not sound PEM"),
        (both(&nonsense, &good.key), Which::Chain, "the certificate in nonsense.pem is not sound"),
        (both(&good.key, &good.key), Which::Chain, "good.key has a key but no certificate"),
        (both(&good.chain, &good.chain), Which::Key, "good.pem has a certificate but no key"),
        (both(&good.chain, &bad_key), Which::Key, "the key in bad.key is not sound"),
        (both(&good.chain, &encrypted), Which::Key, "the key in secret.key is encrypted"),
        (both(&good.chain, &old), Which::Key, "the key in old.key is encrypted"),
        (
            both(&good.chain, &other.key),
            Which::Key,
            "the key in other.key does not belong to the certificate in good.pem (was one of",
        ),
    ];
    for (source, which, said) in cases {
        let (actual, message, hint) = problem(&folder, source);
        assert_eq!(actual, which, "{said}");
        assert!(format!("{message} ({hint})").contains(said), "{said}: {message} ({hint})");
    }
    let all = problems(&[good.clone(), both(&text, &text), both(&good.chain, &other.key)]);
    let places: Vec<_> = all.iter().map(|problem| (problem.index, problem.which)).collect();
    assert_eq!(places, [(1, Which::Chain), (1, Which::Key), (2, Which::Key)], "all at once");
}

#[test]
fn a_chain_in_the_wrong_order_is_recognised() {
    let folder = Folder::new();
    let site = folder.certificate("site", &["site.example"]);
    let authority = folder.certificate("authority", &["authority.example"]);
    let read = |path: &Path| std::fs::read_to_string(path).expect("written above");
    let (first, second) = (read(&site.chain), read(&authority.chain));
    let right = folder.write("right.pem", format!("{first}{second}"));
    let wrong = folder.write("wrong.pem", format!("{second}{first}"));
    let loaded = Certificates::load(&[Source { chain: right, ..site.clone() }]).expect("in order");
    assert_eq!(loaded.facts()[0].chain, 2);
    let (which, _, hint) = problem(&folder, Source { chain: wrong, ..site });
    assert_eq!(which, Which::Key);
    assert!(hint.contains("has to be the first"), "{hint}");
}

#[test]
fn facts_are_those_of_the_first_certificate() {
    let folder = Folder::new();
    let source = folder.certificate_by(
        "old",
        &["Old.example", "*.old.example", "192.0.2.1"],
        &PKCS_ECDSA_P256_SHA256,
        |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
            params.distinguished_name.push(rcgen::DnType::CommonName, "old");
        },
    );
    let loaded = Certificates::load(&[source]).expect("an expired one is no problem");
    let facts = &loaded.facts()[0];
    assert_eq!(facts.names, ["old.example", "*.old.example", "192.0.2.1"]);
    assert_eq!((facts.issuer.as_str(), facts.self_signed, facts.chain), ("CN=old", true, 1));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_609_459_200);
    assert_eq!(facts.not_after, end);
    assert!(!facts.has_expired(end), "its last second");
    assert!(facts.has_expired(end + Duration::from_secs(1)));
    for (host, covered) in [
        ("old.example", true),
        ("a.old.example", true),
        ("*.old.example", true),
        ("a.b.old.example", false),
        ("*.a.old.example", false),
        ("xold.example", false),
    ] {
        assert_eq!(facts.covers(host), covered, "{host}");
    }
}

#[test]
fn a_replaced_configuration_is_for_new_connections_and_keeps_the_tickets() {
    let folder = Folder::new();
    let one = Certificates::load(&[folder.certificate("one", &["one.example"])]).expect("sound");
    let two = Certificates::load(&[folder.certificate("two", &["two.example"])]).expect("sound");
    let tls = ServerTls::new(&one, MinVersion::Tls12).expect("a configuration");
    let before = tls.config();
    tls.replace(&two, MinVersion::Tls13).expect("another");
    let after = tls.config();
    let sealed = before.ticketer.encrypt(b"session").expect("a ticket");
    assert_eq!(after.ticketer.decrypt(&sealed).expect("known"), b"session");
    assert!(after.ticketer.enabled());
    assert_eq!(after.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
    assert_eq!(after.max_early_data_size, 0);
}

#[test]
fn a_stamp_differs_when_a_file_does() {
    let folder = Folder::new();
    let source = folder.certificate("one", &["one.example"]);
    let sources = [source.clone()];
    let before = Stamp::of(&sources);
    assert_eq!(before, Stamp::of(&sources));
    // A renewal by renaming: same length perhaps, another file in any case.
    let content = std::fs::read(&source.key).expect("written above");
    let aside = folder.write("aside", content);
    std::fs::rename(aside, &source.key).expect("renamed");
    let renamed = Stamp::of(&sources);
    assert_ne!(before, renamed);
    std::fs::remove_file(&source.chain).expect("removed");
    assert_ne!(renamed, Stamp::of(&sources), "gone");
}

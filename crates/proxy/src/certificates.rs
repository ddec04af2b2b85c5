//! Which certificates are in force, and how are they replaced when their files are?
//!
//! By a new configuration, and by themselves: the files are looked at from time to time, since whoever renews certificates
//! hardly tells. What can't be used leaves what was there before.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_config::TlsConfig;
use larder_tls::{Certificates, MinVersion, ServerTls, Source, Stamp};
use parking_lot::Mutex;

use crate::metrics::Metrics;
use crate::start_error::StartError;

/// What TLS towards clients begins with, and where it comes from.
#[derive(Debug)]
pub(crate) struct Shown {
    tls: Arc<ServerTls>,
    metrics: Arc<Metrics>,
    watched: Mutex<Watched>,
}

#[derive(Debug)]
struct Watched {
    sources: Vec<Source>,
    least: MinVersion,
    certificates: Certificates,
    /// What the files were like when they were last read, for better or worse.
    stamp: Stamp,
}

impl Watched {
    fn of(config: &TlsConfig) -> Self {
        Self {
            sources: config.sources.clone(),
            least: config.min_version,
            certificates: config.certificates.clone(),
            stamp: config.certificates.stamp().clone(),
        }
    }
}

impl Shown {
    pub(crate) fn start(config: &TlsConfig, metrics: &Arc<Metrics>) -> Result<Self, StartError> {
        let tls = ServerTls::new(&config.certificates, config.min_version);
        let tls = Arc::new(tls.map_err(|error| StartError::Tls(error.to_string()))?);
        Ok(Self { tls, metrics: Arc::clone(metrics), watched: Mutex::new(Watched::of(config)) })
    }

    /// What new connections begin with.
    pub(crate) const fn tls(&self) -> &Arc<ServerTls> {
        &self.tls
    }

    /// Those in force.
    pub(crate) fn certificates(&self) -> Certificates {
        self.watched.lock().certificates.clone()
    }

    /// Puts those of a new configuration in force. One without any waits for a restart with its listeners.
    pub(crate) fn replace(&self, config: &TlsConfig) -> Result<(), StartError> {
        if config.sources.is_empty() {
            return Ok(());
        }
        let mut watched = self.watched.lock();
        self.tls
            .replace(&config.certificates, config.min_version)
            .map_err(|error| StartError::Tls(error.to_string()))?;
        *watched = Watched::of(config);
        Ok(())
    }

    /// Reads the files again if they are not what they were.
    pub(crate) fn look(&self) {
        let mut watched = self.watched.lock();
        let stamp = Stamp::of(&watched.sources);
        if stamp == watched.stamp {
            return;
        }
        // A file that is wrong is told of once, and read again when it changes again.
        watched.stamp = stamp;
        let said = Certificates::load(&watched.sources).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            lines.join("\n")
        });
        let replaced = said.and_then(|certificates| {
            let replaced = self.tls.replace(&certificates, watched.least);
            replaced.map(|()| certificates).map_err(|error| error.to_string())
        });
        match replaced {
            Ok(certificates) => {
                watched.stamp = certificates.stamp().clone();
                watched.certificates = certificates;
                self.metrics.certificates_applied.fetch_add(1, Ordering::Relaxed);
                tracing::info!("the certificates' files have changed: they are shown from now on");
                let now = crate::clock::wall();
                for facts in watched.certificates.facts().iter().filter(|one| one.has_expired(now))
                {
                    tracing::warn!("the certificate for {} has expired", facts.hosts.join(", "));
                }
            }
            Err(said) => {
                self.metrics.certificates_refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    "the certificates' files have changed, those before are kept:\n{said}"
                );
            }
        }
    }

    /// Does so from time to time, for ever.
    pub(crate) async fn keep_looking(self: Arc<Self>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.look();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate with its key in a folder of this test's own.
    fn certify() -> Source {
        let folder: PathBuf =
            std::env::temp_dir().join(format!("larder-certificates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["site.test".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let source = Source {
            chain: folder.join("site.pem"),
            key: folder.join("site.key"),
            hosts: Vec::new(),
        };
        std::fs::write(&source.chain, certificate.pem()).expect("a file");
        std::fs::write(&source.key, key.serialize_pem()).expect("a file");
        source
    }

    #[test]
    fn changed_files_are_found_without_anybody_saying_so() {
        let sources = vec![certify()];
        let config = TlsConfig {
            min_version: MinVersion::Tls13,
            certificates: Certificates::load(&sources).expect("sound"),
            sources,
        };
        let metrics = Arc::new(Metrics::new(1));
        let shown = Arc::new(Shown::start(&config, &metrics).expect("TLS"));
        let applied = || metrics.certificates_applied.load(Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let every = crate::limits::CERTIFICATES_EVERY;
        runtime.block_on(async {
            tokio::spawn(Arc::clone(&shown).keep_looking(every));
            tokio::time::sleep(every + Duration::from_secs(1)).await;
            assert_eq!(applied(), 0, "nothing has changed");
            drop(certify());
            tokio::time::sleep(every).await;
            assert_eq!(applied(), 1);
            tokio::time::sleep(every * 3).await;
            assert_eq!(applied(), 1, "once");
        });
        let folder = config.sources[0].chain.parent().expect("a folder");
        std::fs::remove_dir_all(folder).expect("removed");
        runtime.block_on(async { tokio::time::sleep(every).await });
        assert_eq!(metrics.certificates_refused.load(Ordering::Relaxed), 1);
        assert_eq!(shown.certificates().facts().len(), 1, "the last good one");
    }
}

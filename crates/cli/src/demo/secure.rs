//! The demo's certificate: made for one run, vouched for by nobody, gone with it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};

use super::clock;

const DAY: Duration = Duration::from_secs(86_400);

/// Where https is listened to, and a folder with what is shown there. The folder is removed in the end.
#[derive(Debug)]
pub(super) struct Secure {
    address: SocketAddr,
    folder: PathBuf,
}

impl Secure {
    /// Makes a key and a certificate for this machine's own names and for `address`.
    pub(super) fn make(address: SocketAddr) -> io::Result<Self> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let own = address.ip().to_string();
        if !address.ip().is_unspecified() && !names.contains(&own) {
            names.push(own);
        }
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        let now = clock::now();
        // Machines that share a network are rarely a day apart.
        params.not_before = now.checked_sub(DAY).unwrap_or(now).into();
        params.not_after = now.checked_add(30 * DAY).unwrap_or(now).into();
        params.distinguished_name.push(DnType::CommonName, "larder demo");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("larder-demo-{}", std::process::id()));
        // Nobody else's business; and what is there already is somebody else's.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let secure = Self { address, folder };
        write(&secure.chain(), &certificate.pem())?;
        write(&secure.key(), &key.serialize_pem())?;
        Ok(secure)
    }

    /// What a configuration file says of it.
    pub(super) fn file(&self) -> String {
        let (chain, key) = (self.chain(), self.key());
        format!(
            "[listen]\nhttps = \"{}\"\n[[tls.certificate]]\nchain = {:?}\nkey = {:?}\n",
            self.address,
            chain.to_string_lossy(),
            key.to_string_lossy()
        )
    }

    fn chain(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

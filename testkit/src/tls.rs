//! TLS for peers: authorities and certificates made on the spot, and an end of TLS in front of a peer that
//! speaks without it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoClientAuth;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Somebody who vouches for certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PemFile,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    pem: String,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub enum Valid {
    /// For long.
    Now,
    /// It was once.
    Before,
    /// It will be.
    Later,
}

impl Authority {
    /// A new one that nobody knows yet.
    ///
    /// # Panics
    /// When there is no room for its file.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params(&[], Valid::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let file = PemFile::new(&issuer.pem());
        Self { issuer, file }
    }

    /// A file with its certificate, there as long as it is.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file.0
    }

    /// A certificate for names and addresses.
    ///
    /// # Panics
    /// When a name is none.
    #[must_use]
    pub fn certify(&self, names: &[&str], valid: Valid) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let made = params(names, valid).signed_by(&key, &self.issuer).expect("a certificate");
        Identity { chain: vec![made.der().clone()], key, pem: made.pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// One that nobody vouches for; as of `openssl req -x509`, it says that it is an authority itself.
    ///
    /// # Panics
    /// When a name is none.
    #[must_use]
    pub fn self_signed(names: &[&str], valid: Valid) -> Self {
        let mut params = params(names, valid);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        Self { chain: vec![made.der().clone()], key, pem: made.pem() }
    }

    /// A file with the certificate.
    #[must_use]
    pub fn file(&self) -> PemFile {
        PemFile::new(&self.pem)
    }

    /// A file with the key.
    #[must_use]
    pub fn key_file(&self) -> PemFile {
        PemFile::new(&self.key.serialize_pem())
    }

    /// A server that shows it, with these versions of TLS.
    ///
    /// # Panics
    /// When there is no such server.
    #[must_use]
    pub fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        self.server_for(versions, Arc::new(NoClientAuth))
    }

    /// The same, which asks clients for their certificates.
    ///
    /// # Panics
    /// When there is no such server.
    #[must_use]
    pub fn server_for(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Arc<dyn ClientCertVerifier>,
    ) -> ServerConfig {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(self.chain.clone(), key)
            .expect("a certificate with its key");
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        server
    }
}

/// Both versions.
pub const ALL_VERSIONS: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

fn params(names: &[&str], valid: Valid) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let called = names.first().map_or("an authority of a test", String::as_str).to_owned();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, called);
    let (begin, end) = match valid {
        Valid::Now => (2000, 3000),
        Valid::Before => (2000, 2001),
        Valid::Later => (3000, 3001),
    };
    (params.not_before, params.not_after) = (date_time_ymd(begin, 1, 1), date_time_ymd(end, 1, 1));
    params
}

/// A file that is gone when this is.
#[derive(Debug)]
pub struct PemFile(PathBuf);

impl PemFile {
    /// With this text.
    ///
    /// # Panics
    /// When there is no room.
    #[must_use]
    pub fn new(text: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("larder-test-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("room for a file");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Ends TLS in front of a peer that speaks without it, byte for byte.
pub struct TlsEnd {
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl fmt::Debug for TlsEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsEnd").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl TlsEnd {
    /// In front of `peer`.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn before(peer: SocketAddr, server: ServerConfig) -> Self {
        Self::start(peer, server, Ends::Announced)
    }

    /// The same, but where the peer ends a connection, TLS says nothing of it: as if somebody on the way
    /// had cut it off.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn cutting(peer: SocketAddr, server: ServerConfig) -> Self {
        Self::start(peer, server, Ends::Cut)
    }

    fn start(peer: SocketAddr, server: ServerConfig, ends: Ends) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let addr = listener.local_addr().expect("an address");
        runtime.spawn(accept(listener, TlsAcceptor::from(Arc::new(server)), peer, ends));
        Self { addr, runtime: Some(runtime) }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for TlsEnd {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How a peer's end is passed on.
#[derive(Clone, Copy)]
enum Ends {
    Announced,
    Cut,
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, peer: SocketAddr, ends: Ends) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not like the certificate leaves, and peers reset connections.
            let _left: io::Result<()> = async {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(peer).await?;
                match ends {
                    Ends::Announced => {
                        tokio::io::copy_bidirectional(&mut outside, &mut inside).await?;
                    }
                    Ends::Cut => {
                        let (mut from_outside, mut to_outside) = tokio::io::split(outside);
                        let (mut from_inside, mut to_inside) = inside.split();
                        tokio::select! {
                            asked = tokio::io::copy(&mut from_outside, &mut to_inside) => asked?,
                            said = tokio::io::copy(&mut from_inside, &mut to_outside) => said?,
                        };
                    }
                }
                Ok(())
            }
            .await;
        });
    }
}

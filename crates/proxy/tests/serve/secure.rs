//! Certificates made on the spot, a server that shows them, and clients of every version of TLS.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::{Client, Origin, PATIENCE, ReadError, Script};
use larder_tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use larder_tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use larder_tls::rustls::version::{TLS12, TLS13};
use larder_tls::rustls::{
    self, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
};
use rcgen::{CertificateParams, KeyPair};

use crate::admin;

/// A folder with certificates.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("larder-serve-tls-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).expect("a folder");
        folder
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        // As those who renew certificates do it: another file in the place of the first.
        let aside = self.0.join("aside");
        std::fs::write(&aside, content).expect("a file");
        std::fs::rename(aside, self.0.join(name)).expect("renamed");
    }

    /// Puts a new self-signed certificate into `name.pem` and `name.key`.
    pub(crate) fn certify(&self, name: &str, hosts: &[&str]) {
        let key = KeyPair::generate().expect("a key");
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let params = CertificateParams::new(hosts).expect("names");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.write(&format!("{name}.pem"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// The file's part for the certificates of these names.
    pub(crate) fn entries(&self, names: &[&str]) -> String {
        let entry = |name: &&str| {
            let folder = self.0.display();
            format!(
                "[[tls.certificate]]\nchain = '{folder}/{name}.pem'\nkey = '{folder}/{name}.key'\n"
            )
        };
        names.iter().map(entry).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// `top` stands above the sections, `below` behind them.
pub(crate) fn config(origin: &Origin, top: &str, below: &str) -> Config {
    let text = format!(
        "upstream = '{}'\n{top}\n[listen]\nhttp = '127.0.0.1:0'\nhttps = '127.0.0.1:0'\nworkers = 2\n\
         [admin]\nlisten = '127.0.0.1:0'\n{below}",
        origin.url()
    );
    Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A server with one certificate for `site.test`.
pub(crate) fn serve(origin: &Origin, top: &str, below: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.certify("site", &["site.test"]);
    let below = format!("{below}{}", folder.entries(&["site"]));
    (Server::start(config(origin, top, &below)).expect("a server"), folder)
}

pub(crate) fn page(text: &'static str) -> Origin {
    Origin::answering(move |_| Script::answer("200 OK", "Cache-Control: max-age=60\r\n", text))
}

/// Takes whatever certificate it is shown, and the proof of its key.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = larder_tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = larder_tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        larder_tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

/// How a client speaks: its versions and what it offers by ALPN.
pub(crate) fn offer(
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(larder_tls::provider())
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) fn h1() -> Arc<ClientConfig> {
    offer(&[&TLS13, &TLS12], &["http/1.1"])
}

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Connects to `address`, asks for `name`, and goes through the handshake.
pub(crate) fn shake(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Tls> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    shake_on(socket, config, name)
}

pub(crate) fn shake_on(
    socket: TcpStream,
    config: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Tls> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let session = ClientConnection::new(Arc::clone(config), name).expect("a client");
    let mut tls = StreamOwned::new(session, socket);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(tls)
}

/// A client that speaks HTTP/1.1 over TLS.
pub(crate) fn client_over(tls: Tls) -> Client {
    let socket = tls.sock.try_clone().expect("a second handle");
    Client::on(socket).through(tls)
}

pub(crate) fn connect(server: &Server) -> Client {
    client_over(shake(server.https_addresses()[0], &h1(), "site.test").expect("a handshake"))
}

/// The names in the certificate that was shown.
pub(crate) fn shown(tls: &Tls) -> Vec<u8> {
    tls.conn.peer_certificates().expect("a certificate")[0].to_vec()
}

pub(crate) fn is_for(tls: &Tls, host: &str) -> bool {
    shown(tls).windows(host.len()).any(|part| part == host.as_bytes())
}

/// Whether the end comes with `close_notify`: without, a client has to take it for a cut.
pub(crate) fn ends_properly(client: &mut Client) -> bool {
    client.read_head() == Err(ReadError::Closed)
}

pub(crate) fn metric(server: &Server, line: &str) -> bool {
    admin(server, "/metrics").1.contains(line)
}

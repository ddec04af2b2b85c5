//! Where a running Larder takes orders, and how it is given one.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use larder_config::{Config, ConfigBuilder, Overrides, SecretSource};
use serde_json::Value;

use crate::arguments::AdminFlags;
use crate::check;

/// An order is carried out in milliseconds; one that waits for a sweep of millions of pages, or for pages to be made, in seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom to ask, and with which token.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) address: SocketAddr,
    token: Option<String>,
}

impl At {
    /// The command line comes first, then the configuration, then the defaults.
    pub(crate) fn of(flags: &AdminFlags) -> Result<Self, String> {
        let config = match &flags.config {
            Some(path) => Some(load(path)?),
            None => None,
        };
        let configured = || match &config {
            Some(config) => config.admin,
            None => Config::default().admin,
        };
        let address = flags.listener.or_else(configured);
        let address = address.ok_or("`admin.listen` is off: nobody could be asked")?;
        let named = flags.token_file.clone().map(SecretSource::File);
        let source = named.or_else(|| config.as_ref().and_then(Config::admin_token));
        let token = source.map(|source| token(&source)).transpose()?;
        Ok(Self { address: reachable(address), token })
    }

    /// One request, one answer, one connection: HTTP/1.1 as RFC 9112 has it, so far as our own listener needs it.
    pub(crate) fn ask(&self, path: &str, body: &str) -> Result<(u16, Value), String> {
        let text = |error: io::Error| error.to_string();
        let mut socket = TcpStream::connect_timeout(&self.address, PATIENCE).map_err(|error| {
            format!("{error}; is larder serve running, with this `admin.listen`?")
        })?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(text)?;
        let token = self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n{}\r\n{body}",
            self.address,
            body.len(),
            token.unwrap_or_default(),
        );
        socket.write_all(request.as_bytes()).map_err(text)?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).map_err(text)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        let (Some(status), Some(body)) = (status, body) else {
            return Err("what answers there does not speak HTTP".to_owned());
        };
        let body = serde_json::from_str(body)
            .map_err(|_| format!("what answers there is not Larder: it says {status}"))?;
        Ok((status, body))
    }
}

/// What is listened to is not always what can be connected to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The rules of a file with mistakes elsewhere are not needed, but its words have to be readable.
fn load(path: &Path) -> Result<Config, String> {
    let config = check::load(path, Overrides::new()).or_else(|problems| {
        let mut overrides = Overrides::new();
        overrides.flag("upstream", "http://127.0.0.1:1");
        let text = std::fs::read_to_string(path).map_err(|_| problems)?;
        ConfigBuilder::new().file(path.display().to_string(), text).overrides(overrides).build()
    });
    config.map_err(|problems| problems.to_string())
}

fn token(source: &SecretSource) -> Result<String, String> {
    let bytes = source.read().map_err(|error| format!("the token can't be read: {error}"))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token is not one line of visible ASCII".to_owned());
    }
    Ok(text.to_owned())
}

//! Gets a sitemap from the web: one GET, with redirects, certificates verified as browsers do.

use std::cell::OnceCell;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, LOCATION, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use larder_tls::client::{ClientTls, Name, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::limits::{ADDRESSES_MAX, CONNECT_MAX, REDIRECTS_MAX, SITEMAP_BYTES_MAX, SITEMAP_MAX};

/// Asks for sitemaps.
#[derive(Default)]
pub(super) struct Visitor {
    /// Whom the machine trusts is read only where somebody shows a certificate.
    tls: OnceCell<ClientTls>,
}

/// What came.
enum Came {
    Body(Vec<u8>),
    Redirect(String),
}

impl Visitor {
    /// What is at a URL, as it came: perhaps gzipped.
    pub(super) async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let mut uri: Uri = url.parse().map_err(|error| format!("it is not a URL: {error}"))?;
        for _ in 0..=REDIRECTS_MAX {
            let asked = timeout(SITEMAP_MAX, self.ask(&uri)).await;
            match asked.map_err(|_| format!("it took longer than {SITEMAP_MAX:?}"))?? {
                Came::Body(body) => return Ok(body),
                Came::Redirect(to) => uri = joined(&uri, &to)?,
            }
        }
        Err(format!("it was redirected more than {REDIRECTS_MAX} times"))
    }

    async fn ask(&self, uri: &Uri) -> Result<Came, String> {
        let host = uri.host().ok_or("it names no host")?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("only http and https are spoken".to_owned()),
        };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = connect(bare, port).await?;
        if !is_https {
            return speak(stream, uri).await;
        }
        let tls = match self.tls.get() {
            Some(tls) => tls.clone(),
            None => {
                let tls = ClientTls::new(&Trust::System).map_err(|problem| problem.message)?;
                self.tls.get_or_init(|| tls).clone()
            }
        };
        let name = Name::parse(bare).ok_or_else(|| format!("no certificate is for {bare:?}"))?;
        let secured = timeout(CONNECT_MAX, tls.handshake(&name, stream)).await;
        let secured = secured.map_err(|_| format!("no TLS handshake in {CONNECT_MAX:?}"))?;
        speak(secured.map_err(|error| format!("no TLS: {error}"))?, uri).await
    }
}

/// Where a redirect leads: a whole URL, or a path of the same origin.
fn joined(from: &Uri, to: &str) -> Result<Uri, String> {
    let wrong = || format!("it is redirected to {to:?}, which is no URL");
    let uri: Uri = to.parse().map_err(|_| wrong())?;
    if uri.authority().is_some() && uri.scheme().is_some() {
        return Ok(uri);
    }
    if !to.starts_with('/') || to.starts_with("//") {
        return Err(wrong());
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = uri.into_parts().path_and_query;
    Uri::from_parts(parts).map_err(|_| wrong())
}

/// Tries the addresses of a name one after the other.
async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let looked_up = timeout(CONNECT_MAX, lookup_host((host, port))).await;
    let addresses = looked_up
        .map_err(|_| format!("the name {host} was not looked up in time"))?
        .map_err(|error| format!("the name {host} does not resolve: {error}"))?;
    let mut last = format!("the name {host} has no address");
    for address in addresses.take(ADDRESSES_MAX) {
        match timeout(CONNECT_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = format!("no connection to {address}: {error}"),
            Err(_elapsed) => last = format!("no connection to {address} in {CONNECT_MAX:?}"),
        }
    }
    Err(last)
}

async fn speak<S>(stream: S, uri: &Uri) -> Result<Came, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let no_answer = |error: hyper::Error| format!("no proper answer: {error}");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
    let driver = tokio::spawn(connection);
    let came = match sender.send_request(request(uri)?).await {
        Ok(response) => read(response).await,
        Err(error) => Err(no_answer(error)),
    };
    driver.abort();
    came
}

fn request(uri: &Uri) -> Result<Request<Empty<Bytes>>, String> {
    let mut request = Request::new(Empty::new());
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    *request.uri_mut() = target.parse().map_err(|error| format!("{target:?}: {error}"))?;
    let fields = request.headers_mut();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(authority).map_err(|_| "it names no host".to_owned())?;
    fields.insert(HOST, host);
    fields.insert(USER_AGENT, HeaderValue::from_static("larder-warm"));
    fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Result<Came, String> {
    let (head, mut body) = response.into_parts();
    if head.status.is_redirection()
        && let Some(to) = head.headers.get(LOCATION).and_then(|to| to.to_str().ok())
    {
        return Ok(Came::Redirect(to.to_owned()));
    }
    if head.status != StatusCode::OK {
        return Err(format!("it was answered with {}", head.status));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("it broke off: {error}"))?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if bytes.len() + data.len() > SITEMAP_BYTES_MAX {
            return Err(format!("it has more than {SITEMAP_BYTES_MAX} bytes"));
        }
        bytes.extend_from_slice(data);
    }
    Ok(Came::Body(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_whole_urls_and_paths() {
        let from: Uri = "https://a.test/x?y".parse().expect("a URL");
        let cases = [
            ("/sitemap.xml?z", Some("https://a.test/sitemap.xml?z")),
            ("https://b.test/", Some("https://b.test/")),
            ("//b.test/", None),
            ("sitemap.xml", None),
            ("", None),
        ];
        for (to, expected) in cases {
            let joined = joined(&from, to).ok().map(|uri| uri.to_string());
            assert_eq!(joined.as_deref(), expected, "{to}");
        }
    }
}

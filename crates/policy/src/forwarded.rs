//! What Larder tells the application about the client, and both about itself: `X-Forwarded-*`, `Forwarded` (RFC 7239), `Via`
//! (RFC 9110 §7.6.3).
//!
//! What came in is replaced, never continued: whatever of it is believed is in the [`Arrival`](crate::Arrival) already, so the
//! application need not know how many proxies there are.

use crate::forwarded_style::{Names, Say, Style};
use crate::scheme::Scheme;
use http::{
    HeaderMap, Version,
    header::{self, HeaderName, HeaderValue},
};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the application is told of all requests of one client.
#[derive(Clone, Debug)]
pub struct Client {
    /// None where it is to be told of nobody.
    address: Option<HeaderValue>,
    scheme: Scheme,
    style: Arc<Style>,
}

impl Client {
    /// A client at this address that reached us by this scheme.
    #[must_use]
    pub fn new(client: IpAddr, scheme: Scheme, style: &Arc<Style>) -> Self {
        Self { address: address(client), scheme, style: Arc::clone(style) }
    }

    /// Nobody in particular, by this scheme: what is asked for many is not asked by the one who came first.
    #[must_use]
    pub fn nobody(scheme: Scheme, style: &Arc<Style>) -> Self {
        Self { address: None, scheme, style: Arc::clone(style) }
    }

    /// The scheme that the application is told.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Tells the application who asks, by which scheme, for which site. `Host` gets the canonical spelling too: another
    /// one would be unkeyed and yet seen by the application.
    ///
    /// `host` is canonical; `None` (HTTP/1.0 without one) leaves all that is said of it out.
    pub fn write(&self, headers: &mut HeaderMap, host: Option<&HeaderValue>) {
        let names = self.style.names;
        let custom = matches!(names, Names::XForwarded | Names::Both);
        let standard = matches!(names, Names::Forwarded | Names::Both);
        put(headers, header::FORWARDED, standard.then(|| self.forwarded(host)).flatten());
        let said = |value: Option<HeaderValue>| value.filter(|_| custom);
        put(headers, X_FORWARDED_FOR, said(self.address.clone()));
        put(headers, X_FORWARDED_PROTO, said(Some(HeaderValue::from_static(self.scheme.as_str()))));
        put(headers, X_FORWARDED_HOST, said(host.cloned()));
        put(headers, X_FORWARDED_PORT, said(host.and_then(|host| self.port(host))));
        put(headers, header::HOST, host.cloned());
        for extra in &self.style.extras {
            put(headers, extra.name().clone(), self.say(extra.say(), host));
        }
    }

    fn say(&self, say: &Say, host: Option<&HeaderValue>) -> Option<HeaderValue> {
        let secure = self.scheme == Scheme::Https;
        match say {
            Say::Scheme => Some(HeaderValue::from_static(self.scheme.as_str())),
            Say::On => Some(HeaderValue::from_static(if secure { "on" } else { "off" })),
            Say::Https => secure.then(|| HeaderValue::from_static("on")),
            Say::Host => host.cloned(),
            Say::Port => host.and_then(|host| self.port(host)),
            Say::Client => self.address.clone(),
            Say::Text(text) => Some(text.clone()),
        }
    }

    /// The port of a canonical host, which leaves out the scheme's own.
    fn port(&self, host: &HeaderValue) -> Option<HeaderValue> {
        let bytes = host.as_bytes();
        // Behind a bracket, or behind the only colon.
        let name = bytes.iter().rposition(|byte| *byte == b']').unwrap_or_default();
        let colon = bytes.get(name..)?.iter().position(|byte| *byte == b':');
        match (colon, self.scheme) {
            (Some(colon), _) => HeaderValue::from_bytes(bytes.get(name + colon + 1..)?).ok(),
            (None, Scheme::Http) => Some(HeaderValue::from_static("80")),
            (None, Scheme::Https) => Some(HeaderValue::from_static("443")),
        }
    }

    /// RFC 7239 §4: one element. What has a colon is quoted, IPv6 also has its brackets (§6).
    fn forwarded(&self, host: Option<&HeaderValue>) -> Option<HeaderValue> {
        let mut line: Vec<u8> = Vec::with_capacity(96);
        if let Some(address) = &self.address {
            let is_v6 = address.as_bytes().contains(&b':');
            let (open, close) = if is_v6 { ("\"[", "]\"") } else { ("", "") };
            line.extend(
                [b"for=", open.as_bytes(), address.as_bytes(), close.as_bytes(), b";"].concat(),
            );
        }
        if let Some(host) = host {
            let quote: &[u8] = if host.as_bytes().contains(&b':') { b"\"" } else { b"" };
            line.extend([b"host=", quote, host.as_bytes(), quote, b";"].concat());
        }
        line.extend([b"proto=", self.scheme.as_str().as_bytes()].concat());
        HeaderValue::from_bytes(&line).ok()
    }
}

/// [`Client::write`] for one request, as it is done where the site says nothing; an empty `host` is none.
pub fn write(headers: &mut HeaderMap, client: IpAddr, scheme: Scheme, host: &str) {
    let host = Some(host).filter(|host| !host.is_empty());
    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
    Client::new(client, scheme, &Arc::default()).write(headers, host.as_ref());
}

/// RFC 9110 §7.6.3: appends Larder to the list, with the version in which the message was received.
///
/// For requests; a gateway need not name itself in responses. The pseudonym hides the host's name, which §7.6.3 allows.
pub fn via(headers: &mut HeaderMap, received: Version) {
    let entry = match received {
        Version::HTTP_10 => "1.0 larder",
        Version::HTTP_2 => "2.0 larder",
        Version::HTTP_3 => "3.0 larder",
        // `Version` has no other that an edge could have read a message in.
        _ => "1.1 larder",
    };
    // A line of its own continues the list (RFC 9110 §5.3). A map too full for one more is over the head's limit anyway.
    let _ = headers.try_append(header::VIA, HeaderValue::from_static(entry));
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    // A full map must not keep the client's own value, so what cannot be put is removed.
    let put = value.is_some_and(|value| headers.try_insert(&name, value).is_ok());
    if !put {
        headers.remove(name);
    }
}

/// An IPv4 client of a dual-stack socket shows as what it is.
fn address(client: IpAddr) -> Option<HeaderValue> {
    match client.to_canonical() {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => HeaderValue::from_str(&address.to_string()).ok(),
    }
}

/// Written by hand: formatting machinery costs four times as much, once per request.
fn v4(address: Ipv4Addr) -> Option<HeaderValue> {
    let mut text = [0; 15];
    let mut len = 0;
    let mut push = |byte: u8| {
        if let Some(place) = text.get_mut(len) {
            *place = byte;
            len += 1;
        }
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    HeaderValue::from_bytes(text.get(..len)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(client: &str, host: &str, before: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(*name, HeaderValue::from_static(value));
        }
        write(&mut headers, client.parse().unwrap(), Scheme::Https, host);
        headers
    }

    #[test]
    fn an_address_is_written_as_people_write_it() {
        let cases = [
            ("0.0.0.0", "0.0.0.0"),
            ("9.10.99.100", "9.10.99.100"),
            ("255.255.255.255", "255.255.255.255"),
            ("101.0.200.1", "101.0.200.1"),
            ("::1", "::1"),
            ("2001:db8::a", "2001:db8::a"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ];
        for (client, expected) in cases {
            assert_eq!(told(client, "h", &[])["x-forwarded-for"], expected, "{client}");
        }
    }

    #[test]
    fn a_clients_own_values_are_replaced_whatever_their_number() {
        let headers = told(
            "192.0.2.1",
            "example.com",
            &[
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-for", "2.2.2.2"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-port", "99"),
                ("forwarded", "for=1.1.1.1"),
                ("host", "EXAMPLE.com:443"),
            ],
        );
        let all: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(headers.len(), 5, "{all:?}");
        assert_eq!(headers["x-forwarded-port"], "443");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-host"], "example.com");
        assert_eq!(headers["host"], "example.com");
    }

    #[test]
    fn an_unnamed_host_is_not_told_of() {
        let headers = told("192.0.2.1", "", &[("x-forwarded-host", "evil.example")]);
        assert!(!headers.contains_key("x-forwarded-host") && !headers.contains_key("host"));
    }

    #[test]
    fn via_continues_the_list_with_the_version_received() {
        let cases = [
            (Version::HTTP_10, "1.0 larder"),
            (Version::HTTP_11, "1.1 larder"),
            (Version::HTTP_2, "2.0 larder"),
        ];
        for (version, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::VIA, HeaderValue::from_static("1.1 front"));
            via(&mut headers, version);
            let lines: Vec<_> = headers.get_all(header::VIA).iter().collect();
            assert_eq!(lines, ["1.1 front", expected]);
        }
    }
}

//! Who asks, and by which scheme, where somebody stands in front of Larder: RFC 7239, and the `X-Forwarded-*` of custom.
//!
//! Only a **trusted peer**, one whose address the site named, is believed. What counts is what it wrote itself:
//!
//! - *Scheme*: of each field the last element, as proxies append. `Forwarded` (`proto`), `X-Forwarded-Proto`, `-Protocol`,
//!   `-Scheme`, `-Ssl`, `Front-End-Https`; or only the one field that the site named. If two of them differ, or one says
//!   something unknown, the request counts as not secure. If none is there, the connection decides.
//! - *Client*: from the right of `X-Forwarded-For` (or `Forwarded`'s `for`) through trusted addresses to the first that is not
//!   trusted, or the last. What is no address ends the walk where it is. If the two fields name different clients, neither is
//!   believed.
//!
//! Nothing here removes fields: [`hygiene`](crate::hygiene) takes all of them off every request.

use crate::limits::FORWARDED_HOPS_MAX;
use crate::rfc7239::{self, Hop};
use crate::scheme::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// By which scheme a request came and from whom. Decided once, before anything that uses it: an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The visitor's scheme.
    pub scheme: Scheme,
    /// The visitor's address.
    pub client: IpAddr,
}

/// Why a trusted peer's word was not taken: for counters and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// Two fields say different schemes.
    SchemesDiffer,
    /// A field says neither of the two.
    UnknownScheme,
    /// The two fields of addresses name different clients.
    ClientsDiffer,
    /// An address is none.
    BadAddress,
}

impl Unclear {
    /// All of them, in the order of [`Unclear::index`].
    pub const ALL: [Self; 4] =
        [Self::SchemesDiffer, Self::UnknownScheme, Self::ClientsDiffer, Self::BadAddress];

    /// Its place in [`Unclear::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its stable name.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::SchemesDiffer => "schemes-differ",
            Self::UnknownScheme => "unknown-scheme",
            Self::ClientsDiffer => "clients-differ",
            Self::BadAddress => "bad-address",
        }
    }

    /// One line for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::SchemesDiffer => {
                "the fields of a trusted proxy contradict each other about the scheme: not secure"
            }
            Self::UnknownScheme => {
                "a field of a trusted proxy says neither http nor https: not secure"
            }
            Self::ClientsDiffer => {
                "X-Forwarded-For and Forwarded of a trusted proxy name different clients: neither counts"
            }
            Self::BadAddress => "a field of a trusted proxy has something that is no address",
        }
    }
}

/// An [`Arrival`], and what was not clear about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What to go by.
    pub arrival: Arrival,
    /// Why the scheme is the unsafe one.
    pub unclear_scheme: Option<Unclear>,
    /// Why the client is nearer than what was said.
    pub unclear_client: Option<Unclear>,
}

/// Whose word is taken for a request's scheme and client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    peers: Box<[IpNet]>,
    scheme_field: Option<HeaderName>,
}

impl Trust {
    /// Trusts these peers. With `scheme_field`, that field alone says the scheme.
    #[must_use]
    pub fn new(peers: &[IpNet], scheme_field: Option<HeaderName>) -> Self {
        Self { peers: peers.into(), scheme_field }
    }

    /// Whether an address is a trusted peer's. An IPv4 address of a dual-stack socket counts as what it is.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.peers.iter().any(|network| network.contains(&address))
    }

    /// The field that alone says the scheme, if the site named one.
    #[must_use]
    pub const fn scheme_field(&self) -> Option<&HeaderName> {
        self.scheme_field.as_ref()
    }

    /// Who asks and by which scheme, for a request with these fields on a connection of `peer` that came by `connection`.
    #[must_use]
    pub fn decide(&self, peer: IpAddr, connection: Scheme, headers: &HeaderMap) -> Decided {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            let arrival = Arrival { scheme: connection, client: peer };
            return Decided { arrival, unclear_scheme: None, unclear_client: None };
        }
        let said = Said::of(headers);
        // RFC 7239 is read once for both, and most requests have none.
        let hops = if said.forwarded { rfc7239::hops(headers) } else { Ok(Vec::new()) };
        let (scheme, unclear_scheme) = match self.scheme(&said, &hops, headers) {
            Ok(Some(scheme)) => (scheme, None),
            Ok(None) => (connection, None),
            Err(unclear) => (Scheme::Http, Some(unclear)),
        };
        let (client, unclear_client) = self.client(peer, &said, &hops, headers);
        Decided { arrival: Arrival { scheme, client }, unclear_scheme, unclear_client }
    }

    fn scheme(
        &self,
        said: &Said<'_>,
        hops: &Result<Vec<Hop<'_>>, rfc7239::Malformed>,
        headers: &HeaderMap,
    ) -> Result<Option<Scheme>, Unclear> {
        let by_rfc = || match hops {
            Ok(hops) => hops.last().and_then(|hop| hop.proto).map(word).transpose(),
            Err(rfc7239::Malformed) => Err(Unclear::UnknownScheme),
        };
        if let Some(name) = &self.scheme_field {
            if *name == header::FORWARDED {
                return by_rfc();
            }
            return headers.get_all(name).iter().next_back().map_or(Ok(None), last_word);
        }
        let mut decided = by_rfc()?;
        for value in said.schemes.iter().flatten() {
            let Some(scheme) = last_word(value)? else { continue };
            if decided.replace(scheme).is_some_and(|other| other != scheme) {
                return Err(Unclear::SchemesDiffer);
            }
        }
        Ok(decided)
    }

    fn client(
        &self,
        peer: IpAddr,
        said: &Said<'_>,
        hops: &Result<Vec<Hop<'_>>, rfc7239::Malformed>,
        headers: &HeaderMap,
    ) -> (IpAddr, Option<Unclear>) {
        let by_custom = said.addresses.then(|| {
            let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
            // What is not ASCII is no address.
            let lines = lines.map(|line| line.to_str().unwrap_or("?"));
            self.walk(peer, lines.flat_map(|line| line.rsplit(',')).map(address))
        });
        let by_rfc = match hops {
            Ok(hops) => hops
                .iter()
                .any(|hop| hop.client.is_some())
                // A hop that does not say whom it served says so of itself.
                .then(|| {
                    self.walk(
                        peer,
                        hops.iter().rev().map(|hop| hop.client.map_or(Node::Hidden, address)),
                    )
                }),
            Err(rfc7239::Malformed) => Some((peer, Some(Unclear::BadAddress))),
        };
        match (by_custom, by_rfc) {
            (Some((one, _)), Some((other, _))) if one != other => {
                (peer, Some(Unclear::ClientsDiffer))
            }
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => (peer, None),
        }
    }

    /// From the nearest hop through trusted ones.
    fn walk(
        &self,
        peer: IpAddr,
        nearest_first: impl Iterator<Item = Node>,
    ) -> (IpAddr, Option<Unclear>) {
        let mut client = peer;
        for node in nearest_first.take(FORWARDED_HOPS_MAX) {
            match node {
                Node::Address(address) => client = address,
                Node::Hidden => return (client, None),
                Node::Bad => return (client, Some(Unclear::BadAddress)),
            }
            if !self.trusts(client) {
                break;
            }
        }
        (client, None)
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whether every address that a request was passed on for, as far as it says so, fits. What can't be read does not.
pub(crate) fn every_hop(headers: &HeaderMap, fits: impl Fn(IpAddr) -> bool) -> bool {
    let is_fit = |text: &str| match address(text) {
        Node::Address(address) => fits(address),
        Node::Hidden | Node::Bad => false,
    };
    let names = [X_FORWARDED_FOR, X_REAL_IP];
    let mut lines = names.iter().flat_map(|name| headers.get_all(name));
    let listed = lines.all(|line| line.to_str().is_ok_and(|line| line.split(',').all(is_fit)));
    let by_rfc = || {
        let hops = rfc7239::hops(headers);
        hops.is_ok_and(|hops| hops.iter().all(|hop| hop.client.is_some_and(is_fit)))
    };
    listed && by_rfc()
}

/// The fields that say something, found in one pass. Of each the last line, which is the nearest hop's.
#[derive(Debug, Default)]
struct Said<'a> {
    schemes: [Option<&'a HeaderValue>; 5],
    forwarded: bool,
    addresses: bool,
}

impl<'a> Said<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        let [proto, protocol, scheme, ssl, front_end] = &mut said.schemes;
        for (name, value) in headers {
            match name.as_str() {
                "x-forwarded-for" => said.addresses = true,
                "x-forwarded-proto" => *proto = Some(value),
                "x-forwarded-protocol" => *protocol = Some(value),
                "x-forwarded-scheme" => *scheme = Some(value),
                "x-forwarded-ssl" => *ssl = Some(value),
                "front-end-https" => *front_end = Some(value),
                "forwarded" => said.forwarded = true,
                _ => {}
            }
        }
        said
    }
}

/// The last element of a list; `None` if it is empty, which is what a proxy sends that had nothing to say.
fn last_word(value: &HeaderValue) -> Result<Option<Scheme>, Unclear> {
    let text = value.to_str().map_err(|_| Unclear::UnknownScheme)?;
    let last = text.rsplit(',').next().unwrap_or_default().trim_matches([' ', '\t']);
    if last.is_empty() { Ok(None) } else { word(last).map(Some) }
}

fn word(word: &str) -> Result<Scheme, Unclear> {
    Scheme::from_word(word).ok_or(Unclear::UnknownScheme)
}

/// RFC 7239 §6: who a hop says it served.
enum Node {
    Address(IpAddr),
    /// `unknown`, or a name of the proxy's own.
    Hidden,
    Bad,
}

/// With or without a port: some balancers append it.
fn address(node: &str) -> Node {
    let node = node.trim_matches([' ', '\t']);
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Node::Address(address.to_canonical());
    }
    if let Ok(socket) = node.parse::<SocketAddr>() {
        return Node::Address(socket.ip().to_canonical());
    }
    if node.eq_ignore_ascii_case("unknown") || node.starts_with('_') {
        return Node::Hidden;
    }
    Node::Bad
}

#[cfg(test)]
#[path = "trusted_tests.rs"]
mod tests;

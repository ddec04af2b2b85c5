//! What is wrong though each value for itself is right?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::build::{Places, Reader};
use crate::config::Config;
use crate::machine::Machine;
use crate::problem::{Place, Problem};
use crate::quantity::show_bytes;

/// Everything that is wrong between values. Values that are themselves at fault are not judged.
pub(crate) fn find(
    config: &Config,
    places: &Places,
    machine: &Machine,
    reader: Reader,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if places.sound(&["cache.memory", "cache.object_max"]) {
        problems.extend(memory(config, places, machine));
    }
    // What follows is about connections, which the proxy opens.
    if reader == Reader::Application {
        return problems;
    }
    if config.upstreams.is_empty() && places.of("upstream").is_none() {
        let problem = Problem::new(Place::Whole, "no application is named");
        problems.push(
            problem.hint("say upstream = \"http://127.0.0.1:8000\", or --to http://127.0.0.1:8000"),
        );
    }
    if places.sound(&["upstream_pool.idle_max", "upstream_pool.connections_max"]) {
        problems.extend(pool(config, places));
    }
    if places.sound(&["listen.http", "listen.https", "admin.listen"]) {
        problems.extend(addresses(config, places));
    }
    if places.sound(&["listen.http", "listen.https", "listen.proxy_protocol"]) {
        proxy_protocol(config, places, &mut problems);
    }
    problems
}

/// Where the first of `keys` that somebody set was set: what contradicts a default is named alone.
fn place(places: &Places, keys: &[&str]) -> Place {
    keys.iter().find_map(|key| places.of(key)).cloned().unwrap_or(Place::Whole)
}

/// More than there is, or one response larger than the budget can hold in company.
fn memory(config: &Config, places: &Places, machine: &Machine) -> Vec<Problem> {
    let mut problems = Vec::new();
    let cache = &config.cache;
    if let Some(machine_bytes) = machine.memory_bytes
        && cache.memory_bytes > machine_bytes
    {
        let message = format!(
            "{} for stored responses is more than this machine has",
            show_bytes(cache.memory_bytes)
        );
        let hint = format!("it has {}MiB; leave room for the application", machine_bytes >> 20);
        problems.push(Problem::new(place(places, &["cache.memory"]), message).hint(hint));
    }
    if cache.object_bytes_max > cache.memory_bytes / 8 {
        let message = format!(
            "`cache.object_max` is more than an eighth of `cache.memory`, which is {}",
            show_bytes(cache.memory_bytes)
        );
        let hint = format!("at most {}", show_bytes(cache.memory_bytes / 8));
        let keys = ["cache.object_max", "cache.memory"];
        problems.push(Problem::new(place(places, &keys), message).hint(hint));
    }
    problems
}

/// More connections kept than opened.
fn pool(config: &Config, places: &Places) -> Option<Problem> {
    let pool = &config.upstream_pool;
    let message = format!(
        "more unused connections are kept ({}) than there may be at all ({})",
        pool.idle_max, pool.connections_max
    );
    let keys = ["upstream_pool.idle_max", "upstream_pool.connections_max"];
    let hint = "make upstream_pool.idle_max at most upstream_pool.connections_max";
    (pool.idle_max > pool.connections_max)
        .then(|| Problem::new(place(places, &keys), message).hint(hint))
}

/// Listening twice at one place, or asking oneself.
fn addresses(config: &Config, places: &Places) -> Vec<Problem> {
    let mut problems = Vec::new();
    let site = || {
        let plain = config.listen.iter().map(|address| ("listen.http", address));
        plain.chain(config.https.iter().map(|address| ("listen.https", address)))
    };
    for (index, (key, address)) in site().enumerate() {
        if site().take(index).any(|(_, other)| overlap(*address, *other)) {
            let message = format!("{address} is listened to twice");
            let hint = "an address of all interfaces includes each of them";
            problems.push(Problem::new(place(places, &[key]), message).hint(hint));
        }
        if config.admin.is_some_and(|admin| overlap(*address, admin)) {
            let message = format!("the site and the admin listener both want {address}");
            let hint = "give admin.listen another port, or \"off\"";
            let keys = ["admin.listen", key];
            problems.push(Problem::new(place(places, &keys), message).hint(hint));
        }
    }
    if site().next().is_none() {
        let problem = Problem::new(place(places, &["listen.http"]), "nobody could connect");
        problems.push(problem.hint("say `listen.http` or `listen.https`"));
    }
    let own = || site().map(|(_, address)| address).chain(&config.admin);
    for upstream in &config.upstreams {
        let ip = match upstream.host.as_str() {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            _ => upstream.ip(),
        };
        let Some(target) = ip.map(|ip| SocketAddr::new(ip, upstream.port)) else { continue };
        if own().any(|address| reaches(target, *address)) {
            let message = format!("{upstream} is Larder itself");
            let hint = "name the address of the application, or listen at another port";
            problems.push(Problem::new(place(places, &["upstream"]), message).hint(hint));
        }
    }
    problems
}

/// Whether two listeners would want the same connections. Port 0 never does: the system chooses.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_host = a.ip() == b.ip()
        || (a.is_ipv4() == b.is_ipv4() && (a.ip().is_unspecified() || b.ip().is_unspecified()));
    a.port() == b.port() && a.port() != 0 && same_host
}

/// Whether a connection to `target` surely ends at our own listener.
fn reaches(target: SocketAddr, own: SocketAddr) -> bool {
    let local = target.ip().is_loopback() && target.is_ipv4() == own.is_ipv4();
    target.port() == own.port() && (target.ip() == own.ip() || (own.ip().is_unspecified() && local))
}

/// A header is looked for where there is a listener, from somebody who is believed.
fn proxy_protocol(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    const KEY: &str = "listen.proxy_protocol";
    let is_listener =
        |address: &SocketAddr| config.listen.contains(address) || config.https.contains(address);
    for (index, address) in config.proxy_protocol.iter().enumerate() {
        if !is_listener(address) {
            let message = format!("{address} is not listened to");
            let problem = Problem::new(places.of_element(KEY, index), message);
            problems.push(problem.hint("write it as it stands in `listen.http` or `listen.https`"));
        }
    }
    let nobody = config.front_options.trusted_proxies.is_empty();
    if nobody && !config.proxy_protocol.is_empty() && places.sound(&["trusted_proxies"]) {
        let place = places.of(KEY).cloned().unwrap_or(Place::Whole);
        let message = "nobody may say by PROXY protocol who the visitor is";
        let hint = "name the load balancer's addresses in `trusted_proxies`";
        problems.push(Problem::new(place, message).hint(hint));
    }
}

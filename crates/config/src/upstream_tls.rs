//! How are applications by https spoken to, and what of it contradicts itself?
//!
//! Whom to trust is read here, so that `larder check` says what is wrong with the file.

use larder_policy::Scheme;
use larder_tls::client::{ClientTls, Name, Trust};

use crate::build::Places;
use crate::config::{Config, TlsOptions};
use crate::problem::{Place, Problem};
use crate::upstream::UpstreamUrl;

/// `[upstream_tls]`, and what was read for it. Two are equal if they trust the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    options: TlsOptions,
    client: Option<ClientTls>,
}

impl UpstreamTls {
    /// What a connection to an application by https begins with, and the name that its certificate
    /// has to be for. Nothing for one by http, and in a configuration that was not checked.
    #[must_use]
    pub fn of(&self, url: &UpstreamUrl) -> Option<(ClientTls, Name)> {
        match url.scheme {
            Scheme::Http => None,
            Scheme::Https => Some((self.client.clone()?, self.name_of(url)?)),
        }
    }

    fn name_of(&self, url: &UpstreamUrl) -> Option<Name> {
        let name = &self.options.upstream_name;
        Name::parse(if name.is_empty() { &url.host } else { name })
    }
}

const OPTIONS: [&str; 3] = ["upstream_tls.ca", "upstream_tls.name", "danger.insecure_upstream"];

/// Reads whom to trust, where anybody is asked by https.
pub(crate) fn compile(config: &mut Config, places: &Places, problems: &mut Vec<Problem>) {
    let is_asked = config.upstreams.iter().any(|url| url.scheme == Scheme::Https);
    if !is_asked {
        if places.sound(&["upstream"]) {
            problems
                .extend(OPTIONS.iter().filter_map(|key| idle(places, key, "`upstream` by https")));
        }
        return;
    }
    let tls = &mut config.upstream_tls;
    tls.options = config.tls_options.clone();
    let trust = if tls.options.insecure_upstream {
        problems.extend(insecure(places));
        Trust::Anybody
    } else {
        tls.options.upstream_ca.clone().map_or(Trust::System, Trust::Only)
    };
    if places.sound(&OPTIONS) {
        match ClientTls::new(&trust) {
            Ok(client) => tls.client = Some(client),
            Err(found) => {
                let keys = ["upstream_tls.ca", "upstream"];
                let problem = Problem::new(place(places, &keys), found.message);
                problems.push(match found.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
            }
        }
    }
    if !tls.options.upstream_name.is_empty() || !places.sound(&["upstream", "upstream_tls.name"]) {
        return;
    }
    for (index, url) in config.upstreams.iter().enumerate() {
        if url.scheme == Scheme::Https && Name::parse(&url.host).is_none() {
            let message = format!("no certificate can be for {:?}", url.host);
            let problem = Problem::new(places.of_element("upstream", index), message);
            problems.push(problem.hint("say in `upstream_tls.name` for which name it is"));
        }
    }
}

/// An option that does nothing.
fn idle(places: &Places, key: &str, needed: &str) -> Option<Problem> {
    let problem = Problem::warning(places.of(key)?.clone(), format!("`{key}` has no effect"));
    Some(problem.hint(format!("it needs {needed}")))
}

/// What is not looked at is not needed either.
fn insecure(places: &Places) -> Vec<Problem> {
    let key = "danger.insecure_upstream";
    let message = "certificates of applications are not verified: whoever is on the way reads and changes everything";
    let hint = "name the application's own certificate in `upstream_tls.ca` instead";
    let mut problems = vec![Problem::warning(place(places, &[key]), message).hint(hint)];
    problems.extend(idle(places, "upstream_tls.ca", "`danger.insecure_upstream = false`"));
    problems
}

fn place(places: &Places, keys: &[&str]) -> Place {
    keys.iter().find_map(|key| places.of(key)).cloned().unwrap_or(Place::Whole)
}

//! Who may purge, and in which fields are tags? `[tags]`, `[purge]`, `admin.token`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;
use larder_policy::{Purgers, TagFields, Token};

use crate::build::Places;
use crate::config::Config;
use crate::problem::{Place, Problem};
use crate::secret::{ReadSecret, SecretSource};

/// What is chosen about purging, before it is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct PurgeConfig {
    pub(crate) tag_fields: Vec<String>,
    pub(crate) tags_pass: bool,
    pub(crate) allow: Vec<IpNet>,
    /// Where it is; empty: there is none.
    pub(crate) token: String,
    pub(crate) admin_token: String,
    pub(crate) admin_without_token: bool,
}

/// Which fields are read. Names that are wrong have been told of where they were read, and are left out.
pub(crate) fn tags(config: &Config) -> TagFields {
    let options = &config.purge_options;
    let names = options.tag_fields.iter();
    let names: Vec<HeaderName> = names.filter_map(|text| TagFields::field(text).ok()).collect();
    TagFields::new(names, options.tags_pass)
}

/// Fills [`Config::purgers`] and [`Config::admin_access`].
pub(crate) fn compile(
    config: &mut Config,
    places: &Places,
    read: ReadSecret,
    problems: &mut Vec<Problem>,
) {
    let options = &config.purge_options;
    for (index, network) in options.allow.iter().enumerate() {
        if network.prefix_len() == 0 && places.sound(&["purge.allow"]) {
            let place = places.of_element("purge.allow", index);
            let problem = Problem::warning(place, format!("{network} is everybody"));
            problems.push(
                problem.hint(
                    "every visitor can empty the cache: name addresses, or use `purge.token`",
                ),
            );
        }
    }
    let mut token = |key, text: &str| token(key, text, places, read, problems);
    let purgers = Purgers::new(&options.allow, token("purge.token", &options.token));
    let admin_token = token("admin.token", &options.admin_token);
    let here: &[IpNet] = if options.admin_without_token { &loopback() } else { &[] };
    let admin_access = Purgers::new(here, admin_token);
    config.purgers = Arc::new(purgers);
    config.admin_access = Arc::new(admin_access);
}

/// Every address by which this machine reaches itself.
fn loopback() -> [IpNet; 2] {
    [
        IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
        IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    ]
}

fn token(
    key: &'static str,
    text: &str,
    places: &Places,
    read: ReadSecret,
    problems: &mut Vec<Problem>,
) -> Option<Token> {
    if text.is_empty() || !places.sound(&[key]) {
        return None;
    }
    // What is not sound was told of where it was read.
    let source = SecretSource::place(text).ok()?;
    let made = source.secret("the token", read).and_then(|secret| {
        let hint = format!("it is in {}; openssl rand -base64 48 makes a good one", source.name());
        Token::new(&secret).map_err(|message| (message, hint))
    });
    let place = places.of(key).cloned().unwrap_or(Place::Whole);
    made.map_err(|(message, hint)| problems.push(Problem::new(place, message).hint(hint))).ok()
}

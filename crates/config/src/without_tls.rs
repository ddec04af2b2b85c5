//! What of a file can't be had where certificates are not read? Everything by https.

use larder_policy::Scheme;

use crate::build::Places;
use crate::certificates::{RawCertificate, spelling};
use crate::config::Config;
use crate::problem::{Place, Problem};

/// Refuses what would need TLS, so that nobody is served without it who asked for it.
pub(crate) fn refuse(
    raw: &[RawCertificate],
    config: &Config,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    spelling(raw, problems);
    let by_https = config.upstreams.iter().any(|url| url.scheme == Scheme::Https);
    for (key, is_needed) in [("listen.https", !config.https.is_empty()), ("upstream", by_https)] {
        if is_needed {
            let place = places.of(key).cloned().unwrap_or(Place::Whole);
            let problem = Problem::new(place, "this build speaks no TLS");
            problems.push(problem.hint("build larder-config with its feature `tls`"));
        }
    }
}

//! Purges by chance.

use larder_policy::Scheme;

use crate::about::{Fits, What};
use crate::random::Random;
use crate::site::{GROUPS, HOSTS, PATHS, QUERIES, TAGS};

pub(crate) fn any(random: &mut Random) -> What {
    let host = random.one_of(&HOSTS);
    let maybe_host = random.one_in(2).then_some(host);
    let path = random.one_of(&PATHS);
    match random.below(20) {
        0 => What::All,
        1 => What::Host(host),
        2 => What::Path(host, path.to_owned()),
        3..=5 => What::Url(host, format!("{path}{}", random.one_of(&QUERIES))),
        6 | 7 => {
            let prefix = random.one_of(&["/", "/a", "/a/", "/a/1?q", "/u", "/u/1", "/v/1", "/zz"]);
            What::Prefix(maybe_host, prefix.to_owned())
        }
        8..=13 => {
            let count = 1 + random.below(2);
            What::Tags((0..count).map(|_| random.one_of(&TAGS)).collect(), maybe_host)
        }
        14..=16 => {
            let scheme = random.one_of(&[Scheme::Http, Scheme::Http, Scheme::Https]);
            What::Groups(scheme, host, vec![random.one_of(&GROUPS)])
        }
        _ => What::Matching(random.one_of(&Fits::ALL)),
    }
}

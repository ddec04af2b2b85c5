//! From a key to a server, for each [`Routing`]; made once for a list of servers.
//!
//! ```text
//! nginx            160 points a server: crc32(HOST 0 PORT previous-point), the key's crc32 takes the first point not below it
//! pymemcache       the server whose murmur3(NODE - KEY) is highest; of equals the one whose name is last
//! pylibmc          one-at-a-time(KEY) modulo the number of servers
//! ketama           100 points a server: one-at-a-time(NAME - i); the key's likewise
//! ketama-md5       the same with the first word of MD5
//! ketama-weighted  160 points a server: the four words of MD5(NAME - i)
//! ```

use super::hash::{Crc32, crc32, md5, md5_words, murmur3, one_at_a_time};
use super::routing::Routing;
use crate::address::Address;
use crate::key::Key;

/// Which server of a list holds a key.
#[derive(Clone, Debug)]
pub struct Router(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// There is no choice.
    One,
    Ring {
        points: Vec<(u32, usize)>,
        hash: fn(&[u8]) -> u32,
    },
    Highest {
        names: Vec<String>,
    },
    Modulo {
        servers: u32,
    },
}

/// Points a server has on nginx's ring at weight 1.
const NGINX_POINTS: usize = 160;
/// Points a server has in libmemcached's unweighted ketama.
const KETAMA_POINTS: usize = 100;
/// Points a server has in libmemcached's weighted ketama, before rounding.
const WEIGHTED_POINTS: f32 = 160.0;

impl Router {
    /// A router over these servers. At most [`SERVERS_MAX`](crate::limits::SERVERS_MAX) of them are looked at.
    #[must_use]
    pub fn new(servers: &[Address], routing: Routing) -> Self {
        let servers = servers.get(..crate::limits::SERVERS_MAX).unwrap_or(servers);
        if servers.len() <= 1 {
            return Self(Kind::One);
        }
        let ring = |points: &dyn Fn(&Address) -> Vec<u32>, hash| {
            let of_server = |(index, server)| points(server).into_iter().map(move |p| (p, index));
            let mut points: Vec<_> = servers.iter().enumerate().flat_map(of_server).collect();
            // Stable: of two servers with the same point the one that was named first has it.
            points.sort_by_key(|(point, _)| *point);
            Kind::Ring { points, hash }
        };
        Self(match routing {
            Routing::Nginx => ring(&nginx_points, crc32),
            Routing::Rendezvous => {
                Kind::Highest { names: servers.iter().map(Address::for_pymemcache).collect() }
            }
            Routing::Modulo => {
                Kind::Modulo { servers: u32::try_from(servers.len()).unwrap_or(u32::MAX) }
            }
            Routing::Ketama => ring(&|s| ketama_points(s, one_at_a_time), one_at_a_time),
            Routing::KetamaMd5 => ring(&|s| ketama_points(s, md5), md5),
            Routing::KetamaWeighted => ring(&|s| weighted_points(s, servers.len()), md5),
        })
    }

    /// The place of the key's server in the list.
    #[must_use]
    pub fn server_of(&self, key: &Key) -> usize {
        let key = key.hashed();
        match &self.0 {
            Kind::One => 0,
            Kind::Ring { points, hash } => {
                let hash = hash(key);
                let first = points.partition_point(|(point, _)| *point < hash);
                points.get(first).or_else(|| points.first()).map_or(0, |(_, server)| *server)
            }
            Kind::Highest { names } => highest(names, key),
            Kind::Modulo { servers } => {
                usize::try_from(one_at_a_time(key) % servers).unwrap_or_default()
            }
        }
    }
}

/// Each point is the hash of the server and the point before it; the first of 0.
fn nginx_points(server: &Address) -> Vec<u32> {
    let name = Crc32::new().update(&server.for_nginx());
    let next = |point: &u32| Some(name.update(&point.to_le_bytes()).finish());
    std::iter::successors(Some(0), next).skip(1).take(NGINX_POINTS).collect()
}

fn ketama_points(server: &Address, hash: fn(&[u8]) -> u32) -> Vec<u32> {
    let name = server.for_libmemcached();
    (0..KETAMA_POINTS).map(|index| hash(format!("{name}-{index}").as_bytes())).collect()
}

/// libmemcached reckons a server's share of the points in floats and rounds down, so that they are four fewer for some numbers of
/// servers. What is reckoned is the same here, step by step.
fn weighted_points(server: &Address, servers: usize) -> Vec<u32> {
    let servers = f32::from(u16::try_from(servers).unwrap_or(u16::MAX));
    let share = 1.0 / servers;
    let hashes = share * WEIGHTED_POINTS / 4.0 * servers;
    let name = server.for_libmemcached();
    let indexes = (0_u16..).take_while(|index| f32::from(*index) + 1.0 <= hashes);
    indexes.flat_map(|index| md5_words(format!("{name}-{index}").as_bytes())).collect()
}

fn highest(names: &[String], key: &[u8]) -> usize {
    let mut text = Vec::new();
    let score = |name: &String| {
        text.clear();
        text.extend_from_slice(name.as_bytes());
        text.push(b'-');
        text.extend_from_slice(key);
        murmur3(&text)
    };
    let scores = names.iter().map(score).zip(names).enumerate();
    scores.max_by_key(|(_, score_and_name)| *score_and_name).map_or(0, |(server, _)| server)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Vec<Address> {
        (1..=count).map(|i| format!("10.0.0.{i}:11211").parse().expect("an address")).collect()
    }

    fn keys() -> impl Iterator<Item = Key> {
        (0..2000).map(|i| Key::new(format!("page:{i}").as_bytes()).expect("a key"))
    }

    #[test]
    fn every_server_gets_its_share_and_one_gets_all() {
        for routing in Routing::ALL {
            let router = Router::new(&servers(1), routing);
            assert!(keys().all(|key| router.server_of(&key) == 0), "{routing}");
            for count in [2, 3, 7] {
                let router = Router::new(&servers(count), routing);
                let mut shares = vec![0; count];
                keys().for_each(|key| shares[router.server_of(&key)] += 1);
                let fair = 2000 / count;
                assert!(shares.iter().all(|share| *share > fair / 2), "{routing} {shares:?}");
            }
        }
    }

    #[test]
    fn a_server_more_moves_few_keys_but_for_the_modulo() {
        for routing in Routing::ALL {
            let (before, after) =
                (Router::new(&servers(4), routing), Router::new(&servers(5), routing));
            let moved = keys().filter(|key| before.server_of(key) != after.server_of(key)).count();
            let few = moved < 2000 * 2 / 5;
            assert_eq!(few, routing != Routing::Modulo, "{routing} moves {moved}");
        }
    }

    #[test]
    fn what_is_hashed_chooses_not_what_is_sent() {
        let router = Router::new(&servers(5), Routing::Nginx);
        for key in keys() {
            let disguised = Key::new(b"x").expect("a key").hashed_as(key.as_bytes());
            assert_eq!(router.server_of(&disguised), router.server_of(&key));
        }
    }
}

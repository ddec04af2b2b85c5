//! The pure crate against the naive reading of RFC 9111: what it serves as fresh, the naive cache serves too.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
    use larder_semantics::{
        Exchange, Freshness, Reason, RequestDirectives, Reuse, Settings, Timestamp, Timing, decide,
        may_store,
    };
    use larder_testkit::{Exchanged, ReferenceCache, http_date};

    const NOON: u64 = 1_767_225_600;

    /// A generator of our own, so that a failure's number says everything about it.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
            all[usize::try_from(self.below(all.len() as u64)).unwrap()]
        }
    }

    fn directives(random: &mut Random) -> String {
        let flags =
            ["public", "private", "no-store", "no-cache", "must-revalidate", "must-understand"];
        let mut all = Vec::new();
        for name in ["max-age", "s-maxage", "stale-while-revalidate"] {
            if random.below(3) == 0 {
                all.push(format!("{name}={}", random.below(120)));
            }
        }
        for flag in flags {
            if random.below(8) == 0 {
                all.push(flag.to_owned());
            }
        }
        all.join(", ")
    }

    fn exchanged(random: &mut Random) -> Exchanged {
        let mut response = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            response.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        if random.below(4) > 0 {
            put("cache-control", &directives(random));
        }
        let dates = [("date", 0, 20), ("expires", -20, 100), ("last-modified", -900, 0)];
        for (name, from, to) in dates {
            if random.below(2) == 0 {
                let offset =
                    i64::try_from(random.below(u64::try_from(to - from + 1).unwrap())).unwrap();
                put(
                    name,
                    &http_date::write((NOON - 20).checked_add_signed(from + offset).unwrap()),
                );
            }
        }
        if random.below(3) == 0 {
            put("age", &random.below(60).to_string());
        }
        let mut request = HeaderMap::new();
        if random.below(5) == 0 {
            request.insert("authorization", HeaderValue::from_static("Basic eDp5"));
        }
        let status = random.one_of(&[200, 203, 204, 301, 302, 404, 410, 418, 500, 503, 599]);
        Exchanged {
            method: Method::GET,
            target: "/".into(),
            request,
            status: StatusCode::from_u16(status).unwrap(),
            response,
            body: Vec::new(),
            request_time: NOON - random.below(5),
            response_time: NOON,
        }
    }

    #[test]
    fn what_is_served_as_fresh_the_naive_cache_serves_too() {
        let settings = Settings::default();
        let (mut served, mut refused) = (0, 0);
        for seed in 0..20_000 {
            let mut random = Random(seed);
            let made = exchanged(&mut random);
            let after = random.below(130);
            let exchange = Exchange {
                method: &made.method,
                request: &made.request,
                status: made.status,
                response: &made.response,
            };
            let timing = Timing {
                request_time: Timestamp::from_secs(made.request_time),
                response_time: Timestamp::from_secs(made.response_time),
            };
            let freshness = Freshness::of(made.status, &made.response, timing, &settings);
            let now = Timestamp::from_secs(NOON).plus(Duration::from_secs(after));
            let reuse = decide(&freshness, RequestDirectives::default(), now);
            let serves =
                may_store(&exchange, &settings).is_ok() && reuse == Reuse::Serve(Reason::Fresh);
            let mut naive = ReferenceCache::new();
            naive.receive(made.clone());
            let naively = naive.serve(&Method::GET, "/", &made.request, NOON + after);
            let age = naively.map(|(_, age)| age);
            if serves {
                served += 1;
                assert_eq!(
                    age,
                    Some(freshness.current_age(now).as_secs()),
                    "seed {seed}: {made:#?}"
                );
            } else {
                refused += 1;
            }
        }
        assert!(served > 500 && refused > 500, "both happen: {served} and {refused}");
    }
}

//! Where keys are looked for, as pymemcache, pylibmc and nginx themselves said: `vectors/generate.py` asked them.

#[cfg(test)]
mod tests {
    use larder_memcached::{Address, Key, Router, Routing};
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("vectors/vectors.json")).expect("JSON")
    }

    fn texts(value: &Value) -> Vec<&str> {
        value.as_array().expect("a list").iter().map(|v| v.as_str().expect("a text")).collect()
    }

    #[test]
    fn every_key_is_put_where_its_reader_looks() {
        let vectors = vectors();
        let keys = texts(&vectors["keys"]);
        let keys: Vec<_> = keys.iter().map(|k| Key::new(k.as_bytes()).expect("a key")).collect();
        assert!(keys.len() > 300, "{}", keys.len());
        let (mut wrong, mut asked) = (Vec::new(), Routing::ALL.map(|_| 0));
        for case in vectors["cases"].as_array().expect("a list") {
            let servers: Vec<Address> =
                texts(&case["servers"]).iter().map(|s| s.parse().expect("an address")).collect();
            for (routing, asked) in Routing::ALL.into_iter().zip(&mut asked) {
                let Some(places) = case["places"][routing.name()].as_str() else { continue };
                assert_eq!(places.len(), keys.len());
                let router = Router::new(&servers, routing);
                let place =
                    |digit: char| digit.to_digit(36).and_then(|place| usize::try_from(place).ok());
                let differ =
                    |(key, digit): &(&Key, char)| Some(router.server_of(key)) != place(*digit);
                let differing = keys.iter().zip(places.chars()).filter(differ).count();
                if differing > 0 {
                    wrong.push(format!("{routing} {servers:?}: {differing}"));
                }
                *asked += 1;
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(asked.iter().all(|asked| *asked >= 14), "{asked:?}");
    }

    #[test]
    fn an_address_is_shown_as_its_reader_is_told_it() {
        for case in vectors()["cases"].as_array().expect("a list") {
            for server in texts(&case["servers"]) {
                let address: Address = server.parse().expect("an address");
                assert_eq!(address.to_string(), server);
            }
        }
    }
}

//! The hyper service: what a rule names is made once, all else each time.

#[cfg(test)]
mod tests {
    use std::path::Path;

    use larder_testkit::{Client, Larder, address_after};

    #[test]
    fn what_the_rule_names_is_made_once() {
        let mut service = Larder::spawn(Path::new(env!("CARGO_BIN_EXE_example-hyper")), &[]);
        let line = service.wait_for_line("listening on ");
        let address = address_after(&line, "listening on ").expect("an address");
        let mut client = Client::connect(address);
        for target in ["/kept/a", "/kept/a", "/kept/b", "/kept/a"] {
            let number = if target == "/kept/b" { 2 } else { 1 };
            assert_eq!(client.get(target).text(), format!("{target}: page {number}\n"));
        }
        assert!(client.get("/kept/a").cache_status().starts_with("larder; hit"));
        for number in [3, 4] {
            assert_eq!(client.get("/else").text(), format!("/else: page {number}\n"));
        }
        // Another connection, the same cache; a form goes through, and the page it may have changed is made anew.
        let mut other = Client::connect(address);
        assert_eq!(other.get("/kept/a").text(), "/kept/a: page 1\n");
        assert_eq!(
            other.request("POST", "/kept/a", "Content-Length: 0\r\n").text(),
            "/kept/a: page 5\n"
        );
        assert_eq!(client.get("/kept/a").text(), "/kept/a: page 6\n");
    }
}

//! Does `larder demo` show what it says it shows?

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::{Arc, Barrier};
    use std::thread;

    use larder_testkit::{Client, Larder, Response, address_after};

    fn demo() -> (Larder, std::net::SocketAddr) {
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let mut demo = Larder::spawn(binary, &["demo", "--port", "0"]);
        let line = demo.wait_for_line("Larder is at http://");
        let address = address_after(&line, "Larder is at http://").expect("an address");
        (demo, address)
    }

    fn post(client: &mut Client, target: &str, body: &str) -> Response {
        let length = body.len();
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: site.test\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        client.read_response()
    }

    /// The end of a page, which says when it was made.
    fn made(response: &Response) -> String {
        let text = response.text();
        text.split("<footer>").nth(1).expect("a page of the demo").to_owned()
    }

    #[test]
    fn a_second_request_is_a_hit_and_says_why() {
        let (_demo, address) = demo();
        let mut client = Client::connect(address);
        let (first, second) = (client.get("/slow"), client.get("/slow"));
        assert!(first.cache_status().contains("fwd=uri-miss"), "{}", first.cache_status());
        assert!(second.cache_status().contains("hit"), "{}", second.cache_status());
        assert!(second.cache_status().contains("detail=fresh"), "{}", second.cache_status());
        assert_eq!(made(&first), made(&second));
    }

    #[test]
    fn twenty_at_once_get_the_page_that_was_made_once() {
        let (_demo, address) = demo();
        let together = Arc::new(Barrier::new(20));
        let visitors: Vec<_> = (0..20)
            .map(|_| {
                let together = Arc::clone(&together);
                thread::spawn(move || {
                    let mut client = Client::connect(address);
                    together.wait();
                    made(&client.get("/slow?all-at-once"))
                })
            })
            .collect();
        let mut pages: Vec<_> =
            visitors.into_iter().map(|visitor| visitor.join().expect("a page")).collect();
        pages.dedup();
        assert_eq!(pages.len(), 1, "{pages:?}");
    }

    #[test]
    fn languages_are_kept_apart_and_a_private_page_is_not_kept() {
        let (_demo, address) = demo();
        let mut client = Client::connect(address);
        let mut hello = |language: &str| {
            client.request("GET", "/hello", &format!("Accept-Language: {language}\r\n"))
        };
        let (german, english, again) = (hello("de"), hello("en"), hello("de"));
        assert!(german.text().contains("Guten Tag") && english.text().contains("Hello"));
        assert_eq!(made(&german), made(&again));

        let cookie = post(&mut client, "/login", "name=Ada");
        let cookie = cookie.field("set-cookie").expect("a session").split(';').next().unwrap();
        let fields = format!("Cookie: {cookie}\r\n");
        for _ in 0..2 {
            let me = client.request("GET", "/me", &fields);
            assert!(me.text().contains("Welcome, Ada"), "{}", me.text());
            assert!(me.cache_status().contains("fwd="), "{}", me.cache_status());
        }
        assert_eq!(client.get("/me").status(), 303, "nobody else's");
    }

    #[test]
    fn what_is_known_is_still_answered_while_the_application_is_broken() {
        let (_demo, address) = demo();
        let mut client = Client::connect(address);
        let before = client.get("/hello");
        assert_eq!(post(&mut client, "/switch", "mode=closed").status(), 303);
        let after = client.get("/hello");
        assert_eq!((after.status(), made(&after)), (200, made(&before)));
        let unknown = client.get("/slow?never-seen");
        assert_eq!(unknown.status(), 502, "{}", unknown.cache_status());
        assert_eq!(post(&mut client, "/switch", "mode=working").status(), 303);
        assert_eq!(client.get("/slow?never-seen").status(), 200);
    }

    #[test]
    fn writing_into_the_guest_book_makes_its_page_anew() {
        let (_demo, address) = demo();
        let mut client = Client::connect(address);
        let (first, second) = (client.get("/form"), client.get("/form"));
        assert_eq!(made(&first), made(&second));
        assert_eq!(post(&mut client, "/form", "message=Good+day").status(), 303);
        assert!(client.get("/form").text().contains("<li>Good day"));
    }

    #[test]
    fn a_port_in_use_is_one_line_and_status_two() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("its number").port().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_larder"))
            .args(["demo", "--port", &port])
            .output()
            .expect("larder runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("larder: ") && said.lines().count() == 1, "{said}");
        assert!(output.stdout.is_empty(), "nothing to try");
    }

    #[test]
    fn with_https_the_same_is_there_by_a_certificate_of_its_own() {
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let mut demo = Larder::spawn(binary, &["demo", "--port", "0", "--https", "127.0.0.1:0"]);
        let line = demo.wait_for_line("Larder is at https://");
        let address = address_after(&line, "Larder is at https://").expect("an address");
        let ask = || {
            let url = format!("https://{address}/slow");
            let output = Command::new("curl").args(["-ksi", &url]).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        if let (Some(first), Some(second)) = (ask(), ask()) {
            assert!(first.contains("fwd=uri-miss"), "{first}");
            assert!(second.contains("larder; hit"), "{second}");
        } else {
            println!("curl is not installed");
        }
        let folder = std::env::temp_dir().join(format!("larder-demo-{}", demo.id()));
        assert!(folder.is_dir());
        demo.signal("TERM");
        assert!(demo.wait_for_exit().success());
        assert!(!folder.exists(), "the key is gone with it");
    }
}

//! The blog as its visitors see it: strangers, members, those who comment, and those who would like to comment for others.

#[cfg(test)]
mod tests {
    use std::path::Path;

    use larder_testkit::{Client, Larder, Response, address_after};

    /// The running example.
    fn blog() -> (Larder, Client) {
        let key = "BLOG_MARKER_KEY=0123456789abcdef0123456789abcdef";
        let mut blog =
            Larder::spawn(Path::new("/usr/bin/env"), &[key, env!("CARGO_BIN_EXE_example-blog")]);
        let line = blog.wait_for_line("listening on ");
        let client = Client::connect(address_after(&line, "listening on ").expect("an address"));
        (blog, client)
    }

    fn post(client: &mut Client, target: &str, fields: &str, form: &str) -> Response {
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: site.test\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{fields}\r\n{form}",
            form.len()
        ));
        client.read_response()
    }

    const OWN: &str = "Sec-Fetch-Site: same-origin\r\n";

    /// What the browser sends next of the cookies that it was given.
    fn cookies(response: &Response) -> String {
        let pairs =
            response.all("set-cookie").into_iter().filter_map(|line| line.split(';').next());
        format!("Cookie: {}\r\n", pairs.collect::<Vec<_>>().join("; "))
    }

    fn is_hit(response: &Response) -> bool {
        response.cache_status().starts_with("larder; hit")
    }

    #[test]
    fn strangers_share_the_front_page_and_the_posts_whatever_cookies_they_carry() {
        let (_blog, mut client) = blog();
        for target in ["/", "/posts/bread"] {
            let first = client.request("GET", target, "Cookie: _ga=1\r\n");
            let second = client.request("GET", target, "Cookie: _ga=2; theme=dark\r\n");
            assert_eq!((first.status(), is_hit(&first)), (200, false), "{}", first.cache_status());
            assert!(is_hit(&second), "{target}: {}", second.cache_status());
            assert_eq!(first.text(), second.text());
            assert!(first.text().contains("Log in"));
        }
    }

    #[test]
    fn a_comment_is_on_every_page_that_shows_it_as_soon_as_it_is_answered() {
        let (_blog, mut client) = blog();
        for target in ["/", "/posts/bread", "/posts/jam"] {
            client.request("GET", target, "");
            assert!(is_hit(&client.request("GET", target, "")), "{target}");
        }
        let said = post(&mut client, "/posts/bread/comments", OWN, "author=Ada&text=With+<b>+jam");
        assert_eq!((said.status(), said.field("location")), (303, Some("/posts/bread")));

        // Whoever said it is thanked once, on a page of their own.
        let thanked = client.request("GET", "/posts/bread", &cookies(&said));
        assert!(thanked.text().contains("Thank you"), "{}", thanked.text());
        assert!(thanked.all("set-cookie")[0].contains("Max-Age=0"));
        // All others see the comment and not the thanks, from then on without asking.
        let seen = client.request("GET", "/posts/bread", "");
        assert!(!is_hit(&seen), "{}", seen.cache_status());
        let text = seen.text();
        assert!(text.contains("With &lt;b&gt; jam <cite>Ada</cite>"), "{text}");
        assert!(!text.contains("Thank you"), "{text}");
        assert!(is_hit(&client.request("GET", "/posts/bread", "")));
        assert!(client.request("GET", "/", "").text().contains("On bread</a>, 1 comments"));
        // What it was not about stays.
        assert!(is_hit(&client.request("GET", "/posts/jam", "")));
    }

    #[test]
    fn a_form_that_another_site_had_the_browser_send_is_refused() {
        let (_blog, mut client) = blog();
        let foreign = [
            "Sec-Fetch-Site: cross-site\r\nOrigin: http://site.test\r\n",
            "Sec-Fetch-Site: same-site\r\n",
            "Origin: https://evil.test\r\n",
            "Origin: null\r\n",
            "",
        ];
        for fields in foreign {
            let answer = post(&mut client, "/posts/bread/comments", fields, "author=x&text=spam");
            assert_eq!(answer.status(), 403, "{fields}");
        }
        assert!(!client.request("GET", "/posts/bread", "").text().contains("spam"));
        let older = "Origin: http://site.test\r\n";
        let answer = post(&mut client, "/posts/bread/comments", older, "author=x&text=well");
        assert_eq!(answer.status(), 303);
    }

    #[test]
    fn members_share_pages_of_their_own_and_forged_or_borrowed_markers_open_none() {
        let (_blog, mut client) = blog();
        assert_eq!(post(&mut client, "/login", OWN, "user=ada&password=jam").status(), 403);
        let ada = cookies(&post(&mut client, "/login", OWN, "user=ada&password=bread"));
        let bob = cookies(&post(&mut client, "/login", OWN, "user=bob&password=bread"));

        let stranger = client.request("GET", "/", "");
        let first = client.request("GET", "/", &ada);
        assert!(!is_hit(&first), "{}", first.cache_status());
        assert!(first.text().contains("Log out") && stranger.text().contains("Log in"));
        let second = client.request("GET", "/", &bob);
        assert!(is_hit(&second), "{}", second.cache_status());
        assert_eq!(second.text(), first.text());

        // A session without its marker, with another's, or with one that was changed, gets its page from the application.
        let session = |cookies: &str| cookies.split("; ").next().expect("a session").to_owned();
        let marker = |cookies: &str| cookies.split("; ").nth(1).expect("a marker").to_owned();
        let forged = marker(&ada).replace("larder_id=1.", "larder_id=2.");
        let unverified = [
            format!("{}\r\n", session(&ada)),
            format!("{}; {}", session(&bob), marker(&ada)),
            format!("{}; {forged}", session(&ada)),
        ];
        for cookies in unverified {
            let answer = client.request("GET", "/", &cookies);
            assert!(answer.cache_status().contains("unverified"), "{}", answer.cache_status());
        }
        // A marker alone is nobody's.
        let alone = client.request("GET", "/", &format!("Cookie: {}", marker(&ada)));
        assert!(alone.text().contains("Log in"), "{}", alone.text());
        // Nor does saying it help.
        let said = client.request("GET", "/", "Larder-Identity: class=authenticated\r\n");
        assert!(said.text().contains("Log in"), "{}", said.text());

        // A page of one member's is never kept.
        for (cookies, name) in [(&ada, "ada"), (&bob, "bob"), (&ada, "ada")] {
            let answer = client.request("GET", "/me", cookies);
            assert!(answer.text().contains(&format!("You are {name}.")), "{}", answer.text());
            assert!(!is_hit(&answer));
            assert!(answer.all("cache-control").join(",").contains("no-store"));
        }
        let out = post(&mut client, "/logout", &format!("{OWN}{ada}"), "");
        assert_eq!(out.all("set-cookie").len(), 2);
        assert_eq!(client.request("GET", "/me", &ada).status(), 303);
    }

    #[test]
    fn the_development_route_says_why() {
        let (_blog, mut client) = blog();
        let told = client.request("GET", "/-/explain?url=/posts/bread", "");
        assert_eq!(told.status(), 200);
        assert!(told.text().contains("anonymous-and-authenticated"), "{}", told.text());
        assert!(told.cache_status().is_empty(), "it stands beside the cache");
    }
}

//! Do other caches learn from the responses what the rules say, and nothing that is one visitor's?

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt as _;
    use http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue, PRAGMA, VARY};
    use http::{Method, Request, Response, StatusCode};
    use larder_tower::{ForNobody, HeaderPolicyLayer, Personal, Rules};
    use tower::{Layer as _, ServiceExt as _, service_fn};

    const RULES: &str = r#"
        [identity]
        session_cookies = ["sid"]
        lookup = "/who"
        [[rule]]
        path = "/account/*"
        never = true
        [[rule]]
        path = "/search"
        pass = true
        [[rule]]
        path = "/blog/*"
        host = "blog.test"
        audience = "all-users"
        ttl = "10m"
        browser_ttl = "5s"
        grace = "1m"
        drop_set_cookie = ["seen"]
        [[rule]]
        path = "/shop/*"
        audience = "anonymous-and-authenticated"
        ttl = "1m"
        browser_ttl = "5s"
        [[rule]]
        path = "/news/*"
        audience = "anonymous-only"
        ttl = "1m"
        browser_ttl = "5s"
    "#;

    /// The fields of an answer to `request` by an application that says `own`, and marks it where it says `personal`.
    fn told(
        request: Request<()>,
        own: &[(&'static str, &'static str)],
        personal: bool,
    ) -> HeaderMap {
        let rules =
            Rules::from_toml("larder.toml", RULES).unwrap_or_else(|wrong| panic!("{wrong}"));
        let own: Vec<_> = own.to_vec();
        let service = HeaderPolicyLayer::new(&rules).layer(service_fn(move |_: Request<()>| {
            let mut response = Response::new(());
            for (name, value) in &own {
                if *name == ":status" {
                    *response.status_mut() = value.parse::<StatusCode>().expect("a status");
                } else {
                    response.headers_mut().append(*name, HeaderValue::from_static(value));
                }
            }
            if personal {
                response.extensions_mut().insert(Personal);
            }
            std::future::ready(Ok::<_, Infallible>(response))
        }));
        let response = service.oneshot(request).now_or_never().expect("at once");
        response.expect("infallible").headers().clone()
    }

    fn ask(path: &str, fields: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request =
            Request::get(path).header("host", "blog.test").body(()).expect("a request");
        for (name, value) in fields {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    fn said(headers: &HeaderMap) -> (&str, &str) {
        let text =
            |name| headers.get(name).map_or("", |line: &HeaderValue| line.to_str().expect("text"));
        (text(CACHE_CONTROL), text(VARY))
    }

    const PUBLIC: &str = "max-age=5, s-maxage=600, stale-while-revalidate=60";
    const OWN: &str = "private, no-cache";

    #[test]
    fn each_rule_is_told_as_other_caches_can_keep_to_it() {
        let session: &[(&str, &str)] = &[("cookie", "sid=abc")];
        type Fields = &'static [(&'static str, &'static str)];
        let cases: [(&str, Fields, Fields, &str, &str); 18] = [
            ("/other", &[], &[], "", ""),
            ("/other", session, &[("cache-control", "max-age=9")], "max-age=9", ""),
            ("/search", &[], &[], OWN, ""),
            ("/search", &[], &[("cache-control", "max-age=9")], "max-age=9", ""),
            ("/blog/1", &[], &[], PUBLIC, ""),
            ("/blog/1", session, &[], PUBLIC, ""),
            ("/blog/1", &[], &[("cache-control", "no-store")], "no-store", ""),
            ("/blog/1", &[], &[("vary", "Accept-Language")], PUBLIC, "Accept-Language"),
            ("/blog/1", &[], &[("vary", "*")], OWN, "*"),
            ("/blog/1", session, &[("vary", "Cookie")], "private, max-age=5", "Cookie"),
            ("/blog/1", &[("authorization", "Basic eA==")], &[], OWN, ""),
            ("/blog/1", &[], &[("set-cookie", "id=1")], OWN, ""),
            ("/blog/1", &[], &[("set-cookie", "seen=1")], PUBLIC, ""),
            ("/shop/1", &[], &[], "max-age=5, s-maxage=60", "Cookie"),
            ("/news/1", &[], &[], "max-age=5, s-maxage=60", "Cookie"),
            ("/news/1", session, &[], OWN, "Cookie"),
            ("/shop/1", session, &[], OWN, "Cookie"),
            ("/blog/1", &[], &[(":status", "404")], "", ""),
        ];
        for (path, fields, own, cache_control, vary) in cases {
            let headers = told(ask(path, fields), own, false);
            assert_eq!(said(&headers), (cache_control, vary), "{path} {fields:?} {own:?}");
        }
    }

    #[test]
    fn what_is_never_kept_says_so_to_old_caches_too() {
        let headers = told(
            ask("/account/", &[]),
            &[("cache-control", "public"), ("surrogate-control", "max-age=9")],
            false,
        );
        assert_eq!(headers[CACHE_CONTROL], "no-cache, no-store, must-revalidate");
        assert_eq!(
            (&headers[PRAGMA], &headers[EXPIRES]),
            (&HeaderValue::from_static("no-cache"), &HeaderValue::from_static("0"))
        );
        assert!(!headers.contains_key("surrogate-control"));
    }

    #[test]
    fn a_handler_says_what_is_one_visitors_alone() {
        for path in ["/blog/1", "/shop/1", "/news/1", "/other"] {
            let headers = told(ask(path, &[]), &[], true);
            assert_eq!(said(&headers), (OWN, "Cookie"), "{path}");
        }
    }

    #[test]
    fn a_fetch_of_the_caches_own_is_left_as_it_is() {
        for path in ["/account/1", "/blog/1", "/shop/1", "/search"] {
            let mut request = ask(path, &[("larder-identity", "class=authenticated")]);
            request.extensions_mut().insert(ForNobody);
            let own: &[(&str, &str)] =
                &[("cache-control", "max-age=9"), ("vary", "larder-identity")];
            assert_eq!(
                said(&told(request, own, false)),
                ("max-age=9", "larder-identity"),
                "{path}"
            );
        }
    }

    #[test]
    fn rules_for_a_host_are_for_that_host() {
        let mut elsewhere = ask("/blog/1", &[]);
        elsewhere.headers_mut().insert("host", HeaderValue::from_static("other.test"));
        assert_eq!(said(&told(elsewhere, &[], false)), ("", ""));
        let absolute = Request::get("http://BLOG.test:80/blog/1").body(()).expect("a request");
        assert_eq!(said(&told(absolute, &[], false)), (PUBLIC, ""));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_nobodys_page() {
        let mut twice = ask("/blog/1", &[]);
        twice.headers_mut().append("host", HeaderValue::from_static("other.test"));
        assert_eq!(said(&told(twice, &[], false)).0, OWN);
        let mut post = ask("/blog/1", &[]);
        *post.method_mut() = Method::POST;
        assert_eq!(said(&told(post, &[], false)).0, OWN);
    }
}

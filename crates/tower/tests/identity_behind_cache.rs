//! Do handlers behind the cache make each page for whom it is, and is no page shared that is one visitor's?

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::header::COOKIE;
    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Empty, Full};
    use larder_tower::{
        Arrival, CacheLayer, Identity, IdentityLayer, Peer, Rule, Rules, Scheme, Signer, Visitor,
    };
    use tower::{Layer as _, Service, ServiceExt as _, service_fn};

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn rules() -> Rules {
        let path = std::env::temp_dir().join(format!("larder-behind-{}", std::process::id()));
        std::fs::write(&path, [b'x'; 40]).expect("written");
        let rules = Rules::builder()
            .session_cookie("sid")
            .marker_key_file("k1", path.to_str().expect("a path"))
            .audience("by-segment", ["segment"])
            .rule(Rule::path("/segment/*").audience("by-segment").ttl(Duration::from_secs(60)))
            .rule(Rule::path("/*").anonymous_and_authenticated().ttl(Duration::from_secs(60)));
        rules.build().unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// `sid` and marker of somebody, as their browser sends them.
    fn cookies(identity: &Identity, session: &str) -> String {
        let signer = Signer::new(&rules()).expect("a key");
        let line = signer.set_cookie(identity, ("sid", session.as_bytes()), now());
        let line = line.expect("signed").to_str().expect("text").to_owned();
        format!("sid={session}; {}", line.split(';').next().expect("a cookie"))
    }

    fn member(name: &str) -> Identity {
        Identity::authenticated().with_user(name).with_segment(format!("friends-of-{}", name.len()))
    }

    /// The site, and how often its handlers were asked.
    fn site() -> (
        impl Service<
            Request<Empty<Bytes>>,
            Response = Response<impl http_body::Body<Data = Bytes>>,
            Error = Infallible,
        > + Clone,
        Arc<AtomicUsize>,
    ) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        let handler = service_fn(move |request: Request<Empty<Bytes>>| {
            counts.fetch_add(1, Ordering::SeqCst);
            async move {
                let visitor = request.extensions().get::<Visitor>().expect("the layer is there");
                let said = match request.uri().path() {
                    "/board" if visitor.is_authenticated() => "the members' board".to_owned(),
                    "/board" => "the board".to_owned(),
                    "/hello" => match visitor.identity().and_then(Identity::user) {
                        Some(user) => format!("hello, {user}"),
                        None => "hello".to_owned(),
                    },
                    "/segment/prices" => {
                        let segment = visitor.identity().and_then(Identity::segment);
                        format!("prices for {}", segment.unwrap_or("all"))
                    }
                    // A handler that knows nothing of visitors and reads the session for itself.
                    _ => format!("{:?}", request.headers().get(COOKIE)),
                };
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(said)))
            }
        });
        let rules = rules();
        let cache = CacheLayer::builder(&rules).clock(now).build();
        let identity = IdentityLayer::new(&rules).clock(now);
        (cache.layer(identity.layer(handler)), asked)
    }

    async fn get<S, U>(site: &S, path: &str, cookie: Option<&str>) -> String
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<U>, Error = Infallible> + Clone,
        U: http_body::Body<Data = Bytes>,
    {
        let mut request = Request::get(path).header("host", "a.test");
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.header("larder-identity", "class=authenticated, user=\"root\"");
        let request = request.body(Empty::new()).expect("a request");
        let response = site.clone().oneshot(request).await.expect("infallible");
        let body = response.into_body().collect().await.map_err(|_| "broken").expect("whole");
        String::from_utf8(body.to_bytes().to_vec()).expect("text")
    }

    #[tokio::test]
    async fn who_share_a_page_share_it_and_others_have_theirs() {
        let (site, asked) = site();
        let (ada, bob) = (cookies(&member("ada"), "s-ada"), cookies(&member("bob"), "s-bob"));
        for (cookie, expected, fetches) in [
            (None, "the board", 1),
            (None, "the board", 1),
            (Some("theme=dark"), "the board", 1),
            (Some(ada.as_str()), "the members' board", 2),
            (Some(bob.as_str()), "the members' board", 2),
            // A session of which nobody knows: its own request.
            (Some("sid=somebody"), "the board", 3),
            (Some(ada.as_str()), "the members' board", 3),
        ] {
            assert_eq!(get(&site, "/board", cookie).await, expected, "{cookie:?}");
            assert_eq!(asked.load(Ordering::SeqCst), fetches, "{cookie:?}");
        }
    }

    #[tokio::test]
    async fn a_segment_has_pages_of_its_own() {
        let (site, asked) = site();
        let (ada, bob) = (cookies(&member("ada"), "s-ada"), cookies(&member("bob"), "s-bob"));
        let long = cookies(&member("grace"), "s-grace");
        for (cookie, expected, fetches) in [
            (ada.as_str(), "prices for friends-of-3", 1),
            (bob.as_str(), "prices for friends-of-3", 1),
            (long.as_str(), "prices for friends-of-5", 2),
        ] {
            assert_eq!(get(&site, "/segment/prices", Some(cookie)).await, expected);
            assert_eq!(asked.load(Ordering::SeqCst), fetches, "{cookie}");
        }
        assert_eq!(get(&site, "/segment/prices", None).await, "prices for all");
    }

    #[tokio::test]
    async fn a_page_that_greets_one_member_is_no_others() {
        let (site, _) = site();
        let (ada, bob) = (cookies(&member("ada"), "s-ada"), cookies(&member("bob"), "s-bob"));
        for _ in 0..3 {
            assert_eq!(get(&site, "/hello", Some(&ada)).await, "hello, ada");
            assert_eq!(get(&site, "/hello", Some(&bob)).await, "hello, bob");
            assert_eq!(get(&site, "/hello", None).await, "hello");
        }
    }

    #[tokio::test]
    async fn a_handler_that_does_not_look_gets_each_visitors_own_request() {
        let (site, _) = site();
        let (ada, bob) = (cookies(&member("ada"), "s-ada"), cookies(&member("bob"), "s-bob"));
        for _ in 0..2 {
            for cookie in [&ada, &bob] {
                assert_eq!(get(&site, "/old", Some(cookie)).await, format!("Some({cookie:?})"));
            }
            assert_eq!(get(&site, "/old", None).await, "None");
        }
    }

    /// What the application has put into the extensions of a request, of no visitor.
    #[derive(Clone, Copy)]
    struct Route;

    #[tokio::test]
    async fn extensions_that_are_kept_are_kept_without_the_visitor() {
        let handler = service_fn(|request: Request<Empty<Bytes>>| async move {
            let there = request.extensions();
            let said = (
                there.get::<Route>().is_some(),
                there.get::<Visitor>().is_some(),
                there.get::<Peer>().is_some(),
                there.get::<Arrival>().is_some_and(|arrival| !arrival.client.is_unspecified()),
            );
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("{said:?}"))))
        });
        let rules = rules();
        let cache = CacheLayer::builder(&rules).keeps_extensions().clock(now).build();
        // The wrong way round: each visitor would be everybody.
        let site = IdentityLayer::new(&rules).layer(cache.layer(handler));
        for (method, expected) in
            [("GET", "(true, false, false, false)"), ("POST", "(true, true, true, true)")]
        {
            let mut request =
                Request::get("/board").header("host", "a.test").body(Empty::new()).unwrap();
            *request.method_mut() = method.parse().unwrap();
            let client = [192, 0, 2, 1].into();
            request.extensions_mut().insert(Route);
            request.extensions_mut().insert(Peer(client));
            request.extensions_mut().insert(Arrival { scheme: Scheme::Http, client });
            let response = site.clone().oneshot(request).await.unwrap();
            let body = response.into_body().collect().await.map_err(|_| "broken").unwrap();
            // The scheme is told all the same, of nobody.
            let told = String::from_utf8(body.to_bytes().to_vec()).unwrap();
            assert_eq!(told, expected, "{method}");
        }
    }
}

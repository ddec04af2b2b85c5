//! Do handlers learn who asks from those only who can know it?

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    use futures_util::FutureExt as _;
    use http::header::{AUTHORIZATION, COOKIE, HeaderMap, VARY};
    use http::{Request, Response};
    use larder_policy::identity::{IdentityRules, Key, Keys, Marker};
    use larder_semantics::Timestamp;
    use larder_tower::{ForNobody, Identity, IdentityLayer, Rules, Signer, Visitor};
    use tower::{Layer as _, ServiceExt as _, service_fn};

    const SESSION: (&str, &[u8]) = ("sid", b"abcdefgh");
    const LIFE: Duration = Duration::from_secs(600);

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    /// The file of a key, each its own.
    fn key(byte: u8) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("larder-identity-{}-{byte}", std::process::id()));
        std::fs::write(&path, [byte; 40]).expect("written");
        path
    }

    fn rules() -> Rules {
        let path = key(b'x');
        let rules = Rules::builder().session_cookie("sid").lookup("/who");
        let rules = rules.marker_key_file("k1", path.to_str().expect("a path")).build();
        rules.unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn ada() -> Identity {
        Identity::authenticated().with_user("ada").with_segment("staff")
    }

    /// `larder_id=1.k1…`, as a browser sends it back.
    fn marker(identity: &Identity, session: (&str, &[u8])) -> String {
        let signer = Signer::new(&rules()).expect("a key");
        let line = signer.set_cookie(identity, session, start()).expect("signed");
        line.to_str().expect("text").split(';').next().expect("a cookie").to_owned()
    }

    fn cookies(line: &str) -> Request<()> {
        Request::get("/").header(COOKIE, line).body(()).expect("a request")
    }

    /// What a handler says that looks at its visitor, and its `Vary`.
    fn answer(layer: &IdentityLayer, request: Request<()>) -> (String, Vec<String>) {
        let handler = service_fn(|request: Request<()>| async move {
            let visitor = request.extensions().get::<Visitor>().expect("the layer is there");
            let said = match (visitor.identity(), visitor.doubt()) {
                (Some(known), None) => {
                    format!("{} {:?} {:?}", known.is_authenticated(), known.user(), known.segment())
                }
                (None, Some(doubt)) => doubt.text().to_owned(),
                both => format!("{both:?}"),
            };
            let forged = request.headers().contains_key("larder-identity");
            assert!(!request.headers().contains_key("larder-identity-proof"));
            let response = Response::builder().header(VARY, "accept");
            Ok::<_, Infallible>(
                response.body(format!("{said}{}", if forged { " field" } else { "" })).unwrap(),
            )
        });
        let response = layer.layer(handler).oneshot(request).now_or_never().expect("at once");
        let response = response.expect("infallible");
        let vary = response.headers().get_all(VARY).iter();
        let vary = vary.map(|line| line.to_str().expect("text").to_owned()).collect();
        (response.into_body(), vary)
    }

    fn layer_at(now: SystemTime) -> IdentityLayer {
        IdentityLayer::new(&rules()).clock(move || now)
    }

    #[test]
    fn who_asks_is_known_by_the_marker_of_their_own_session_only() {
        let good = marker(&ada(), SESSION);
        let plain = marker(&Identity::anonymous(), SESSION);
        let cases = [
            ("theme=dark".to_owned(), "false None None"),
            (good.clone(), "false None None"),
            (format!("sid=abcdefgh; {good}"), "true Some(\"ada\") Some(\"staff\")"),
            (format!("sid=abcdefgh; {plain}"), "false None None"),
            ("sid=abcdefgh".to_owned(), "no signed marker, and no look-up is configured"),
            (
                format!("sid=abcdefgi; {good}"),
                "the signed marker is forged, changed or made for another session",
            ),
            (
                format!("sid=abcdefgh; {}", good.replace("larder_id=1.k1", "larder_id=1.k2")),
                "the signed marker's key is not among identity.marker_keys",
            ),
            ("sid=abcdefgh; larder_id=1.k1".to_owned(), "the signed marker is malformed"),
            (
                format!("sid=abcdefgh; sid=b; {good}"),
                "several session cookies: list only the application's own in identity.session_cookies",
            ),
        ];
        for (line, expected) in cases {
            let (said, vary) = answer(&layer_at(start()), cookies(&line));
            assert_eq!(said, expected, "{line}");
            assert_eq!(vary, ["accept"], "{line}: it is the visitor's own");
        }
        let both = format!("sid=abcdefgh; {good}");
        let (said, _) =
            answer(&layer_at(start() + LIFE - Duration::from_millis(1)), cookies(&both));
        assert_eq!(said, "true Some(\"ada\") Some(\"staff\")");
        let (said, _) = answer(&layer_at(start() + LIFE), cookies(&both));
        assert_eq!(said, "the signed marker has expired");
    }

    #[test]
    fn what_a_client_says_of_itself_is_not_believed_and_does_not_reach_the_handler() {
        for line in ["class=authenticated, user=\"ada\"", "user=\"ada\"", "nonsense\""] {
            let forged = || Request::get("/").header("larder-identity", line).body(()).unwrap();
            let (said, vary) = answer(&layer_at(start()), forged());
            assert_eq!((said.as_str(), vary.len()), ("false None None", 1), "{line}");
            let mut with_session = forged();
            with_session.headers_mut().insert(COOKIE, "sid=x".parse().unwrap());
            let (said, _) = answer(&layer_at(start()), with_session);
            assert!(said.starts_with("no signed marker"), "{line}: {said}");
        }
    }

    /// Which parts a handler looks at.
    type Looks = fn(&Identity) -> String;

    /// What a handler says that looks at this, and whether the page is confirmed.
    fn page(line: &'static str, looks: Looks) -> (String, bool) {
        let handler = service_fn(move |request: Request<()>| async move {
            let visitor = request.extensions().get::<Visitor>().expect("the layer is there");
            let said = looks(visitor.identity().expect("it is told"));
            Ok::<_, Infallible>(Response::builder().header(VARY, "accept").body(said).unwrap())
        });
        let mut request = Request::get("/").header("larder-identity", line).body(()).unwrap();
        request.extensions_mut().insert(ForNobody);
        let response = layer_at(start()).layer(handler).oneshot(request).now_or_never();
        let response = response.expect("at once").expect("infallible");
        let vary: Vec<_> = response.headers().get_all(VARY).iter().cloned().collect();
        assert_eq!(vary.first().map(|line| line == "accept"), Some(true));
        let confirmed = vary.get(1).is_some_and(|line| line == "larder-identity");
        (response.into_body(), confirmed)
    }

    #[test]
    fn a_fetch_of_the_caches_own_is_for_whom_it_says_and_confirmed_where_no_more_was_looked_for() {
        let class: Looks = |known| known.is_authenticated().to_string();
        let user: Looks = |known| known.user().unwrap_or("-").to_owned();
        let segment: Looks = |known| known.segment().unwrap_or("-").to_owned();
        let member = "class=authenticated";
        let cases = [
            ("class=authenticated, user=\"ada\", segment=\"staff\"", user, "ada", true),
            (member, class, "true", true),
            (member, user, "-", false),
            (member, segment, "-", false),
            ("class=anonymous", class, "false", true),
            ("class=anonymous", user, "-", true),
            ("user=\"ada\"", class, "true", true),
            ("user=\"ada\"", user, "ada", true),
            ("user=\"ada\"", segment, "-", false),
            ("segment=\"staff\"", segment, "staff", true),
            ("segment=\"staff\"", class, "false", false),
        ];
        for (line, looks, said, confirmed) in cases {
            assert_eq!(page(line, looks), (said.to_owned(), confirmed), "{line}");
        }
        let mut nobody = Request::get("/").body(()).unwrap();
        nobody.extensions_mut().insert(ForNobody);
        let (said, vary) = answer(&layer_at(start()), nobody);
        assert_eq!((said.as_str(), vary.len()), ("false None None", 1));
    }

    #[test]
    fn for_whom_a_page_is_made_is_nobody_to_sign_for() {
        let (told, _) = page("class=authenticated", |known| {
            let signer = Signer::new(&rules()).expect("a key");
            let refused = signer.set_cookie(known, SESSION, start());
            assert!(known.field().is_none());
            refused.map_or_else(|wrong| wrong.to_string(), |_| "signed".to_owned())
        });
        assert!(told.contains("says less than who somebody is"), "{told}");
    }

    #[test]
    fn a_page_whose_handler_did_not_look_is_not_confirmed() {
        let handler = service_fn(|request: Request<()>| async move {
            assert!(request.extensions().get::<Visitor>().is_some());
            Ok::<_, Infallible>(Response::new(()))
        });
        let mut request =
            Request::get("/").header("larder-identity", "class=authenticated").body(()).unwrap();
        request.extensions_mut().insert(ForNobody);
        let response = layer_at(start()).layer(handler).oneshot(request).now_or_never();
        assert!(!response.expect("at once").expect("infallible").headers().contains_key(VARY));
    }

    /// What `larder serve` sends, with a key of this id and these bytes.
    fn proven(line: &str, id: &str, byte: u8) -> Request<()> {
        let marker = Marker {
            cookie: "larder_id".to_owned(),
            keys: Keys::new(vec![Key::new(id, &[byte; 40]).unwrap()]).unwrap(),
        };
        let rules = IdentityRules { marker: Some(marker), ..IdentityRules::default() };
        let mut request = Request::get("/").header("larder-identity", line).body(()).unwrap();
        rules.prove(request.headers_mut(), Timestamp::from_secs(1_767_225_600));
        request
    }

    #[test]
    fn behind_larder_serve_the_field_is_believed_that_it_has_signed() {
        let layer = layer_at(start()).behind_larder();
        let all = "class=authenticated, user=\"ada\", segment=\"staff\"";
        let (said, vary) = answer(&layer, proven(all, "k1", b'x'));
        assert_eq!(said, "true Some(\"ada\") Some(\"staff\") field");
        assert_eq!(vary, ["accept", "larder-identity"]);
        let own = format!("sid=abcdefgh; {}", marker(&ada(), SESSION));
        let (said, vary) = answer(&layer, cookies(&own));
        assert_eq!((said.as_str(), vary.len()), ("true Some(\"ada\") Some(\"staff\")", 1));
        // Who reaches the application past Larder has no key, and is whoever they are.
        let unsigned = || Request::get("/").header("larder-identity", all).body(()).unwrap();
        for forged in [unsigned(), proven(all, "k1", b'y'), proven(all, "k2", b'x')] {
            let (said, vary) = answer(&layer, forged);
            assert_eq!((said.as_str(), vary.len()), ("false None None", 1));
        }
        let late = layer_at(start() + Duration::from_secs(300)).behind_larder();
        assert_eq!(answer(&late, proven(all, "k1", b'x')).0, "false None None");
        // In front of itself nobody is believed, signed or not.
        let alone = layer_at(start());
        assert_eq!(answer(&alone, proven(all, "k1", b'x')).0, "false None None");
    }

    #[test]
    fn without_keys_behind_larder_serve_the_field_alone_is_believed() {
        let rules = Rules::builder().session_cookie("sid").lookup("/who").build().expect("no key");
        let layer = IdentityLayer::new(&rules).behind_larder();
        let request = Request::get("/").header("larder-identity", "user=\"ada\"").body(()).unwrap();
        assert!(answer(&layer, request).0.starts_with("true Some(\"ada\")"));
    }

    #[test]
    fn markers_are_renewed_at_half_their_life_and_when_they_no_longer_say_what_is_so() {
        let signer = Signer::new(&rules()).expect("a key").age(LIFE);
        let good = marker(&ada(), SESSION);
        let mine = format!("sid=abcdefgh; {good}");
        let half = start() + LIFE / 2;
        let is_new = |cookie: &str| cookie.starts_with("larder_id=1.k1.");
        let is_cleared = |cookie: &str| cookie.starts_with("larder_id=; Path=/; Max-Age=0; ");
        let nothing = |cookie: &str| cookie.is_empty();
        type Judge<'a> = &'a dyn Fn(&str) -> bool;
        let cases: [(&str, &str, Identity, SystemTime, Judge<'_>); 9] = [
            ("fresh", &mine, ada(), start(), &nothing),
            ("before half", &mine, ada(), half - Duration::from_millis(1), &nothing),
            ("at half", &mine, ada(), half, &is_new),
            ("no marker", "sid=abcdefgh", ada(), start(), &is_new),
            ("a new session", &format!("sid=other; {good}"), ada(), start(), &is_new),
            ("promoted", &mine, ada().with_segment("chief"), start(), &is_new),
            ("two", &format!("{mine}; larder_id=x"), ada(), start(), &is_new),
            ("logged out", &good, Identity::anonymous(), start(), &is_cleared),
            ("never logged in", "theme=dark", Identity::anonymous(), start(), &nothing),
        ];
        for (name, line, identity, now, expected) in cases {
            let mut headers = HeaderMap::from_iter([(COOKIE, line.parse().unwrap())]);
            let set = signer.refresh(&headers, &identity, now).expect(name);
            let set = set.map(|line| line.to_str().expect("text").to_owned()).unwrap_or_default();
            assert!(expected(&set), "{name}: {set:?}");
            headers.insert(AUTHORIZATION, "Bearer x".parse().unwrap());
            let left = signer.refresh(&headers, &identity, now).expect(name);
            assert_eq!(left, None, "{name}: who a token names");
        }
    }

    #[test]
    fn what_no_marker_can_say_is_refused() {
        let signer = Signer::new(&rules()).expect("a key");
        let cases = [
            (ada(), ("session", &b"x"[..]), "not among identity.session_cookies"),
            (ada(), ("sid", &b""[..]), "the session cookie is empty"),
            (ada().with_user("é"), SESSION, "not printable ASCII"),
            (ada().with_segment("x".repeat(257)), SESSION, "1 to 256 bytes"),
        ];
        for (identity, session, said) in cases {
            let wrong = signer.set_cookie(&identity, session, start()).expect_err(said);
            assert!(wrong.to_string().contains(said), "{wrong}");
        }
        assert!(Signer::new(&Rules::builder().build().expect("no keys")).is_none());
        let plain = signer.for_plain_http().clear();
        assert_eq!(plain, "larder_id=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn the_answer_to_a_look_up_is_one_field() {
        let (name, line) = ada().field().expect("it can be written");
        assert_eq!(name, "larder-identity");
        assert_eq!(line, "class=authenticated, user=\"ada\", segment=\"staff\"");
        assert!(ada().with_user("").field().is_none());
    }
}

//! Visitors who are known by what the application says when it is asked who they are.

use larder_policy::Audience;
use larder_semantics::Reason;
use larder_testkit::Signal;
use tokio::task::JoinSet;
use tower_service::Service;

use crate::rules::{
    BROWSER, LOOK_UP, PER_USER, by_look_up, by_marker, confirms, for_all, lines, member,
    of_a_browser, of_a_fill, secs, share, site_of,
};
use crate::world::{Answer, Seen, World, read, request};

const ALICE: &str = "theme=dark; sessionid=alice";

fn world(answer: Answer) -> World {
    world_of(PER_USER, answer)
}

fn world_of(audience: Audience, answer: Answer) -> World {
    let world = World::under(by_look_up(site_of(share(audience))), confirms);
    world.app.push(LOOK_UP, answer);
    world
}

fn says(identity: &str) -> Answer {
    Answer::new(200).field("larder-identity", identity)
}

fn alice() -> Answer {
    says("class=authenticated, user=\"alice\"")
}

fn look_ups(world: &World) -> usize {
    world.app.sent().iter().filter(|sent| sent.uri == LOOK_UP).count()
}

#[tokio::test]
async fn the_application_is_asked_with_the_session_cookie_and_nothing_else() {
    let world = world(alice());
    world.page("/p?x=1", ALICE).await.says("stored");
    let sent = world.app.sent();
    assert_eq!((sent.len(), &*sent[0].uri.to_string()), (2, LOOK_UP));
    assert_eq!(sent[0].method, "GET");
    let asked: Vec<_> =
        lines(&sent[0]).into_iter().filter(|line| !line.starts_with("surrogate")).collect();
    assert_eq!(asked, ["cookie: sessionid=alice", "host: site.example", "user-agent: Larder"]);
    assert_eq!(lines(&sent[1]), of_a_fill(&["larder-identity: user=\"alice\""]));
}

#[tokio::test]
async fn an_answer_counts_for_its_time_and_is_asked_for_again_after_it() {
    let world = world(alice());
    world.page("/a", ALICE).await.says("stored");
    world.clock.advance(secs(29));
    world.page("/b", ALICE).await.says("stored");
    assert_eq!(look_ups(&world), 1);
    world.clock.advance(secs(1));
    world.page("/a", ALICE).await.is_hit();
    assert_eq!(look_ups(&world), 2);
}

#[tokio::test]
async fn who_has_just_been_asked_for_is_not_asked_for_again() {
    let world = world(alice());
    let late = world.service.clone().call(request("GET", "/a", &[("cookie", ALICE)]));
    world.page("/b", ALICE).await.says("stored");
    read(late.await.unwrap()).await.unwrap().says("stored");
    assert_eq!(look_ups(&world), 1);
}

#[tokio::test]
async fn whoever_logs_out_is_somebody_else_when_the_answer_has_had_its_time() {
    let world = world(alice());
    world.app.push(LOOK_UP, says("class=anonymous"));
    world.page("/p", ALICE).await.says("stored");
    world.clock.advance(secs(30));
    world.page("/p", ALICE).await.says("stored").tells_nothing_of(&["alice"]);
    assert_eq!(world.last_lines(), of_a_fill(&[]));
}

#[tokio::test]
async fn answers_that_do_not_say_who_it_is_leave_the_visitor_unverified() {
    let good = "class=authenticated, user=\"alice\"";
    let answers = [
        ("an error", Answer::new(500).field("larder-identity", good)),
        ("no view", Answer::new(404)),
        ("a login", Answer::new(302).field("location", "/login").field("larder-identity", good)),
        ("no content", Answer::new(204).field("larder-identity", good)),
        ("not said", Answer::new(200)),
        ("empty", says("")),
        ("no class", says("user=\"alice\"")),
        ("another class", says("class=admin, user=\"alice\"")),
        ("contradiction", says("class=anonymous").field("larder-identity", good)),
        ("broken", says("class=authenticated, user=\"alice")),
        ("gone", Answer::failure(Reason::ConnectFailed)),
    ];
    for (name, answer) in answers {
        let world = world(answer);
        for method in ["GET", "HEAD", "GET"] {
            let seen = world.visit(method, "/p", ALICE).await;
            seen.says("fwd=bypass; detail=unverified");
            assert_eq!(world.last_lines(), of_a_browser(ALICE), "{name}");
        }
        assert_eq!(look_ups(&world), 1, "{name}: remembered");
        assert_eq!(world.app.count(), 4, "{name}: nothing is stored");
    }
}

#[tokio::test]
async fn a_failure_is_remembered_for_two_seconds() {
    let world = world(Answer::new(503));
    world.app.push(LOOK_UP, alice());
    world.page("/p", ALICE).await.says("unverified");
    world.clock.advance(std::time::Duration::from_millis(1999));
    world.page("/p", ALICE).await.says("unverified");
    assert_eq!(look_ups(&world), 1);
    world.clock.advance(std::time::Duration::from_millis(1));
    world.page("/p", ALICE).await.says("stored");
    assert_eq!(look_ups(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_in_time_is_not_waited_for() {
    let never = Signal::new();
    let world = world(alice().wait_before_head(&never));
    let began = tokio::time::Instant::now();
    world.page("/p", ALICE).await.says("fwd=bypass; detail=unverified");
    assert_eq!(began.elapsed(), secs(2));
    assert_eq!(world.last_lines(), of_a_browser(ALICE));
    world.page("/p", ALICE).await.says("fwd=bypass; detail=unverified");
    assert_eq!((began.elapsed(), look_ups(&world)), (secs(2), 1), "and is left in peace");
}

fn together(world: &World, cookies: &[&str]) -> JoinSet<Result<Seen, Reason>> {
    let mut all = JoinSet::new();
    for cookie in cookies {
        let (world, mut fields) = (world.clone(), BROWSER.to_vec());
        fields.push(("cookie", cookie));
        let request = request("GET", "/p", &fields);
        all.spawn(
            async move { read(world.begin(request).await.map_err(|error| error.reason)?).await },
        );
    }
    all
}

#[tokio::test]
async fn a_hundred_requests_of_one_session_are_one_look_up_and_one_page() {
    let go = Signal::new();
    let world = world(alice().wait_before_head(&go));
    let mut all = together(&world, &[ALICE; 100]);
    world.settle().await;
    assert_eq!(world.app.count(), 1);
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert!(seen.unwrap().unwrap().body.contains("user=\"alice\""));
    }
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn sessions_are_looked_up_each_for_itself() {
    let go = Signal::new();
    let world = World::under(by_look_up(site_of(share(PER_USER))), {
        let go = go.clone();
        move |sent| {
            let cookie = sent.field("cookie").unwrap_or_default().replace("sessionid=", "");
            if sent.uri != LOOK_UP {
                return confirms(sent);
            }
            says(&format!("class=authenticated, user=\"{cookie}\"")).wait_before_head(&go)
        }
    });
    let mut all = together(&world, &["sessionid=amy", "sessionid=ben", "sessionid=cid"]);
    world.settle().await;
    assert_eq!(world.app.count(), 3);
    go.fire();
    let mut pages = Vec::new();
    while let Some(seen) = all.join_next().await {
        pages.push(seen.unwrap().unwrap().body);
    }
    pages.sort();
    for (page, name) in pages.iter().zip(["amy", "ben", "cid"]) {
        assert!(page.contains(&format!("user=\"{name}\"")), "{name}: {page}");
    }
}

#[tokio::test]
async fn when_the_one_who_looks_up_leaves_the_others_are_not_left_alone() {
    let go = Signal::new();
    let world = world(alice().wait_before_head(&go));
    let mut first = together(&world, &[ALICE]);
    world.settle().await;
    let mut others = together(&world, &[ALICE; 10]);
    world.settle().await;
    first.shutdown().await;
    world.settle().await;
    assert_eq!(look_ups(&world), 1, "it goes on");
    go.fire();
    while let Some(seen) = others.join_next().await {
        assert!(seen.unwrap().unwrap().body.contains("user=\"alice\""));
    }
    assert_eq!(world.app.count(), 2, "one look-up, one page");
}

#[tokio::test]
async fn nobody_is_looked_up_where_it_does_not_matter() {
    let world = World::under(by_look_up(site_of(for_all())), confirms);
    world.page("/p", ALICE).await.says("stored");
    assert_eq!(look_ups(&world), 0);
    let world = self::world(alice());
    world.page("/p", "theme=dark").await.says("stored");
    world.page("/q", "sessionid=").await.says("stored");
    world.visit("POST", "/p", ALICE).await;
    assert_eq!(look_ups(&world), 0, "the anonymous and changes");
}

#[tokio::test]
async fn several_sessions_are_not_looked_up() {
    let world = world(alice());
    let both = "sessionid=alice; sessionid=bob";
    world.page("/p", both).await.says("fwd=bypass; detail=unverified");
    assert_eq!((look_ups(&world), world.last_lines()), (0, of_a_browser(both)));
}

#[tokio::test]
async fn a_good_marker_saves_the_look_up_and_a_bad_one_is_looked_up() {
    use larder_policy::Class;
    let site = by_marker(by_look_up(site_of(share(PER_USER))), &["k1"]);
    let world = World::under(site, confirms);
    world.app.push(LOOK_UP, alice());
    let bob = member(Class::Authenticated, Some("bob"), None);
    let good = world.marked("s1", &bob, &["k1"]);
    world.page("/p", &good).await.says("stored");
    assert_eq!(look_ups(&world), 0);
    let replayed = good.replace("sessionid=s1", "sessionid=s2");
    world.page("/p", &replayed).await.says("stored").tells_nothing_of(&["bob"]);
    assert_eq!(look_ups(&world), 1);
    assert_eq!(world.last_lines(), of_a_fill(&["larder-identity: user=\"alice\""]));
}

#[tokio::test]
async fn a_session_that_is_looked_up_as_anonymous_shares_their_page() {
    for audience in [Audience::AnonymousOnly, Audience::AnonymousAndAuthenticated, PER_USER] {
        let world = world_of(audience, says("class=anonymous"));
        world.page("/p", "").await.says("stored");
        world.page("/p", ALICE).await.is_hit();
    }
}

#[tokio::test]
async fn a_session_that_is_looked_up_as_a_login_keeps_out_of_the_anonymous_page() {
    let world = world_of(Audience::AnonymousOnly, alice());
    world.page("/p", "").await.says("stored");
    world.page("/p", ALICE).await.says("fwd=bypass; detail=session-cookie");
}

#[tokio::test]
async fn visitors_do_not_get_at_the_look_up() {
    let world = world(alice());
    for path in [LOOK_UP, "/_larder/identity?x=1"] {
        for method in ["GET", "POST"] {
            let refused = world.send(request(method, path, &[("cookie", ALICE)])).await;
            assert_eq!(refused.unwrap_err().reason, Reason::InternalPath, "{method} {path}");
        }
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test]
async fn a_session_of_one_site_is_nothing_to_another() {
    let world = world(alice());
    world.app.push(LOOK_UP, says("class=anonymous"));
    world.page("/p", ALICE).await.says("stored");
    let mut elsewhere = request("GET", "/p", &[("cookie", ALICE)]);
    elsewhere.headers_mut().insert("host", http::HeaderValue::from_static("other.example"));
    world.send(elsewhere).await.unwrap().says("stored").tells_nothing_of(&["alice"]);
    assert_eq!(look_ups(&world), 2);
}

//! What is published in the end, whatever happens between the steps?

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder_lookup::{Eraser, Left, Listed, Lookup, Place, Selector};
use larder_policy::rule::Pattern;
use larder_policy::{
    Action, Audience, Part, PolicyParts, Publish, Rule, Scheme, Share, When, query::Query,
};

use super::*;

/// What happens in a step, at the moment before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Step {
    Look(usize),
    Remember(usize),
    Set,
    Delete,
}

/// A page in memory, a real table, and a Memcached of which everything can be made to go wrong.
struct World {
    lookup: Lookup,
    _folder: tempfile::TempDir,
    gate: Gate,
    is_fresh: AtomicBool,
    lies: AtomicBool,
    seen_to: AtomicBool,
    looks: AtomicU64,
    remembers: AtomicU64,
    /// What is done before a step.
    before: Mutex<BTreeMap<Step, Happening>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// The whole of a purge, until it is answered.
    Purge,
    /// A purge that is in force in memory, and waits for its turn.
    PurgeBegins,
    /// A purge of the page before this one: it is about the row and not about what is in memory.
    OlderPurge,
    /// The step fails and does nothing.
    Fails,
    /// It fails, though it was done: no answer came.
    DoneButFails,
}

impl World {
    async fn new(before: &[(Step, Happening)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(folder.path().join("pages.db"));
        Self {
            lookup: Lookup::open(&place).await.unwrap(),
            _folder: folder,
            gate: Gate::default(),
            is_fresh: AtomicBool::new(true),
            lies: AtomicBool::new(false),
            seen_to: AtomicBool::new(false),
            looks: AtomicU64::new(0),
            remembers: AtomicU64::new(0),
            before: Mutex::new(before.iter().copied().collect()),
        }
    }

    fn take(&self, step: Step) -> Option<Happening> {
        self.before.lock().unwrap().remove(&step)
    }

    async fn is_listed(&self) -> bool {
        !self.lookup.list(&Selector::All, 0, 10).await.unwrap().is_empty()
    }

    /// What of a purge comes after the gate.
    async fn erase(&self) {
        let erased = self.lookup.purge(&Selector::All, self).await;
        assert!(erased.failure.is_none());
    }

    /// Carries out what does not fail the step itself.
    async fn happens(&self, step: Step) -> Result<bool, ()> {
        match self.take(step) {
            None => Ok(true),
            Some(Happening::Fails) => Err(()),
            Some(Happening::DoneButFails) => Ok(false),
            Some(Happening::PurgeBegins) => {
                self.is_fresh.store(false, Ordering::SeqCst);
                Ok(true)
            }
            Some(Happening::Purge) => {
                self.is_fresh.store(false, Ordering::SeqCst);
                self.erase().await;
                Ok(true)
            }
            Some(Happening::OlderPurge) => {
                self.erase().await;
                Ok(true)
            }
        }
    }
}

impl Eraser for World {
    async fn erase(&self, _: &[Listed]) -> Result<(), Left> {
        self.lies.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl Ground for World {
    fn fresh_for(&self) -> Option<Duration> {
        let number = self.looks.fetch_add(1, Ordering::SeqCst);
        if self.take(Step::Look(usize::try_from(number).unwrap())).is_some() {
            self.is_fresh.store(false, Ordering::SeqCst);
        }
        self.is_fresh.load(Ordering::SeqCst).then_some(Duration::from_secs(60))
    }

    async fn remember(&self, _: Duration) -> Result<(), ()> {
        let number = usize::try_from(self.remembers.fetch_add(1, Ordering::SeqCst)).unwrap();
        self.happens(Step::Remember(number)).await?;
        let entry = Entry {
            key: b"key".to_vec(),
            scheme: "https".into(),
            host: "a.test".into(),
            target: b"/".to_vec(),
            rule: "larder.toml:1".into(),
            version: String::new(),
            identifiers: Vec::new(),
            tags: Vec::new(),
            groups: Vec::new(),
            content_type: "text/html".into(),
            stored_at: 0,
            expires_at: 4_000_000_000,
        };
        self.lookup.remember(entry).await.map_err(drop)
    }

    async fn set(&self, _: Duration) -> Result<(), ()> {
        let answered = self.happens(Step::Set).await?;
        self.lies.store(true, Ordering::SeqCst);
        if answered { Ok(()) } else { Err(()) }
    }

    async fn delete(&self) -> Result<(), ()> {
        self.happens(Step::Delete).await?;
        self.lies.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn see_to(&self) {
        self.seen_to.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_lies_there_in_the_end_is_fresh_and_listed_whatever_happens_in_between() {
    use Happening::{DoneButFails, Fails, OlderPurge, Purge, PurgeBegins};
    use Step::{Delete, Look, Remember, Set};
    type Before = &'static [(Step, Happening)];
    let cases: [(Before, Outcome, bool); 15] = [
        (&[], Outcome::Published, true),
        (&[(Look(0), PurgeBegins)], Outcome::Gone, false),
        (&[(Remember(0), PurgeBegins)], Outcome::Gone, false),
        (&[(Remember(0), Purge)], Outcome::Gone, false),
        (&[(Remember(0), Fails)], Outcome::Unlisted, false),
        (&[(Look(1), PurgeBegins)], Outcome::Gone, false),
        // A purge can't come through the gate now, but it can begin.
        (&[(Set, PurgeBegins)], Outcome::Overtaken, false),
        (&[(Set, Fails)], Outcome::Unset, false),
        (&[(Set, DoneButFails)], Outcome::Unset, true),
        (&[(Remember(1), PurgeBegins)], Outcome::Overtaken, false),
        (&[(Remember(1), Fails)], Outcome::Unlisted, false),
        (&[(Look(2), PurgeBegins)], Outcome::Overtaken, false),
        // One of the page before, whose turn came earlier, takes the row along at any moment.
        (&[(Set, OlderPurge)], Outcome::Published, true),
        (&[(Remember(1), OlderPurge)], Outcome::Published, false),
        (&[(Set, PurgeBegins), (Delete, DoneButFails)], Outcome::Overtaken, false),
    ];
    for (before, expected, lies) in cases {
        let world = World::new(before).await;
        let outcome = lay_down(&world, &world.gate, Unlisted::Skip).await;
        assert_eq!(outcome, expected, "{before:?}");
        let is_there = world.lies.load(Ordering::SeqCst);
        assert_eq!(is_there, lies, "{before:?}");
        assert!(world.before.lock().unwrap().is_empty(), "{before:?} did happen");
        if is_there {
            assert!(world.is_listed().await, "{before:?}: a later purge finds it");
            assert!(world.is_fresh.load(Ordering::SeqCst), "{before:?}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_taken_away_again_is_seen_to() {
    let before = [(Step::Set, Happening::PurgeBegins), (Step::Delete, Happening::Fails)];
    let world = World::new(&before).await;
    assert_eq!(lay_down(&world, &world.gate, Unlisted::Skip).await, Outcome::Overtaken);
    assert!(world.lies.load(Ordering::SeqCst) && world.is_listed().await);
    assert!(world.seen_to.load(Ordering::SeqCst));
}

#[tokio::test]
async fn an_unlisted_page_is_published_only_where_the_rule_says_so() {
    for (unlisted, expected) in
        [(Unlisted::Skip, Outcome::Unlisted), (Unlisted::Publish, Outcome::Published)]
    {
        let before = [(Step::Remember(0), Happening::Fails), (Step::Remember(1), Happening::Fails)];
        let world = World::new(&before).await;
        assert_eq!(lay_down(&world, &world.gate, unlisted).await, expected);
        assert_eq!(world.lies.load(Ordering::SeqCst), unlisted == Unlisted::Publish);
    }
}

/// A purge waits at the gate until the page that is on its way lies there, and takes it away.
#[tokio::test]
async fn a_purge_that_begins_in_the_middle_finds_the_page_when_it_is_through_the_gate() {
    let world = World::new(&[]).await;
    let inside = world.gate.enter().await;
    world.is_fresh.store(false, Ordering::SeqCst);
    let purge = async {
        world.gate.pass().await;
        world.erase().await;
    };
    let publishing = async {
        world.remember(Duration::ZERO).await.unwrap();
        world.set(Duration::ZERO).await.unwrap();
        drop(inside);
    };
    tokio::join!(purge, publishing);
    assert!(!world.lies.load(Ordering::SeqCst) && !world.is_listed().await);
}

/// Dropped at any moment, what may lie there is listed.
#[tokio::test]
async fn a_publishing_that_is_cut_off_leaves_nothing_unlisted() {
    for polls in 1..200 {
        let world = World::new(&[]).await;
        let mut publishing = Box::pin(lay_down(&world, &world.gate, Unlisted::Skip));
        let mut left = polls;
        let cut = std::future::poll_fn(|cx| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            publishing.as_mut().poll(cx).map(Some)
        })
        .await;
        drop(publishing);
        assert!(!world.lies.load(Ordering::SeqCst) || world.is_listed().await, "after {polls}");
        if cut.is_some() {
            return;
        }
    }
}

fn policy(rules: &[(&str, Audience, bool)]) -> Arc<Policy> {
    let rule = |(pattern, audience, publishes): &(&str, Audience, bool)| {
        let mut share = Share::with(audience.clone());
        share.publish = publishes.then(Publish::default);
        let ignore = larder_policy::query::names(&["utm".to_owned()]).unwrap();
        Rule {
            place: "larder.toml:1".into(),
            when: When {
                pattern: Pattern::regex(pattern).unwrap(),
                hosts: Vec::new(),
                methods: Vec::new(),
            },
            scheme: None,
            action: Action::Share(Box::new(share)),
            query: Query { ignore, ..Query::default() },
            tags: Vec::new(),
        }
    };
    let rules = rules.iter().map(rule).collect();
    Arc::new(Policy::new(PolicyParts { rules, ..PolicyParts::default() }).unwrap())
}

/// The key of the page that somebody gets.
fn key_for(policy: &Policy, target: &str, cookie: Option<&str>) -> KeyBuf {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, cookie.parse().unwrap());
    }
    let mut key = KeyBuf::new();
    let visit = Visit {
        scheme: Scheme::Https,
        host: "a.test",
        method: &Method::GET,
        target,
        headers: &headers,
    };
    let now = larder_semantics::Timestamp::from_secs(0);
    assert_eq!(policy.decide(&visit, &Plain, now, &mut key).way, Way::Share, "{target}");
    key
}

#[test]
fn a_page_is_published_as_the_one_that_its_key_would_bring_to_nobody_in_particular() {
    let themed =
        Audience::Custom { name: "themed".into(), parts: vec![Part::Cookie("theme".into())] };
    let policy = policy(&[
        (r"^/a\?utm=special", themed.clone(), true),
        ("^/a", Audience::AllUsers, true),
        ("^/b", Audience::AnonymousAndAuthenticated, true),
        ("^/t", themed, true),
    ]);
    let known = |target: &str, cookie: Option<&str>| {
        ruling(&policy, key_for(&policy, target, cookie).as_bytes()).is_some()
    };
    assert!(known("/a", None) && known("/a?utm=1", None) && known("/b", None));
    assert!(
        !known("/a?utm=special", Some("theme=dark")),
        "the same URL in the key, and another rule's page"
    );
    assert!(!known("/t", Some("theme=dark")), "a visitor's own");
    assert!(known("/t", None), "whether nginx can tell is another question");
}

#[test]
fn identifiers_are_tags_of_a_certain_form() {
    assert_eq!(identifier("news"), None);
    let of = |parent: &str, finer: Option<&str>| {
        Some(Identifier { parent: parent.into(), supplementary: finer.map(Into::into) })
    };
    assert_eq!(identifier("id:shop"), of("shop", None));
    assert_eq!(identifier("id:shop/news/1"), of("shop", Some("news/1")));
}

//! No page of before a purge after it, in every order of threads that `shuttle` can think of.
//!
//! Threads fetch, validate, look up, purge and sweep at once. The application counts its versions up before each purge, so
//! that whoever asks after a purge was answered knows which version is the oldest they may get. A failure prints the order
//! of steps, which `shuttle::replay` goes through again.
#![cfg(feature = "shuttle")]
#![expect(clippy::tests_outside_test_module, clippy::unwrap_used, reason = "a test on its own")]

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use larder_cache::collapse::{Joined, Lead, Wanted};
use larder_cache::flight::Outcome;
use larder_cache::purge::{Naming, Pattern};
use larder_cache::receive::Answer;
use larder_cache::variant::{Head, Variant};
use larder_cache::{Cache, Clock, Options, Purge, Scope};
use larder_policy::{KeyBuf, Scheme};
use larder_semantics::Timestamp;
use larder_semantics::freshness::Timing;
use shuttle::sync::atomic::AtomicU64;
use shuttle::thread;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A cache, an application of one page, and what is known to be out of date.
struct World {
    cache: Cache,
    key: Arc<[u8]>,
    /// What the application would answer now.
    version: AtomicU64,
    /// What the oldest answer is that whoever asks now may get.
    oldest: AtomicU64,
}

/// How a change is told.
#[derive(Clone, Copy, Debug)]
enum Telling {
    /// By a purge.
    Hard(fn() -> Scope),
    /// By one that leaves the page there, stale.
    Soft(fn() -> Scope),
    /// By the answer to an unsafe request.
    Unsafe,
}

impl World {
    fn new() -> Arc<Self> {
        let mut key = KeyBuf::new();
        key.write(Scheme::Http, "a.test", "/a?q=1", &[]);
        Arc::new(Self {
            cache: Cache::new(1 << 20, Options::default(), Arc::new(Standing)),
            key: key.as_bytes().into(),
            version: AtomicU64::new(1),
            oldest: AtomicU64::new(0),
        })
    }

    fn change(&self, telling: Telling) {
        let version = self.version.fetch_add(1, SeqCst) + 1;
        match telling {
            Telling::Hard(scope) => {
                self.cache.purge(&Purge::hard(scope()));
            }
            Telling::Soft(scope) => {
                self.cache.purge(&Purge::soft(scope()));
            }
            Telling::Unsafe => self.cache.invalidate(&self.key),
        }
        self.oldest.fetch_max(version, SeqCst);
    }

    /// The application's answer, and which version it is of.
    fn answer(&self) -> (u64, HeaderMap) {
        let version = self.version.load(SeqCst);
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=600"));
        fields.insert(ETAG, HeaderValue::try_from(format!("\"{version}\"")).unwrap());
        fields.insert("cache-tag", HeaderValue::from_static("one, two"));
        fields.insert("cache-groups", HeaderValue::from_static("\"g\""));
        (version, fields)
    }

    /// Asks for the page as a visitor does who found nothing stored.
    fn fetch(&self) {
        let oldest = self.oldest.load(SeqCst);
        let request = HeaderMap::new();
        let wanted = Wanted { key: &self.key, request: &request, recipe: None, range: None };
        match self.cache.flights().join_or_lead(&wanted) {
            Joined::Lead(lead) => self.lead(&lead, &request),
            Joined::Follow(flight) => match flight.outcome() {
                Some(Outcome::Shared(head)) => check(&head, oldest, "shared by another"),
                Some(Outcome::Stored(variant)) => check(&variant.head, oldest, "confirmed"),
                Some(Outcome::Stale(..) | Outcome::Unshared(_) | Outcome::Failed(_)) | None => {}
            },
            Joined::Full => {}
        }
    }

    fn lead(&self, lead: &Lead, request: &HeaderMap) {
        let born = self.cache.purge_number();
        let (version, mut fields) = self.answer();
        let birth = self.cache.birth(born, &self.key, Naming::ByNumber, (&mut fields).into());
        let answer = Answer {
            method: &Method::GET,
            request,
            status: StatusCode::OK,
            response: &fields,
            timing: Timing { request_time: NOW, response_time: NOW },
            sharing: None,
            birth: &birth,
        };
        let draft = answer.draft(&self.cache.options()).unwrap();
        let flight = lead.flight();
        flight.publish(Outcome::Shared(Arc::clone(&draft.head)), None);
        flight.push(Bytes::from(version.to_string()), 1000);
        let chunks = flight.kept().unwrap();
        let kept = self.cache.keep(&self.key, flight, &draft, &chunks);
        flight.complete(None, kept.ok().map(|variant| (variant.body, 0)));
    }

    /// Asks whether what is stored is still right, as for a page that is stale.
    fn validate(&self) {
        let Some(page) = self.cache.look_up(&self.key) else { return };
        let Some(variant) = page.variants().first() else { return };
        let born = self.cache.purge_number();
        let (version, mut fields) = self.answer();
        if version != version_of(&variant.head) {
            return;
        }
        let birth = self.cache.birth(born, &self.key, Naming::ByNumber, (&mut fields).into());
        let answer = Answer {
            method: &Method::GET,
            request: &HeaderMap::new(),
            status: StatusCode::NOT_MODIFIED,
            response: &fields,
            timing: Timing { request_time: NOW, response_time: NOW },
            sharing: None,
            birth: &birth,
        };
        let freshened = answer.freshened(variant, &self.cache.options()).unwrap();
        assert_eq!(freshened.keep, Ok(()));
        self.cache.freshen(&self.key, &freshened.variant, None);
    }

    fn look(&self) {
        let oldest = self.oldest.load(SeqCst);
        let Some(page) = self.cache.look_up(&self.key) else { return };
        for Variant { head, body } in page.variants() {
            check(head, oldest, "stored");
            let text = body.read(0, body.complete().unwrap()).unwrap();
            assert_eq!(text, version_of(head).to_string(), "another's body");
        }
    }

    fn sweep(&self) {
        let swept = self.cache.sweep(|| {});
        self.cache.forget_purges(swept.number);
    }
}

fn check(head: &Head, oldest: u64, how: &str) {
    let version = version_of(head);
    assert!(
        version >= oldest || !head.freshness.is_fresh(NOW),
        "version {version} was {how} after the purge for version {oldest}"
    );
}

fn version_of(head: &Head) -> u64 {
    head.fields.first(&ETAG).unwrap().to_str().unwrap().trim_matches('"').parse().unwrap()
}

/// Tries `story` in as many orders as wanted: half of them by chance, half with few but telling switches of threads.
fn in_any_order(story: impl Fn() + Send + Sync + 'static) {
    let wanted = std::env::var("LARDER_ORDERS").ok().and_then(|text| text.parse().ok());
    let each = wanted.unwrap_or(300) / 2;
    let story = Arc::new(story);
    let by_chance = Arc::clone(&story);
    shuttle::check_random(move || by_chance(), each);
    shuttle::check_pct(move || story(), each, 3);
}

fn host() -> Scope {
    Scope::Host("a.test".into())
}

fn path() -> Scope {
    Scope::Path { host: "a.test".into(), path: "/a".into() }
}

fn url() -> Scope {
    Scope::Url { host: "a.test".into(), target: "/a?q=1".into() }
}

fn prefix() -> Scope {
    Scope::Prefix { host: None, prefix: "/a".into() }
}

fn all() -> Scope {
    Scope::All
}

fn tags() -> Scope {
    Scope::Tags { tags: vec!["other".into(), "two".into()], host: None }
}

fn tags_of_host() -> Scope {
    Scope::Tags { tags: vec!["one".into()], host: Some("a.test".into()) }
}

fn groups() -> Scope {
    Scope::Groups { scheme: Scheme::Http, host: "a.test".into(), groups: vec!["g".into()] }
}

fn matching() -> Scope {
    Scope::Matching(Box::new(Pattern::new().target("^/a").unwrap()))
}

const SCOPES: [fn() -> Scope; 9] =
    [host, path, url, prefix, all, tags, tags_of_host, groups, matching];

/// Fetches and look-ups while something is purged twice, and the pages are gone through.
fn purged_while_it_is_fetched(telling: Telling) {
    let world = World::new();
    let run = |work: fn(&World, Telling)| {
        let world = Arc::clone(&world);
        thread::spawn(move || work(&world, telling))
    };
    let threads = [
        run(|world, telling| {
            world.change(telling);
            world.look();
            world.change(telling);
            world.look();
        }),
        run(|world, _| {
            world.fetch();
            world.look();
            world.fetch();
        }),
        run(|world, _| {
            world.fetch();
            world.validate();
            world.look();
        }),
        run(|world, _| {
            world.sweep();
            world.look();
        }),
    ];
    for thread in threads {
        thread.join().unwrap();
    }
    world.look();
}

#[test]
fn no_fetch_of_before_a_purge_is_served_after_it() {
    for scope in SCOPES {
        in_any_order(move || purged_while_it_is_fetched(Telling::Hard(scope)));
    }
}

#[test]
fn no_fetch_of_before_a_soft_purge_is_fresh_after_it() {
    for scope in SCOPES {
        in_any_order(move || purged_while_it_is_fetched(Telling::Soft(scope)));
    }
}

#[test]
fn no_fetch_of_before_an_unsafe_request_is_served_after_it() {
    in_any_order(|| purged_while_it_is_fetched(Telling::Unsafe));
}

/// The test's own test.
#[test]
#[should_panic(expected = "after the purge for version")]
fn a_change_that_nobody_is_told_of_is_found() {
    let other = || Scope::Host("b.test".into());
    in_any_order(move || purged_while_it_is_fetched(Telling::Hard(other)));
}

//! What holds of the table, whichever engine it is on.

use std::sync::atomic::{AtomicUsize, Ordering};

use larder_lookup::{Entry, Eraser, Expressions, Left, Listed, Lookup, Selector};

use crate::world::{Taken, World, entry, identifier, keys, of, tag, tagged};

pub(crate) async fn a_page_is_found_by_all_that_it_belongs_to_and_by_nothing_else(world: &World) {
    let elsewhere = Entry {
        key: b"key-of-elsewhere".to_vec(),
        host: "other.example".into(),
        ..tagged("/a", &["t"])
    };
    for entry in [
        tagged("/a", &["t", "u"]),
        tagged("/a?q=1", &["t"]),
        of("/a/b", "example.com", None),
        of("/ab", "example.com", Some("news")),
        of("/b%20\u{e4}", "shop", Some("news")),
        elsewhere,
    ] {
        world.remember(entry).await;
    }
    let host = || "example.com".to_owned();
    let prefix = |host: Option<&str>, prefix: &str| Selector::Prefix {
        host: host.map(Into::into),
        prefix: prefix.into(),
    };
    let all = ["/a", "/a?q=1", "/a/b", "/ab", "/b%20\u{e4}"];
    let with = |more: &[&'static str]| [&all[..], more].concat();
    let cases: [(Selector, Vec<&str>); 17] = [
        (Selector::Url { host: host(), target: "/a".into() }, vec!["/a"]),
        (Selector::Url { host: host(), target: "/a?q=1".into() }, vec!["/a?q=1"]),
        (Selector::Url { host: host(), target: "/A".into() }, vec![]),
        (Selector::Url { host: host(), target: "/a%".into() }, vec![]),
        (Selector::Path { host: host(), path: "/a".into() }, vec!["/a", "/a?q=1"]),
        (prefix(Some("example.com"), "/a"), vec!["/a", "/a?q=1", "/a/b", "/ab"]),
        (prefix(Some("example.com"), "/a/"), vec!["/a/b"]),
        (prefix(None, "/a"), vec!["/a", "/a?q=1", "/a/b", "/ab", "elsewhere"]),
        (prefix(None, "/_"), vec![]),
        (Selector::Host(host()), all.to_vec()),
        (Selector::Host("EXAMPLE.com".into()), vec![]),
        (Selector::All, with(&["elsewhere"])),
        (tag("t"), vec!["/a", "/a?q=1", "elsewhere"]),
        (Selector::Tag { tag: "t".into(), host: Some("other.example".into()) }, vec!["elsewhere"]),
        (Selector::Identifier(identifier("example.com", None)), vec!["/a/b", "/ab"]),
        (Selector::Identifier(identifier("example.com", Some("news"))), vec!["/ab"]),
        (Selector::Identifier(identifier("news", None)), vec![]),
    ];
    for (what, targets) in &cases {
        assert_eq!(world.found(what).await, keys(targets), "{what:?}");
    }
    for (what, targets) in cases {
        let there = world.found(&Selector::All).await;
        let expected = keys(&targets).intersection(&there).cloned().collect();
        assert_eq!(world.purge(&what).await, expected, "{what:?}");
        assert!(world.found(&what).await.is_empty(), "{what:?} leaves nothing");
    }
}

pub(crate) async fn a_page_stored_again_under_other_names_belongs_to_both(world: &World) {
    world.remember(tagged("/a", &["old"])).await;
    world.remember(tagged("/a", &["new"])).await;
    assert_eq!(world.found(&tag("old")).await, keys(&["/a"]));
    assert_eq!(world.purge(&tag("new")).await, keys(&["/a"]));
    world.remember(tagged("/a", &["new"])).await;
    assert!(world.found(&tag("old")).await.is_empty(), "the older is purged");
}

pub(crate) async fn a_purge_goes_on_in_portions_until_nothing_is_left(world: &World) {
    let pages = (0..2500).map(|number| tagged(&format!("/{number}"), &["many"]));
    for wave in pages.collect::<Vec<_>>().chunks(500) {
        let mut tasks = tokio::task::JoinSet::new();
        for entry in wave.iter().cloned() {
            let table = world.table.clone();
            tasks.spawn(async move { table.remember(entry).await.unwrap() });
        }
        tasks.join_all().await;
    }
    world.remember(tagged("/other", &["few"])).await;
    assert_eq!(world.purge(&tag("many")).await.len(), 2500);
    assert_eq!(world.found(&Selector::All).await, keys(&["/other"]));
    assert!(world.purge(&tag("many")).await.is_empty(), "nothing to purge is no failure");
}

struct Refusing;

impl Eraser for Refusing {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        let pages = pages.iter().map(|page| page.id).collect();
        Err(Left { pages, why: "cache.internal:11211 does not answer".into() })
    }
}

pub(crate) async fn what_could_not_be_erased_stays_and_is_erased_the_next_time(world: &World) {
    world.remember(tagged("/a", &["t"])).await;
    let erased = world.table.purge(&tag("t"), &Refusing).await;
    assert_eq!(erased.pages, 0);
    assert!(format!("{:?}", erased.failure).contains("cache.internal"));
    assert_eq!(world.purge(&tag("t")).await, keys(&["/a"]));
}

/// Publishes what it was told to erase, before it returns.
struct Publishing(Lookup, AtomicUsize);

impl Eraser for Publishing {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        self.1.fetch_add(1, Ordering::Relaxed);
        for page in pages {
            let target = String::from_utf8(page.target.clone()).unwrap();
            self.0.remember(tagged(&target, &["t"])).await.unwrap();
        }
        Ok(())
    }
}

pub(crate) async fn a_page_published_again_while_it_is_erased_stays_listed(world: &World) {
    for target in ["/a", "/b"] {
        world.remember(tagged(target, &["t"])).await;
    }
    let eraser = Publishing(world.table.clone(), AtomicUsize::new(0));
    let erased = world.table.purge(&tag("t"), &eraser).await;
    assert!(erased.failure.is_none());
    assert_eq!(eraser.1.into_inner(), 1, "and the purge comes to an end");
    assert_eq!(world.found(&tag("t")).await, keys(&["/a", "/b"]));
}

pub(crate) async fn what_has_ended_leaves_with_its_names(world: &World) {
    world.remember(Entry { expires_at: 100, ..tagged("/a", &["t", "u"]) }).await;
    world.remember(Entry { expires_at: 200, ..tagged("/b", &["t"]) }).await;
    assert_eq!(world.table.forget_expired(100).await.unwrap(), 0, "not before its end is over");
    assert_eq!(world.table.forget_expired(150).await.unwrap(), 1);
    assert_eq!(world.found(&tag("t")).await, keys(&["/b"]));
    assert_eq!(world.table.forget_expired(1000).await.unwrap(), 1);
    assert_eq!(world.table.forget_expired(1000).await.unwrap(), 0);
    assert_eq!(world.table.count().await.unwrap(), 0);
    world.remember(Entry { expires_at: 900, ..entry("/c") }).await;
    world.remember(Entry { expires_at: 300, ..entry("/c") }).await;
    assert_eq!(world.table.forget_expired(500).await.unwrap(), 0, "the longer of both lives");
}

pub(crate) async fn what_was_erased_leaves_little_by_little_and_what_came_back_stays(
    world: &World,
) {
    let all: Vec<String> = (0..450).map(|number| format!("/{number}")).collect();
    for target in &all {
        world.remember(tagged(target, &["old", "both"])).await;
    }
    world.remember(tagged("/other", &["both"])).await;
    assert_eq!(world.purge(&tag("old")).await.len(), 450);
    assert_eq!(world.table.count().await.unwrap(), 1);
    // Before its rows have left, between them, and after them.
    world.remember(tagged("/7", &["new"])).await;
    assert!(world.table.forget_expired(0).await.unwrap() > 0);
    world.remember(tagged("/400", &["new"])).await;
    while world.table.forget_expired(0).await.unwrap() > 0 {}
    world.remember(tagged("/8", &["new"])).await;
    assert!(world.found(&tag("old")).await.is_empty());
    assert_eq!(world.found(&tag("both")).await, keys(&["/other"]));
    assert_eq!(world.found(&tag("new")).await, keys(&["/7", "/400", "/8"]));
    assert_eq!(world.table.count().await.unwrap(), 4);
    assert_eq!(world.purge(&Selector::All).await.len(), 4);
    while world.table.forget_expired(0).await.unwrap() > 0 {}
    assert_eq!(world.table.count().await.unwrap(), 0);
}

pub(crate) async fn pages_are_shown_with_their_names(world: &World) {
    let mut page = tagged("/a", &["t", "u"]);
    page.identifiers = vec![identifier("example.com", Some("news"))];
    page.version = "mobile".into();
    world.remember(page).await;
    let listed = world.table.list(&Selector::All, 0, 10).await.unwrap().remove(0);
    assert_eq!(
        (listed.version.as_str(), listed.stored_at, listed.expires_at),
        ("mobile", 1000, 2000)
    );
    let shown = world.table.show(listed).await.unwrap();
    assert_eq!(shown.tags, ["t", "u"]);
    let expected = [identifier("example.com", None), identifier("example.com", Some("news"))];
    assert_eq!(shown.identifiers, expected);
}

pub(crate) async fn pages_that_come_together_are_written_together(world: &World) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..400 {
        let table = world.table.clone();
        let page = tagged(&format!("/{number}"), &["all", &format!("own-{number}")]);
        tasks.spawn(async move { table.remember(page).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(world.table.count().await.unwrap(), 400);
    assert_eq!(world.found(&tag("all")).await.len(), 400);
    assert_eq!(world.found(&tag("own-7")).await, keys(&["/7"]));
    let batches = world.table.counts().batches.load(Ordering::Relaxed);
    assert!(batches <= 40, "{batches} transactions");
}

pub(crate) async fn names_of_any_kind_are_kept_apart(world: &World) {
    world.remember(tagged("/tag", &["x"])).await;
    world.remember(of("/parent", "x", None)).await;
    world.remember(of("/below", "y", Some("x"))).await;
    world.remember(tagged("/quote", &["x' OR '1'='1"])).await;
    assert_eq!(world.found(&tag("x")).await, keys(&["/tag"]));
    let parent = Selector::Identifier(identifier("x", None));
    assert_eq!(world.found(&parent).await, keys(&["/parent"]));
    let below = Selector::Identifier(identifier("y", Some("x")));
    assert_eq!(world.found(&below).await, keys(&["/below"]));
    assert_eq!(world.found(&tag("x' OR '1'='1")).await, keys(&["/quote"]));
    let taken = Taken::default();
    world.table.purge(&Selector::All, &taken).await;
    assert_eq!(taken.keys().len(), 4);
}

/// Erases all but those on one server.
struct OneServerGone;

impl Eraser for OneServerGone {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        let gone = pages.iter().filter(|page| page.target.ends_with(b"7"));
        let pages: Vec<i64> = gone.map(|page| page.id).collect();
        if pages.is_empty() { Ok(()) } else { Err(Left { pages, why: "one is gone".into() }) }
    }
}

pub(crate) async fn what_stays_keeps_nothing_else_from_being_erased(world: &World) {
    let pages = (0..2500).map(|number| tagged(&format!("/{number:04}"), &["many"]));
    for wave in pages.collect::<Vec<_>>().chunks(500) {
        let mut tasks = tokio::task::JoinSet::new();
        for entry in wave.iter().rev().cloned() {
            let table = world.table.clone();
            tasks.spawn(async move { table.remember(entry).await.unwrap() });
        }
        tasks.join_all().await;
    }
    let prefix = Selector::Prefix { host: Some("example.com".into()), prefix: "/".into() };
    let erased = world.table.purge(&prefix, &OneServerGone).await;
    assert!(matches!(erased.failure, Some(larder_lookup::Failure::Eraser(_))));
    assert_eq!(erased.pages, 2250);
    let left = world.found(&tag("many")).await;
    assert_eq!(left.len(), 250);
    assert!(left.iter().all(|key| key.ends_with('7')));
}

pub(crate) async fn groups_are_of_their_origin_and_expressions_see_all_of_a_page(world: &World) {
    let group = |scheme: &str| Selector::Group {
        scheme: scheme.into(),
        host: "example.com".into(),
        group: "a b".into(),
    };
    world.remember(Entry { groups: vec!["a b".into()], ..entry("/s") }).await;
    let plain = Entry { groups: vec!["a b".into()], scheme: "http".into(), ..entry("/p") };
    world.remember(plain).await;
    world.remember(Entry { content_type: "image/png".into(), ..tagged("/i", &["a b"]) }).await;
    assert_eq!(world.found(&group("https")).await, keys(&["/s"]));
    assert_eq!(world.found(&group("http")).await, keys(&["/p"]));
    let matching = |host: &str, target: &str, content_type: &str| {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Selector::Matching(Expressions {
            host: some(host),
            target: some(target),
            content_type: some(content_type),
        })
    };
    assert_eq!(world.found(&matching("", "", "^image/")).await, keys(&["/i"]));
    assert_eq!(world.found(&matching("^example", "^/[ps]$", "")).await, keys(&["/p", "/s"]));
    assert_eq!(world.found(&matching("other", "", "")).await, keys(&[]));
    assert_eq!(world.purge(&matching("", "^/[pi]", "html")).await, keys(&["/p"]));
    assert_eq!(world.purge(&group("https")).await, keys(&["/s"]));
    assert_eq!(world.found(&Selector::All).await, keys(&["/i"]));
}

//! One request at a time, with memory enough: what the naive cache serves, and only that, is a hit.

use std::cell::Cell;

use bytes::Bytes;
use http::{Method, StatusCode};
use larder_cache::Options;
use larder_testkit::{Exchanged, ReferenceCache};

use crate::application::{Temper, window};
use crate::episodes;
use crate::judge::{Asked, Done, Got, directive, lifetime};
use crate::record::{Record, history};
use crate::world::{Setting, World};

const EVENTS: u64 = 250;

fn plain() -> Setting {
    Setting {
        temper: Temper::Plain,
        memory_bytes: 64 << 20,
        large_bodies: false,
        options: Options::default(),
    }
}

#[test]
fn hits_are_what_the_naive_cache_serves() {
    let hits = Cell::new((0_u64, 0_u64));
    episodes(4_000_000, 200, |seed| {
        let hits = &hits;
        async move {
            let (hit, asked) = episode(seed).await?;
            hits.set((hits.get().0 + hit, hits.get().1 + asked));
            Ok(())
        }
    });
    let (hit, asked) = hits.get();
    assert!(hit * 8 > asked && asked > hit * 5 / 4, "both happen: {hit} of {asked}");
}

async fn episode(seed: u64) -> Result<(u64, u64), String> {
    let mut world = World::new(seed, &plain());
    let mut naive = ReferenceCache::new();
    let (mut hits, mut all, mut known) = (0, 0, 0);
    for _ in 0..EVENTS {
        if world.random.one_in(4) {
            let secs = world.random.one_of(&[1, 1, 2, 3, 5, 8]);
            world.clock.advance_secs(secs);
        }
        let asked = strict(&mut world, &naive);
        let now = world.clock.now().as_secs();
        let predicted = naive.serve(&asked.method, &asked.target, &asked.headers, now);
        let predicted = predicted.map(|(stored, age)| (Bytes::from(stored.body.clone()), age));
        world.begin(asked);
        world.settle().await;
        let mut books = world.ledger.books();
        let done = books.done.pop().ok_or("no answer")?;
        let got = done.got.as_ref().ok_or("the application did not fail")?;
        compare(predicted.as_ref(), &done, got).map_err(|why| {
            let history = history(&books.records, &done.asked.target);
            format!("{why}\n{done:#?}\n{history}")
        })?;
        hits += u64::from(predicted.is_some());
        all += 1;
        for record in books.records.iter().skip(known) {
            learn(&mut naive, record);
        }
        known = books.records.len();
        drop(books);
        world.judge()?;
    }
    Ok((hits, all))
}

/// A request; what the naive cache has no opinion on is left out where it would be forwarded.
fn strict(world: &mut World, naive: &ReferenceCache) -> Asked {
    let mut asked = world.any_request();
    let now = world.clock.now().as_secs();
    let is_read = asked.method == Method::GET || asked.method == Method::HEAD;
    if is_read && naive.serve(&asked.method, &asked.target, &asked.headers, now).is_none() {
        for name in ["range", "if-range", "if-none-match"] {
            asked.headers.remove(name);
        }
        asked.method = Method::GET;
    }
    asked
}

/// The naive cache learns what the application answered.
fn learn(naive: &mut ReferenceCache, record: &Record) {
    let exchanged = Exchanged { body: record.body.to_vec(), ..record.exchanged() };
    if record.status == StatusCode::NOT_MODIFIED {
        let (sent, came) = (exchanged.request_time, exchanged.response_time);
        naive.freshen(&record.target, &exchanged.response, sent, came);
        return;
    }
    let is_change = record.method != Method::GET;
    if let Some(path) = record.field("location").filter(|_| is_change) {
        let host = record.target.split('/').next().unwrap_or_default();
        let mut other = exchanged.clone();
        other.target = format!("{host}{path}");
        naive.receive(other);
    }
    // Larder does not keep what could never be used; the naive cache would prefer it as the newest.
    let validator = ["etag", "last-modified"].iter().any(|name| record.field(name).is_some());
    let asks = directive(record, "no-cache").is_some();
    if is_change || validator || !asks && lifetime(record) > 0 {
        naive.receive(exchanged);
    }
}

fn compare(predicted: Option<&(Bytes, u64)>, done: &Done, got: &Got) -> Result<(), String> {
    let told = got.headers.get_all("cache-status").iter().next_back().unwrap().to_str().unwrap();
    let is_hit = told.starts_with("larder; hit");
    let Some((body, age)) = predicted else {
        return if is_hit {
            Err("a hit that the naive cache does not know".to_owned())
        } else {
            Ok(())
        };
    };
    if !is_hit {
        return Err("the naive cache serves it, and the application was asked".to_owned());
    }
    if got.headers.get("age").is_some_and(|told| *told != age.to_string()) {
        return Err(format!("the naive cache says that it is {age} s old"));
    }
    let range = got.headers.get("content-range").and_then(|value| window(value.to_str().unwrap()));
    let expected = match (got.status.as_u16(), range) {
        _ if done.asked.method == Method::HEAD => Bytes::new(),
        (304 | 416, _) => Bytes::new(),
        (206, Some((first, last))) => body.slice(first..=last),
        _ => body.clone(),
    };
    if got.body.as_ref() == Some(&expected) { Ok(()) } else { Err("another body".to_owned()) }
}

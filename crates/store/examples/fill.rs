//! Does the budget hold in real memory? Puts distinct values (two million small ones unless told otherwise) through a
//! store and compares the process's resident memory with the budget.
//!
//! `cargo run -p larder-store --profile fast --example fill [budget MiB] [values] [largest body in bytes]`

#![expect(clippy::print_stdout, reason = "a program to be read at a terminal")]

use larder_store::{Change, MemoryStore, Sizes, Store, Weigh, allocated, limits};
use std::{process::ExitCode, sync::Arc};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Beside the budget: the program, its allocator, pages that are not full.
const FIXED: u64 = 8 << 20;

struct Page {
    head: Box<[u8]>,
    /// In blocks, as [`limits::BLOCK_BYTES`] advises.
    body: Box<[Box<[u8]>]>,
}

#[derive(Clone)]
struct Shared(Arc<Page>);

impl Weigh for Shared {
    fn weight_bytes(&self) -> usize {
        size_of::<Self>()
            + allocated(16 + size_of::<Page>())
            + allocated(self.0.head.len())
            + allocated(size_of_val(&*self.0.body))
            + self.0.body.iter().map(|block| allocated(block.len())).sum::<usize>()
    }
}

/// A plain linear congruential generator: the same sizes in every run.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).unwrap_or_default()
}

/// Sizes spread evenly over the doublings from 128 bytes up when bodies are large, evenly over the bytes when small.
fn body_bytes(state: &mut u64, max: usize) -> usize {
    if max <= 4096 {
        return 100 + next(state) % (max - 100).max(1);
    }
    let doublings = max.ilog2() - 7;
    let lowest = 128 << (next(state) % (doublings as usize));
    lowest + next(state) % lowest
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let budget = arguments.next().unwrap_or(64_u64) << 20;
    let values = arguments.next().unwrap_or(2_000_000_u64);
    let body_max = usize::try_from(arguments.next().unwrap_or(1100)).unwrap_or(usize::MAX);
    let before = resident_bytes();
    let store = MemoryStore::new(Sizes::of(budget));
    let mut state = 1;
    let mut peak = 0;
    for number in 0..values {
        let key = format!("https/www.example.org/articles/{number}/comments?page=1");
        let page = Page {
            head: vec![1; 100 + next(&mut state) % 200].into(),
            body: vec![1; body_bytes(&mut state, body_max)]
                .chunks(limits::BLOCK_BYTES)
                .map(Box::from)
                .collect(),
        };
        let _ = store.update(key.as_bytes(), |_| Change::Put(Shared(Arc::new(page))));
        if number % 10_000 == 0 {
            peak = peak.max(resident_bytes());
        }
    }
    peak = peak.max(resident_bytes());
    let usage = store.usage();
    let allowed = budget + budget / 5 + FIXED;
    println!("budget {} KiB, weighed {} KiB", budget >> 10, usage.bytes >> 10);
    println!("entries {}, evictions {}", usage.entries, usage.evictions);
    println!(
        "resident at the start {} KiB, at most {} KiB, {} per mille of the weighed bytes, allowed {} KiB",
        before >> 10,
        peak >> 10,
        (peak - before) * 1000 / usage.bytes.max(1),
        allowed >> 10
    );
    ExitCode::from(u8::from(peak > allowed))
}

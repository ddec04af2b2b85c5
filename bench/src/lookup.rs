//! A lookup table on SQLite, filled with millions of pages, and purges of a tag and of an identifier in it: how long until
//! the first page is erased, and until all are.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use larder_lookup::{Entry, Eraser, Identifier, Left, Listed, Lookup, Place, Selector};

use crate::terminal::{note, say};

/// What is measured.
#[derive(Clone, Debug, clap::Parser)]
pub struct Options {
    /// Pages in the table.
    #[arg(long, default_value_t = 10_000_000)]
    pub pages: u64,
    /// Pages of the tag, and of the identifier, that is purged.
    #[arg(long, default_value_t = 100_000)]
    pub purged: u64,
    /// The table's file; one of its own that is removed at the end, if not given. What is there is used as it is.
    #[arg(long)]
    pub file: Option<PathBuf>,
}

/// The longest time until the first page is erased.
const FIRST_MAX: Duration = Duration::from_millis(50);

/// The longest time until all are.
const ALL_MAX: Duration = Duration::from_secs(10);

/// Pages that are remembered at one time.
const WAVE: u64 = 4000;

/// Fills a table, purges, and says how long that took.
///
/// # Errors
/// The table can't be had, or a purge takes longer than it may.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = std::env::temp_dir().join(format!("larder-lookup-{}", std::process::id()));
    let (path, own) = match &options.file {
        Some(path) => (path.clone(), false),
        None => {
            std::fs::create_dir_all(&folder)?;
            (folder.join("pages.db"), true)
        }
    };
    let outcome = runtime.block_on(measure(options, path));
    if own {
        std::fs::remove_dir_all(&folder).context("removing the table")?;
    }
    outcome
}

async fn measure(options: &Options, path: PathBuf) -> anyhow::Result<()> {
    let table = Lookup::open(&Place::Sqlite(path.clone())).await?;
    let begun = Instant::now();
    let there = u64::try_from(table.count().await?)?;
    let mut next = there;
    while next < options.pages {
        let end = options.pages.min(next + WAVE);
        let mut wave = tokio::task::JoinSet::new();
        for number in next..end {
            let table = table.clone();
            let page = page(number, options);
            wave.spawn(async move { table.remember(page).await });
        }
        for remembered in wave.join_all().await {
            remembered?;
        }
        next = end;
        if next.is_multiple_of(250 * WAVE) {
            note(&format!("{next} pages after {:.0} s", begun.elapsed().as_secs_f64()));
        }
    }
    let filled = begun.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(&path)?.len();
    say(&format!("pages in the table          {}", options.pages))?;
    say(&format!("remembered a second         {:.0}", per_second(options.pages - there, filled)))?;
    say(&format!("bytes a page                {}", bytes / options.pages.max(1)))?;
    let purges = [
        ("a tag", Selector::Tag { tag: "purged".into(), host: None }),
        (
            "an identifier",
            Selector::Identifier(Identifier {
                parent: "shop".into(),
                supplementary: Some("purged".into()),
            }),
        ),
        (
            "a prefix",
            Selector::Prefix { host: Some("site-7.example".into()), prefix: "/list/".into() },
        ),
    ];
    let mut late = Vec::new();
    for (name, what) in purges {
        let erasing = Erasing { begun: Instant::now(), first: Mutex::default() };
        let erased = table.purge(&what, &erasing).await;
        if let Some(failure) = erased.failure {
            bail!("the purge of {name} failed: {failure:?}");
        }
        let all = erasing.begun.elapsed();
        let first = erasing.first.into_inner().ok().flatten().unwrap_or_default();
        say(&format!(
            "purge of {name:<15} {:>7} pages, the first after {:>5.1} ms, all after {:>5.2} s",
            erased.pages,
            first.as_secs_f64() * 1000.0,
            all.as_secs_f64()
        ))?;
        let most = ALL_MAX.mul_f64((erased.pages as f64 / 100_000.0).max(0.1));
        if first > FIRST_MAX || all > most {
            late.push(name);
        }
    }
    table.close().await;
    if late.is_empty() { Ok(()) } else { bail!("too slow: the purge of {}", late.join(", ")) }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(pages: u64, seconds: f64) -> f64 {
    pages as f64 / seconds
}

/// Takes pages away from nowhere, and notes when it was told first.
struct Erasing {
    begun: Instant,
    first: Mutex<Option<Duration>>,
}

impl Eraser for Erasing {
    async fn erase(&self, _: &[Listed]) -> Result<(), Left> {
        let mut first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        first.get_or_insert_with(|| self.begun.elapsed());
        Ok(())
    }
}

/// Pages of a hundred sites. Every n-th has the tag that is purged, and the one after it the identifier: they lie all over
/// the table, as pages of a tag do.
fn page(number: u64, options: &Options) -> Entry {
    let every = (options.pages / options.purged.max(1)).max(2);
    let site = number % 100;
    let kind = if number.is_multiple_of(7) { "list" } else { "article" };
    let mut tags = vec![format!("article-{number}"), format!("section-{}", number % 5000)];
    let mut identifiers = Vec::new();
    if number.is_multiple_of(every) {
        tags.push("purged".into());
    } else if number % every == 1 {
        identifiers
            .push(Identifier { parent: "shop".into(), supplementary: Some("purged".into()) });
    }
    Entry {
        key: format!(
            "site:1:{:032x}",
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        )
        .into_bytes(),
        scheme: "https".into(),
        host: format!("site-{site}.example"),
        target: format!("/{kind}/{number}").into_bytes(),
        rule: "larder.toml:7".into(),
        version: String::new(),
        identifiers,
        tags,
        groups: Vec::new(),
        content_type: "text/html; charset=utf-8".into(),
        stored_at: 0,
        expires_at: 4_000_000_000,
    }
}

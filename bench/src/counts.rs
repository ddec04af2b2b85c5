//! How many instructions a request costs, counted by callgrind: a number that a busy machine does
//! not move, so that it can be committed and compared.
//!
//! A server answers few requests, then another one many; the difference has no start-up in it.
//! Counted is user space only: what the kernel does for us is in `compare`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use larder_policy::Identity;
use larder_policy::identity::{Key, Keys};
use larder_semantics::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::Page;
use crate::h2load::{self, Run, Wire};
use crate::load::{Ask, Load};
use crate::origin::Origin;
use crate::peers::{self, Ability, Peer, Site};
use crate::process::{Folder, Server};
use crate::terminal::{note, say};

/// What a hit by a signed marker may cost, in percent of a hit without rules.
const MARKER_PERCENT_MAX: u64 = 115;
/// What a hit among a thousand rules may cost, in percent of one among ten.
const RULES_PERCENT_MAX: u64 = 102;
/// What a hit on a page with ten tags may cost, in percent of one without.
const TAGS_PERCENT_MAX: u64 = 110;
/// What a hit through the layer around an axum application may cost, in percent of an axum handler that answers with the same
/// bytes.
const AXUM_PERCENT_MAX: u64 = 120;
/// What a hit on a page with three forms may cost, in percent of one without.
const FORMS_PERCENT_MAX: u64 = 130;

const FEW: u64 = 2_000;
const MANY: u64 = 6_000;
/// What a count may grow by unnoticed: code placed otherwise, another libc.
const TOLERANCE_PERCENT: u64 = 3;

/// Counts instructions per request and compares with the committed numbers.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "counts")]
pub struct Options {
    /// Write what was counted into the file instead of comparing
    #[arg(long)]
    pub update: bool,
    /// The server to count; only larder's counts are compared
    #[arg(long, value_enum, default_value = "larder")]
    pub server: Peer,
    /// The file of committed counts
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.json"))]
    pub file: PathBuf,
    /// Leave callgrind's files in this folder, for `callgrind_annotate`
    #[arg(long)]
    pub keep: Option<PathBuf>,
}

/// What was counted of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Instructions a hit of 2 KiB.
    pub hit_2k: u64,
    /// Instructions a pass-through of 2 KiB, the exchange with the application included.
    pub pass_2k: u64,
    /// Instructions a hit of 2 KiB by the last of ten rules.
    pub hit_10_rules_2k: u64,
    /// Instructions a hit of 2 KiB by the last of a thousand rules.
    pub hit_1000_rules_2k: u64,
    /// Instructions a hit of 2 KiB by a rule whose audience takes a signed marker, with that marker.
    pub hit_marker_2k: u64,
    /// Instructions a hit of 2 KiB for the same request without rules.
    pub hit_marker_unused_2k: u64,
    /// Instructions a hit of 2 KiB by HTTP/2 in clear text, one request at a time.
    /// Nothing in files of before it was counted.
    #[serde(default)]
    pub hit_http2_2k: u64,
    /// Instructions a hit of 2 KiB on a page with ten tags, by the last of ten rules.
    #[serde(default)]
    pub hit_tagged_2k: u64,
    /// Instructions a hit of 2 KiB on a page with three tokens, each visitor's own, for one who has a secret.
    #[serde(default)]
    pub hit_forms_2k: u64,
    /// Instructions a hit of 2 KiB through the layer around an axum application.
    #[serde(default)]
    pub hit_axum_2k: u64,
    /// Instructions of an axum handler that answers with the same bytes.
    #[serde(default)]
    pub handler_axum_2k: u64,
}

/// One thing that is counted.
#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    ask: Ask,
    /// The rules of Larder's file.
    rules: String,
    /// More cookies of each request.
    cookies: String,
    /// What is spoken.
    wire: Wire,
}

impl Case {
    const fn plain(name: &'static str, ask: Ask) -> Self {
        Self { name, ask, rules: String::new(), cookies: String::new(), wire: Wire::Http1 }
    }

    /// Hits by HTTP/2.
    fn http2() -> Self {
        Self { wire: Wire::Http2, ..Self::plain("http2", Ask::Same(Page::Small)) }
    }

    /// Hits by the last of `count` rules.
    fn rules(name: &'static str, count: usize) -> Self {
        let mut rules = String::new();
        for number in 1..count {
            rules += &format!("[[rule]]\npath = \"/section-{number}/*\"\nnever = true\n");
        }
        rules += "[[rule]]\npath = \"/*\"\naudience = \"all-users\"\nttl = \"1h\"\n";
        Self { rules, ..Self::plain(name, Ask::Same(Page::Small)) }
    }

    /// Hits by the last of ten rules, which gives its pages ten tags.
    fn tagged() -> Self {
        let mut case = Self::rules("tagged", 10);
        let tags: Vec<String> = (0..10).map(|number| format!("\"section-{number}\"")).collect();
        case.rules += &format!("tags = [{}]\n", tags.join(", "));
        case
    }

    /// Hits on a page with forms.
    fn forms() -> Self {
        let rules =
            "[[rule]]\npath = \"/*\"\naudience = \"all-users\"\nttl = \"1h\"\ncsrf = \"django\"\n";
        let cookies = "; csrftoken=0123456789abcdefghijABCDEFGHIJxy".to_owned();
        Self { rules: rules.to_owned(), cookies, ..Self::plain("forms", Ask::Same(Page::Form)) }
    }

    /// Hits by an audience that takes a proof, with a signed marker.
    fn marker() -> anyhow::Result<Self> {
        let rules = "[identity]\nsession_cookies = [\"sessionid\"]\n\
             marker_keys = [\"k1=env:LARDER_BENCH_KEY\"]\n\
             [[rule]]\npath = \"/*\"\naudience = \"anonymous-and-authenticated\"\nttl = \"1h\"\n";
        let key = Key::new("k1", SECRET.1.as_bytes()).map_err(anyhow::Error::msg)?;
        let keys = Keys::new(vec![key]).map_err(anyhow::Error::msg)?;
        let session = "0123456789abcdef0123456789abcdef";
        // The year 2100.
        let expires = Timestamp::from_secs(4_102_444_800);
        let marker = keys
            .sign(&Identity::ANONYMOUS, ("sessionid", session.as_bytes()), expires)
            .map_err(anyhow::Error::msg)?;
        let cookies = format!("; sessionid={session}; larder_id={marker}");
        let plain = Self::plain("marker", Ask::Same(Page::Small));
        Ok(Self { rules: rules.to_owned(), cookies, ..plain })
    }

    /// The same requests without rules.
    fn without_rules(&self) -> Self {
        Self { name: "marker-unused", rules: String::new(), ..self.clone() }
    }
}

const SECRET: (&str, &str) = ("LARDER_BENCH_KEY", "a secret of bytes enough for a key");

/// Committed counts by cargo profile: those of different profiles can't be compared.
type Committed = BTreeMap<String, Counts>;

/// Counts, prints and compares.
///
/// # Errors
/// When valgrind or the server is missing, or a count has grown.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let valgrind = peers::program("valgrind", "valgrind")?;
    options.server.check()?;
    let hit = instructions(&valgrind, options, &Case::plain("hit", Ask::Same(Page::Small)))?;
    if options.server.ability() == Ability::HitsOnly {
        say(&format!("{}: {hit} instructions a hit of 2 KiB", options.server.name()))?;
        return Ok(());
    }
    let pass = instructions(&valgrind, options, &Case::plain("pass", Ask::MissesFrom(1)))?;
    say(&format!(
        "{}: {hit} instructions a hit of 2 KiB, {pass} a pass-through of 2 KiB",
        options.server.name()
    ))?;
    if options.server != Peer::Larder {
        return Ok(());
    }
    let marker = Case::marker()?;
    // Built with this program, whose profile has to be the binary's.
    let axum = |peer| {
        let case = Case::plain("hit", Ask::Same(Page::Small));
        instructions_of(peer, &valgrind, options, &case)
    };
    let counts = Counts {
        hit_2k: hit,
        pass_2k: pass,
        hit_10_rules_2k: instructions(&valgrind, options, &Case::rules("10-rules", 10))?,
        hit_1000_rules_2k: instructions(&valgrind, options, &Case::rules("1000-rules", 1000))?,
        hit_marker_2k: instructions(&valgrind, options, &marker)?,
        hit_marker_unused_2k: instructions(&valgrind, options, &marker.without_rules())?,
        hit_http2_2k: instructions(&valgrind, options, &Case::http2())?,
        hit_tagged_2k: instructions(&valgrind, options, &Case::tagged())?,
        hit_forms_2k: instructions(&valgrind, options, &Case::forms())?,
        hit_axum_2k: axum(Peer::AxumLarder)?,
        handler_axum_2k: axum(Peer::Axum)?,
    };
    say(&format!(
        "with rules: {} a hit by the last of 10, {} by the last of 1,000; {} by a signed marker, {} \
         for that request without rules; {} a hit by HTTP/2; {} a hit with ten tags; {} \
         a hit with three forms; {} a hit around an axum application, {} its own handler",
        counts.hit_10_rules_2k,
        counts.hit_1000_rules_2k,
        counts.hit_marker_2k,
        counts.hit_marker_unused_2k,
        counts.hit_http2_2k,
        counts.hit_tagged_2k,
        counts.hit_forms_2k,
        counts.hit_axum_2k,
        counts.handler_axum_2k
    ))?;
    within(counts)?;
    let binary = peers::larder_binary()?;
    let profile = peers::larder_profile(&binary);
    say(&format!("counted: {} (profile {profile})", binary.display()))?;
    if options.update {
        let mut committed = read(&options.file)?.unwrap_or_default();
        committed.insert(profile, counts);
        let text = serde_json::to_string_pretty(&committed)? + "\n";
        return fs::write(&options.file, text).context("writing the counts");
    }
    let committed = read(&options.file)?.unwrap_or_default();
    let Some(before) = committed.get(&profile) else {
        bail!("no counts of profile {profile} are committed; write them with --update");
    };
    compare(*before, counts)
}

/// What rules may cost, whatever was committed.
fn within(counts: Counts) -> anyhow::Result<()> {
    let limits = [
        (
            "a hit by a signed marker",
            counts.hit_marker_2k,
            counts.hit_marker_unused_2k,
            MARKER_PERCENT_MAX,
        ),
        (
            "a hit among 1,000 rules",
            counts.hit_1000_rules_2k,
            counts.hit_10_rules_2k,
            RULES_PERCENT_MAX,
        ),
        ("a hit with ten tags", counts.hit_tagged_2k, counts.hit_10_rules_2k, TAGS_PERCENT_MAX),
        ("a hit with three forms", counts.hit_forms_2k, counts.hit_10_rules_2k, FORMS_PERCENT_MAX),
        ("a hit in axum", counts.hit_axum_2k, counts.handler_axum_2k, AXUM_PERCENT_MAX),
    ];
    for (name, costs, beside, percent) in limits {
        if costs * 100 > beside * percent {
            bail!("{name} costs {costs} instructions: at most {percent} % of {beside}");
        }
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Option<Committed>> {
    if !file.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(file)?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display())).map(Some)
}

fn compare(before: Counts, now: Counts) -> anyhow::Result<()> {
    let mut grown = Vec::new();
    for (name, before, now) in [
        ("hit", before.hit_2k, now.hit_2k),
        ("pass-through", before.pass_2k, now.pass_2k),
        ("hit by a rule", before.hit_1000_rules_2k, now.hit_1000_rules_2k),
        ("hit by a marker", before.hit_marker_2k, now.hit_marker_2k),
        ("hit by HTTP/2", before.hit_http2_2k, now.hit_http2_2k),
        ("hit in axum", before.hit_axum_2k, now.hit_axum_2k),
    ] {
        let limit = before + before * TOLERANCE_PERCENT / 100;
        if now > limit {
            grown.push(format!("a {name} costs {now} instructions, committed {before}"));
        } else if now + before * TOLERANCE_PERCENT / 100 < before {
            note(&format!("a {name} costs {now}, committed {before}: keep it with --update"));
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    bail!("{} (at most {TOLERANCE_PERCENT} % more; on purpose: --update)", grown.join("; "))
}

fn instructions(valgrind: &Path, options: &Options, case: &Case) -> anyhow::Result<u64> {
    instructions_of(options.server, valgrind, options, case)
}

fn instructions_of(
    server: Peer,
    valgrind: &Path,
    options: &Options,
    case: &Case,
) -> anyhow::Result<u64> {
    let name = case.name;
    let folder = Folder::new("counts", &[])?;
    let kept = options.keep.as_deref().unwrap_or_else(|| folder.path());
    fs::create_dir_all(kept)?;
    let counted = |requests| {
        let file = kept.join(format!("{}-{name}-{requests}.callgrind", server.name()));
        total(valgrind, server, case, requests, &file)
    };
    let (few, many) = (counted(FEW)?, counted(MANY)?);
    let more = many.checked_sub(few).context("more requests took fewer instructions")?;
    Ok(more / (MANY - FEW))
}

/// All instructions of a server that answers `requests` requests on one connection.
fn total(
    valgrind: &Path,
    server: Peer,
    case: &Case,
    requests: u64,
    file: &Path,
) -> anyhow::Result<u64> {
    let origin = Origin::start(None)?;
    // One core, so that a server that has a worker a core has one.
    let site = Site { core: Some(0), ..Site::behind(origin.address, 64) };
    let folder = Folder::new("counted", &[])?;
    let (command, address) = server.command(site, &folder)?;
    let mut under = Command::new(valgrind);
    under.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", file.display()));
    under.arg("--quiet").arg(command.get_program()).args(command.get_args());
    if !case.rules.is_empty() {
        let rules = folder.path().join("larder.toml");
        fs::write(&rules, &case.rules)?;
        under.arg("--config").arg(rules).env(SECRET.0, SECRET.1);
    }
    under.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Server::start(&mut under, address, site.core, None)?;
    ask(&running, case, requests)?;
    running.end()?;
    let text = fs::read_to_string(file).context("callgrind left no counts")?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    line.context("callgrind gave no total")?.trim().parse().context("reading callgrind's total")
}

fn ask(server: &Server, case: &Case, requests: u64) -> anyhow::Result<()> {
    let address = server.address;
    if case.wire != Wire::Http1 {
        let (wire, connections, streams) = (case.wire, 1, 1);
        return h2load::run(&Run { wire, address, connections, streams, requests });
    }
    let mut load = Load::open(address, 1)?;
    load.cookies.clone_from(&case.cookies);
    load.run(case.ask, requests)?;
    if load.reopened > 0 {
        bail!("the server closed the connection {} times", load.reopened);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Counts, compare, within};

    #[test]
    fn three_percent_more_pass_and_more_than_that_fail() {
        let with = |hit_2k, pass_2k| Counts {
            hit_2k,
            pass_2k,
            hit_10_rules_2k: 10_000,
            hit_1000_rules_2k: 10_000,
            hit_marker_2k: 10_000,
            hit_marker_unused_2k: 10_000,
            hit_http2_2k: 10_000,
            hit_tagged_2k: 10_000,
            hit_forms_2k: 10_000,
            hit_axum_2k: 10_000,
            handler_axum_2k: 10_000,
        };
        let before = with(10_000, 20_000);
        let cases = [(10_300, 20_600, true), (10_301, 20_000, false), (10_000, 20_601, false)];
        for (hit_2k, pass_2k, fits) in cases {
            assert_eq!(compare(before, with(hit_2k, pass_2k)).is_ok(), fits, "{hit_2k}");
        }
        assert!(compare(before, with(1, 1)).is_ok());
    }

    #[test]
    fn rules_have_limits_of_their_own() {
        let counts =
            |hit_marker_unused_2k, hit_marker_2k, hit_10_rules_2k, hit_1000_rules_2k| Counts {
                hit_2k: 0,
                hit_marker_unused_2k,
                pass_2k: 0,
                hit_10_rules_2k,
                hit_1000_rules_2k,
                hit_marker_2k,
                hit_http2_2k: 0,
                hit_tagged_2k: 0,
                hit_forms_2k: 0,
                hit_axum_2k: 0,
                handler_axum_2k: 0,
            };
        assert!(within(counts(1000, 1150, 1000, 1020)).is_ok());
        assert!(within(counts(1000, 1151, 1000, 1020)).is_err());
        assert!(within(counts(1000, 1150, 1000, 1021)).is_err());
    }
}

//! Whether memory and start-up stay in their bounds.
//!
//! 1. `pages`: two million distinct pages through a cache of 256 MiB keep the resident size under
//!    256 MiB + 20 % + 64 MiB.
//! 2. `body`: a body of 1 GiB through a slow client adds less than 32 MiB.
//! 3. `start`: from exec to the first answer in less than 100 ms.

mod body;
mod pages;
mod start;

use anyhow::bail;

use crate::peers::{Ability, Peer};
use crate::sys;
use crate::terminal::{machine, say};

/// Checks bounds of memory and start-up.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "memory")]
pub struct Options {
    /// What to check, by comma
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Check::ALL)]
    pub only: Vec<Check>,
    /// The server to check
    #[arg(long, value_enum, default_value = "larder")]
    pub server: Peer,
    /// Distinct pages
    #[arg(long, default_value_t = 2_000_000)]
    pub pages: u64,
    /// The cache's budget in MiB
    #[arg(long, default_value_t = 256)]
    pub memory: u64,
}

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Check {
    /// Many pages.
    Pages,
    /// One endless-looking body.
    Body,
    /// Time to the first answer.
    Start,
}

impl Check {
    /// All bounds.
    pub const ALL: [Self; 3] = [Self::Pages, Self::Body, Self::Start];
}

impl std::fmt::Display for Check {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Pages => "pages",
            Self::Body => "body",
            Self::Start => "start",
        })
    }
}

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// A bound and what was found.
#[derive(Clone, Debug)]
struct Finding {
    what: String,
    found: String,
    kept: bool,
}

/// Runs the checks and prints what they found.
///
/// # Errors
/// When the server is missing or answers wrongly, or a bound is not kept.
pub fn run(options: &Options) -> anyhow::Result<()> {
    sys::lift_file_limit()?;
    options.server.check()?;
    if options.server.ability() != Ability::Cache {
        bail!("{} is not a cache", options.server.name());
    }
    say(&format!("{}; {}", options.server.version(), machine()))?;
    say("\n| bound | found | kept |\n|---|---|---|")?;
    let mut broken = 0;
    for check in &options.only {
        let findings = match check {
            Check::Pages => pages::check(options)?,
            Check::Body => body::check(options)?,
            Check::Start => start::check(options)?,
        };
        for finding in findings {
            let verdict = if finding.kept { "yes" } else { "**no**" };
            say(&format!("| {} | {} | {verdict} |", finding.what, finding.found))?;
            broken += u32::from(!finding.kept);
        }
    }
    if broken > 0 {
        bail!("{broken} bounds were not kept");
    }
    Ok(())
}

/// Bytes as people read them.
fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

//! One measurement: so many requests of one kind to one server, and what its CPU clock says.

use std::time::Instant;

use anyhow::bail;

use crate::content::Page;
use crate::h2load::{self, Run, Wire};
use crate::load::{Ask, Load};
use crate::origin::Origin;
use crate::peers::{Ability, Doors, Peer};
use crate::process::Server;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A stored page of 2 KiB.
    HitSmall,
    /// A stored page of 100 KiB.
    HitLarge,
    /// A page that may not be stored, and that the cache has never seen.
    Pass,
    /// A stored page of 2 KiB over TLS, by HTTP/1.1.
    HitTls,
    /// A stored page of 2 KiB over TLS, by HTTP/2.
    HitTlsHttp2,
    /// A stored page of 2 KiB in clear text, by HTTP/2.
    HitHttp2,
}

impl Work {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::HitSmall,
        Self::HitLarge,
        Self::Pass,
        Self::HitTls,
        Self::HitTlsHttp2,
        Self::HitHttp2,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HitSmall => "hit 2 KiB",
            Self::HitLarge => "hit 100 KiB",
            Self::Pass => "pass 2 KiB",
            Self::HitTls => "TLS h1, 2 KiB",
            Self::HitTlsHttp2 => "TLS h2, 2 KiB",
            Self::HitHttp2 => "h2c, 2 KiB",
        }
    }

    /// Requests a sample: one to three seconds of a server's time.
    #[must_use]
    pub const fn requests(self) -> u64 {
        match self {
            Self::HitSmall | Self::HitTls | Self::HitTlsHttp2 | Self::HitHttp2 => 200_000,
            Self::HitLarge => 30_000,
            Self::Pass => 60_000,
        }
    }

    pub(super) const fn is_possible(self, peer: Peer) -> bool {
        match self {
            Self::HitSmall | Self::HitLarge => true,
            Self::Pass => matches!(peer.ability(), Ability::Cache),
            Self::HitTls | Self::HitTlsHttp2 | Self::HitHttp2 => peer.has_doors(),
        }
    }

    /// What is spoken.
    const fn wire(self) -> Wire {
        match self {
            Self::HitSmall | Self::HitLarge | Self::Pass => Wire::Http1,
            Self::HitTls => Wire::Http1Tls,
            Self::HitTlsHttp2 => Wire::Http2Tls,
            Self::HitHttp2 => Wire::Http2,
        }
    }

    const fn ask(self, first_miss: u64) -> Ask {
        match self {
            Self::HitSmall | Self::HitTls | Self::HitTlsHttp2 | Self::HitHttp2 => {
                Ask::Same(Page::Small)
            }
            Self::HitLarge => Ask::Same(Page::Large),
            Self::Pass => Ask::MissesFrom(first_miss),
        }
    }
}

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    /// What is asked for.
    pub work: Work,
    /// By so many clients at once.
    pub connections: usize,
    /// So often a sample.
    pub requests: u64,
}

impl Cell {
    /// Its heading.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {}", self.work.name(), self.connections)
    }
}

/// What one measurement found.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Sample {
    /// CPU of the server, user and system, a request.
    pub cpu_micros: f64,
    /// Answers a second, as far as load and origin on one core let it.
    pub requests_per_second: f64,
    /// Connections that the server closed and the load opened again.
    pub reopened: u64,
}

impl Work {
    pub(super) const fn is_by_h2load(self) -> bool {
        !matches!(self.wire(), Wire::Http1)
    }
}

/// Measures `cell` at `server`. `misses` is the next page number that nobody has asked for.
pub(super) fn measure(
    server: &Server,
    origin: &Origin,
    cell: Cell,
    misses: &mut u64,
) -> anyhow::Result<Sample> {
    let mut load = Load::open(server.address, cell.connections)?;
    // Connections accepted, page stored, upstream connections open: none of it is measured.
    let warming = 2 * cell.connections as u64 + 200;
    load.run(cell.work.ask(*misses), warming)?;
    *misses += warming;

    let (asked, reopened, cpu) = (origin.asked(), load.reopened, server.cpu()?);
    let begin = Instant::now();
    load.run(cell.work.ask(*misses), cell.requests)?;
    let seconds = begin.elapsed().as_secs_f64();
    let used = server.cpu()?.saturating_sub(cpu);
    let (asked, reopened) = (origin.asked() - asked, load.reopened - reopened);
    *misses += cell.requests;

    if cell.work == Work::Pass {
        // A request on a connection that closed is sent again.
        if asked < cell.requests || asked > cell.requests + reopened {
            bail!("{} misses, and the origin was asked {asked} times", cell.requests)
        }
    } else if asked > 0 {
        bail!("{asked} of {} hits were asked of the origin", cell.requests)
    }
    let requests = u32::try_from(cell.requests).map_or(f64::MAX, f64::from);
    Ok(Sample {
        cpu_micros: used.as_secs_f64() * 1e6 / requests,
        requests_per_second: requests / seconds,
        reopened,
    })
}

/// Requests at one time on each HTTP/2 connection: a page and some of what belongs to it.
const STREAMS: usize = 10;

/// Measures `cell` where another program asks: one run with few requests, and one with so many more. What the
/// second costs more has no handshakes in it.
pub(super) fn measure_by_h2load(
    server: &Server,
    doors: Doors,
    origin: &Origin,
    cell: Cell,
) -> anyhow::Result<Sample> {
    let wire = cell.work.wire();
    let address = if wire == Wire::Http2 { doors.http2 } else { doors.tls };
    let few = 10 * cell.connections as u64;
    let run = Run { wire, address, connections: cell.connections, streams: STREAMS, requests: few };
    h2load::run(&run)?;
    let asked = origin.asked();
    let timed = |requests| {
        let (cpu, begin) = (server.cpu()?, Instant::now());
        h2load::run(&Run { requests, ..run })?;
        let used = server.cpu()?.saturating_sub(cpu);
        anyhow::Ok((used.as_secs_f64(), begin.elapsed().as_secs_f64()))
    };
    let (short, long) = (timed(few)?, timed(few + cell.requests)?);
    if origin.asked() > asked {
        bail!("{} of the hits were asked of the origin", origin.asked() - asked);
    }
    let requests = u32::try_from(cell.requests).map_or(f64::MAX, f64::from);
    Ok(Sample {
        cpu_micros: (long.0 - short.0) * 1e6 / requests,
        requests_per_second: requests / (long.1 - short.1),
        reopened: 0,
    })
}

//! The samples as people read them: fastest and median CPU a request, ratios, aims.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Cell, Sample, Work};
use crate::peers::Peer;

/// Everything a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// The machine, and how busy it was before.
    pub machine_before: String,
    /// The same afterwards.
    pub machine_after: String,
    /// Each server and its version.
    pub servers: Vec<(Peer, String)>,
    /// The samples, one row a server and kind of work.
    pub rows: Vec<Row>,
}

/// The samples of one server at one kind of work, in the order of rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The server.
    pub server: Peer,
    /// The work.
    pub cell: Cell,
    /// One a round.
    pub samples: Vec<Sample>,
}

/// What Larder has set out to reach: in which form, against whom, at which work, at most how many times their CPU.
const AIMS: [(Peer, Peer, Work, f64); 10] = [
    (Peer::Larder, Peer::Haproxy, Work::HitSmall, 1.0),
    (Peer::Larder, Peer::Haproxy, Work::HitLarge, 1.0),
    (Peer::Larder, Peer::Nginx, Work::HitSmall, 0.7),
    (Peer::Larder, Peer::Nginx, Work::HitLarge, 0.7),
    (Peer::Larder, Peer::Nginx, Work::Pass, 1.3),
    (Peer::Larder, Peer::Nginx, Work::HitTls, 0.8),
    (Peer::Larder, Peer::Nginx, Work::HitTlsHttp2, 0.8),
    (Peer::Larder, Peer::Nginx, Work::HitHttp2, 0.8),
    (Peer::AxumLarder, Peer::Axum, Work::HitSmall, 1.2),
    (Peer::AxumLarder, Peer::AxumHttpCache, Work::HitSmall, 0.5),
];

impl Results {
    pub(super) fn new(peers: &[Peer], machine: String) -> Self {
        let servers = peers.iter().map(|peer| (*peer, peer.version())).collect();
        Self { machine_after: machine.clone(), machine_before: machine, servers, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, server: Peer, cell: Cell, sample: Sample) {
        match self.rows.iter_mut().find(|row| row.server == server && row.cell == cell) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row { server, cell, samples: vec![sample] }),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for row in &self.rows {
            if !cells.contains(&row.cell) {
                cells.push(row.cell);
            }
        }
        cells
    }

    fn cpu(&self, server: Peer, cell: Cell) -> Vec<f64> {
        let row = self.rows.iter().find(|row| row.server == server && row.cell == cell);
        row.iter().flat_map(|row| &row.samples).map(|sample| sample.cpu_micros).collect()
    }

    /// The median of the ratios round by round: what disturbs a round disturbs both sides of it.
    fn ratio(&self, server: Peer, against: Peer, cell: Cell) -> Option<f64> {
        let (ours, theirs) = (self.cpu(server, cell), self.cpu(against, cell));
        median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// Tables for `docs/comparison.md`.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("{}; afterwards {}\n", self.machine_before, self.machine_after);
        for (peer, version) in &self.servers {
            line(&mut out, &format!("- {}: {version}", peer.name()));
        }
        out.push_str("\nCPU a request in µs, fastest round / median round:\n\n");
        let cells = self.cells();
        heading(&mut out, "server", &cells);
        for (peer, _) in &self.servers {
            row(&mut out, peer.name(), &cells, |cell| {
                let samples = self.cpu(*peer, cell);
                let least = samples.iter().copied().reduce(f64::min)?;
                Some(format!("{least:.1} / {:.1}", median(samples)?))
            });
        }
        for against in [Peer::Nginx, Peer::Haproxy, Peer::Axum] {
            if self.servers.iter().all(|(peer, _)| *peer != against) {
                continue;
            }
            line(&mut out, &format!("\nRatio to {}, median of rounds:\n", against.name()));
            heading(&mut out, "server", &cells);
            for (peer, _) in self.servers.iter().filter(|(peer, _)| *peer != against) {
                row(&mut out, peer.name(), &cells, |cell| {
                    Some(format!("{:.2}", self.ratio(*peer, against, cell)?))
                });
            }
        }
        let missed = self.missed_aims();
        if self.servers.iter().any(|(peer, _)| matches!(peer, Peer::Larder | Peer::AxumLarder)) {
            let verdict = if missed.is_empty() { "met".into() } else { missed.join("; ") };
            line(&mut out, &format!("\nAims: {verdict}"));
        }
        out
    }

    /// Each aim that this run did not meet, in words.
    #[must_use]
    pub fn missed_aims(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for (ours, against, work, limit) in AIMS {
            for cell in self.cells().into_iter().filter(|cell| cell.work == work) {
                let Some(ratio) = self.ratio(ours, against, cell) else { continue };
                if ratio > limit {
                    let (against, cell) = (against.name(), cell.name());
                    missed.push(format!("{cell}: {ratio:.2} of {against}, not {limit:.2}"));
                }
            }
        }
        missed
    }
}

fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    let upper = samples.get(middle).copied()?;
    if samples.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(samples.get(middle - 1).copied()?, upper))
}

fn line(out: &mut String, text: &str) {
    let written = writeln!(out, "{text}");
    debug_assert!(written.is_ok(), "writing to a String can't fail");
}

fn heading(out: &mut String, first: &str, cells: &[Cell]) {
    let names: Vec<String> = cells.iter().map(Cell::name).collect();
    line(out, &format!("| {first} | {} |", names.join(" | ")));
    line(out, &format!("|---|{}", "---:|".repeat(cells.len())));
}

fn row(out: &mut String, name: &str, cells: &[Cell], value: impl Fn(Cell) -> Option<String>) {
    let values: Vec<String> =
        cells.iter().map(|cell| value(*cell).unwrap_or_else(|| "–".into())).collect();
    line(out, &format!("| {name} | {} |", values.join(" | ")));
}

#[cfg(test)]
mod tests {
    use super::{Results, median};
    use crate::compare::{Cell, Sample, Work};
    use crate::peers::Peer;

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn an_aim_is_met_on_its_limit_and_missed_above() {
        let cell = Cell { work: Work::HitSmall, connections: 64, requests: 1 };
        for (larder, missed) in [(10.0, 0), (10.1, 1)] {
            let mut results = Results {
                rows: vec![],
                servers: vec![],
                machine_before: String::new(),
                machine_after: String::new(),
            };
            for (peer, cpu_micros) in [(Peer::Larder, larder), (Peer::Haproxy, 10.0)] {
                let sample = Sample { cpu_micros, requests_per_second: 1.0, reopened: 0 };
                results.add(peer, cell, sample);
            }
            assert_eq!(results.missed_aims().len(), missed);
        }
    }
}

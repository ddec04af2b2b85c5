//! How is it told, to people and to programs?

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::examined::Examined;
use super::finding::{Finding, Side, Verdict};
use super::framework::Framework;

/// Where the right side begins, as in what `larder explain` says.
const WIDTH: usize = 14;

/// All of it, for programs. What is absent is `null` or empty, never left out.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The form of this object. It changes when a member does, not when there are more.
    version: u32,
    application: Vec<String>,
    public: Option<String>,
    host: String,
    framework: Framework,
    recognised_by: Vec<String>,
    /// How many requests were made.
    requests: usize,
    /// How many findings of each kind.
    counts: Counts,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Counts {
    problem: usize,
    warning: usize,
    ok: usize,
    skipped: usize,
}

impl Report {
    pub(super) fn new(examined: &Examined, findings: Vec<Finding>) -> Self {
        let site = &examined.site;
        let of = |side: Side| {
            site.bases.iter().filter(move |base| base.side == side).map(ToString::to_string)
        };
        let count = |verdict| findings.iter().filter(|found| found.verdict == verdict).count();
        Self {
            version: 1,
            application: of(Side::Application).collect(),
            public: of(Side::Public).next(),
            host: site.host.clone(),
            framework: examined.recognised.framework,
            recognised_by: examined.recognised.by.clone(),
            requests: examined.asked,
            counts: Counts {
                problem: count(Verdict::Problem),
                warning: count(Verdict::Warning),
                ok: count(Verdict::Ok),
                skipped: count(Verdict::Skipped),
            },
            findings,
        }
    }

    pub(super) const fn has_problems(&self) -> bool {
        self.counts.problem > 0
    }

    pub(super) fn json(&self) -> String {
        // Writing plain data as JSON does not fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For people; with colours where somebody sees them.
    pub(super) fn text(&self, colours: Colours) -> String {
        let mut out = Text { out: String::new(), colours };
        out.line(&self.heading());
        let mut addresses: Vec<(Side, &str)> = Vec::new();
        for finding in &self.findings {
            if !addresses.contains(&(finding.side, &finding.at)) && !finding.at.is_empty() {
                addresses.push((finding.side, &finding.at));
            }
        }
        for (side, at) in addresses {
            out.line("");
            out.line(&match side {
                Side::Application => format!("the application, {at}"),
                Side::Public => format!("the public address, {at}"),
                Side::Configuration => format!("the configuration, {at}"),
            });
            let here = |finding: &&Finding| finding.side == side && finding.at == at;
            out.findings(&self.findings.iter().filter(here).collect::<Vec<_>>());
        }
        let nowhere: Vec<_> = self.findings.iter().filter(|found| found.at.is_empty()).collect();
        if !nowhere.is_empty() {
            out.line("");
            out.line("not looked at");
            out.findings(&nowhere);
        }
        out.line("");
        out.line(&self.summary());
        out.out
    }

    fn heading(&self) -> String {
        let known = match self.framework {
            Framework::Unknown => "no framework recognised".to_owned(),
            framework @ (Framework::Django
            | Framework::Rails
            | Framework::Laravel
            | Framework::Express) => format!("{framework} ({})", self.recognised_by.join(", ")),
        };
        format!("asked as {}: {known}", self.host)
    }

    fn summary(&self) -> String {
        let Counts { problem, warning, ok, skipped } = &self.counts;
        let plural = |count: &usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        format!(
            "{}, {}, {ok} ok, {skipped} skipped; {}",
            plural(problem, "problem"),
            plural(warning, "warning"),
            plural(&self.requests, "request")
        )
    }
}

/// Whether somebody sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Shown,
    None,
}

struct Text {
    out: String,
    colours: Colours,
}

impl Text {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Those that need something first; skipped ones with the same reason on one line.
    fn findings(&mut self, findings: &[&Finding]) {
        let mut by_verdict: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
        for finding in findings.iter().copied() {
            let place = Verdict::ALL.iter().position(|verdict| *verdict == finding.verdict);
            by_verdict.entry(place.unwrap_or_default()).or_default().push(finding);
        }
        let mut skipped: Vec<(&str, Vec<&str>)> = Vec::new();
        for finding in by_verdict.into_values().flatten() {
            let name = finding.check.row().name;
            if finding.verdict != Verdict::Skipped {
                self.finding(finding);
                continue;
            }
            match skipped.iter_mut().find(|(why, _)| *why == finding.says) {
                Some((_, names)) => names.push(name),
                None => skipped.push((&finding.says, vec![name])),
            }
        }
        for (why, names) in skipped {
            self.row(Verdict::Skipped.word(), &format!("{}: {why}", names.join(", ")));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let name = finding.check.row().name;
        self.row(finding.verdict.word(), &format!("{name}: {}", finding.says));
        for found in &finding.found {
            let border = if found.url.is_empty() || found.what.is_empty() { "" } else { ": " };
            self.row("", &format!("{}{border}{}", found.url, found.what));
        }
        if let Some(remedy) = &finding.remedy {
            self.row("to change it", remedy);
        }
    }

    fn row(&mut self, label: &str, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let padding = " ".repeat(WIDTH.saturating_sub(label.chars().count()));
        let label = self.painted(label);
        // Writing to a string does not fail.
        let _written = writeln!(self.out, "  {label}{padding}{text}");
    }

    fn painted(&self, label: &str) -> String {
        let colour = match label {
            "problem" => "31",
            "warning" => "33",
            "ok" => "32",
            "skipped" => "2",
            _ => return label.to_owned(),
        };
        match self.colours {
            Colours::Shown => format!("\u{1b}[{colour}m{label}\u{1b}[0m"),
            Colours::None => label.to_owned(),
        }
    }
}

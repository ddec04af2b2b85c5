//! What did a check find?

use serde::Serialize;

use super::limits::FOUND_MAX;
use super::table::Check;

/// How it stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It could not be told.
    Skipped,
    /// All is well.
    Ok,
    /// It works, but not as well or as safely as it could.
    Warning,
    /// Visitors are hurt by it, or can be.
    Problem,
}

impl Verdict {
    pub(super) const ALL: [Self; 4] = [Self::Problem, Self::Warning, Self::Ok, Self::Skipped];

    /// As it is written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Side {
    /// The application, directly.
    Application,
    /// The site as visitors reach it.
    Public,
    /// Nobody: the configuration says it.
    Configuration,
}

/// One place where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// Which page or file.
    pub(super) url: String,
    /// What about it, in a line.
    pub(super) what: String,
}

/// What a check says about one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which check.
    pub(super) check: Check,
    /// Who was asked.
    pub(super) side: Side,
    /// Which address, as it was named.
    pub(super) at: String,
    pub(super) verdict: Verdict,
    /// What was found, in a line.
    pub(super) says: String,
    /// Where, if that is on certain pages.
    pub(super) found: Vec<Found>,
    /// What to do about it. None where nothing has to be done.
    pub(super) remedy: Option<String>,
}

/// Gathers what is found on several pages to one finding: the worst of them counts, and the better ones are left out.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    verdict: Verdict,
    says: String,
    found: Vec<(Verdict, Found)>,
}

impl Gathered {
    /// Nothing found: `says` is what is said then.
    pub(super) fn new(verdict: Verdict, says: impl Into<String>) -> Self {
        Self { verdict, says: says.into(), found: Vec::new() }
    }

    /// Adds a page. `says` is what is said if this one is the worst.
    pub(super) fn add(
        &mut self,
        verdict: Verdict,
        says: &str,
        url: impl Into<String>,
        what: impl Into<String>,
    ) {
        if verdict > self.verdict {
            self.verdict = verdict;
            says.clone_into(&mut self.says);
        }
        let found = Found { url: url.into(), what: what.into() };
        if !self.found.iter().any(|(_, other)| *other == found) {
            self.found.push((verdict, found));
        }
    }

    /// The verdict, the line, the places.
    pub(super) fn done(self) -> Told {
        let count = self.found.iter().filter(|(verdict, _)| *verdict == self.verdict).count();
        let worst = self.found.into_iter().filter(|(verdict, _)| *verdict == self.verdict);
        let mut found: Vec<_> = worst.map(|(_, found)| found).take(FOUND_MAX).collect();
        if count > FOUND_MAX {
            let what = format!("and {} more", count - FOUND_MAX);
            found.push(Found { url: String::new(), what });
        }
        Told { verdict: self.verdict, says: self.says, found }
    }
}

/// A finding without its place: what a check makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) verdict: Verdict,
    pub(super) says: String,
    pub(super) found: Vec<Found>,
}

impl Told {
    pub(super) fn ok(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, says: says.into(), found: Vec::new() }
    }

    pub(super) fn skipped(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, says: says.into(), found: Vec::new() }
    }

    pub(super) fn warning(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, says: says.into(), found: Vec::new() }
    }

    pub(super) fn problem(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Problem, says: says.into(), found: Vec::new() }
    }

    /// With a place.
    pub(super) fn on(mut self, url: impl Into<String>, what: impl Into<String>) -> Self {
        self.found.push(Found { url: url.into(), what: what.into() });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_the_better_ones_are_left_out() {
        let mut gathered = Gathered::new(Verdict::Skipped, "nothing");
        gathered.add(Verdict::Ok, "well", "/a", "1");
        gathered.add(Verdict::Problem, "bad", "/b", "2");
        gathered.add(Verdict::Problem, "worse", "/b", "2");
        gathered.add(Verdict::Warning, "so so", "/c", "3");
        let told = gathered.done();
        assert_eq!((told.verdict, told.says.as_str()), (Verdict::Problem, "bad"));
        assert_eq!(told.found, [Found { url: "/b".to_owned(), what: "2".to_owned() }]);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let mut gathered = Gathered::new(Verdict::Ok, "");
        for page in 0..FOUND_MAX + 3 {
            gathered.add(Verdict::Warning, "w", format!("/{page}"), "x");
        }
        let told = gathered.done();
        assert_eq!(told.found.len(), FOUND_MAX + 1);
        assert_eq!(told.found.last().expect("one").what, "and 3 more");
    }
}

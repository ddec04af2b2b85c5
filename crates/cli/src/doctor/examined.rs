//! All that is known when nothing more is asked: what checks are functions of.

use std::hash::{BuildHasher as _, RandomState};

use larder_policy::Scheme;
use larder_semantics::Timestamp;

use super::client::Stop;
use super::finding::Side;
use super::framework::Recognised;
use super::probe::{Answer, Probe, Round, Why};
use super::site::{Base, Shared, Site};
use super::url::Url;

/// The site, and what came of asking.
#[derive(Clone, Debug)]
pub(super) struct Examined {
    pub(super) site: Site,
    /// In the order in which they were made.
    pub(super) probes: Vec<Probe>,
    pub(super) pages: Vec<Page>,
    /// What was forged.
    pub(super) canary: Canary,
    /// The scheme by which visitors come, as far as that can be told.
    pub(super) scheme: Scheme,
    /// Why not everything was asked.
    pub(super) stopped: Option<Stop>,
    pub(super) recognised: Recognised,
    /// How many requests were made.
    pub(super) asked: usize,
    /// When the last of them was answered.
    pub(super) now: Timestamp,
}

/// A page that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) url: Url,
    /// How a rule shares it.
    pub(super) shared: Option<Shared>,
}

/// A word that nobody else uses, in the forms in which it is forged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Canary {
    word: String,
}

impl Canary {
    /// Another one for each run.
    pub(super) fn new() -> Self {
        let random = RandomState::new().hash_one(std::process::id());
        Self { word: format!("{random:016x}") }
    }

    /// A host that can't exist (RFC 6761 §6.4).
    pub(super) fn host(&self) -> String {
        format!("forged-{}.invalid", self.word)
    }

    pub(super) fn path(&self) -> String {
        format!("/forged-{}", self.word)
    }

    pub(super) fn scheme(&self) -> String {
        format!("forged{}", self.word)
    }

    /// A page that nobody has.
    pub(super) fn missing(&self) -> String {
        format!("/larder-doctor-{}", self.word)
    }

    /// The target as a URL of its own: what is forged there is not found under the page's own by anybody.
    pub(super) fn apart(&self, target: &str) -> String {
        let border = if target.contains('?') { '&' } else { '?' };
        format!("{target}{border}larder-doctor={}", self.word)
    }
}

/// A page with what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) page: &'a Page,
    pub(super) probe: &'a Probe,
    pub(super) answer: &'a Answer,
}

impl Seen<'_> {
    pub(super) fn is_success(&self) -> bool {
        self.answer.status.is_success()
    }
}

/// For whom a page is, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing<'a> {
    /// A rule.
    Rule(&'a Shared),
    /// The page's own fields.
    Itself,
}

impl Sharing<'_> {
    /// In words.
    pub(super) fn by(&self) -> String {
        match self {
            Self::Rule(shared) => format!("shared by the rule at {}", shared.place),
            Self::Itself => "everybody may keep it, by its own Cache-Control".to_owned(),
        }
    }
}

impl Examined {
    /// Who is asked for pages: the first application that answers, or else the public address by the scheme of its visitors.
    pub(super) fn main(&self) -> usize {
        if self.site.has_application() {
            let is_application =
                |base: &usize| self.base(*base).is_some_and(|base| base.side == Side::Application);
            let mut there = (0..self.site.bases.len()).filter(is_application);
            return there.find(|base| self.is_there(*base)).unwrap_or_default();
        }
        let bases = self.site.bases.iter();
        bases.clone().position(|base| base.scheme == self.scheme).unwrap_or_default()
    }

    /// The public address that is asked as a whole: by the scheme of its visitors if somebody answers there, or else as it was named.
    pub(super) fn front(&self) -> Option<usize> {
        let is_front = |base: &usize| {
            let address = self.base(*base);
            let is_public = |base: &Base| base.side == Side::Public && base.scheme == self.scheme;
            address.is_some_and(is_public) && self.is_there(*base)
        };
        (0..self.site.bases.len()).find(is_front).or_else(|| self.site.public())
    }

    pub(super) fn base(&self, base: usize) -> Option<&Base> {
        self.site.bases.get(base)
    }

    /// The first probe of its kind.
    pub(super) fn probe(&self, base: usize, why: Why) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.base == base && probe.why == why)
    }

    /// Its answer.
    pub(super) fn answer(&self, base: usize, why: Why) -> Option<(&Probe, &Answer)> {
        let probe = self.probe(base, why)?;
        probe.came.as_ref().ok().map(|answer| (probe, answer))
    }

    /// All answers of an address.
    pub(super) fn answers(&self, base: usize) -> impl Iterator<Item = (&Probe, &Answer)> {
        let probes = self.probes.iter().filter(move |probe| probe.base == base);
        probes.filter_map(|probe| probe.came.as_ref().ok().map(|answer| (probe, answer)))
    }

    /// Whether anybody answers there.
    pub(super) fn is_there(&self, base: usize) -> bool {
        self.answers(base).next().is_some()
    }

    /// What scripts are given where navigations get a page. At a public address it was asked for under a URL of its own.
    pub(super) fn of_script(&self, page: &Page) -> Option<&Answer> {
        let apart = self.canary.apart(&page.url.target);
        let mut answers = self.answers(self.main());
        let is_its = |url: &Url| url.target == page.url.target || url.target == apart;
        answers
            .find(|(probe, _)| probe.why == Why::Script && is_its(&probe.url))
            .map(|(_, answer)| answer)
    }

    /// The pages, with what came the first time.
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        let main = self.main();
        self.pages.iter().filter_map(move |page| {
            let (probe, answer) = self.of_page(main, page, Why::Page(Round::First))?;
            Some(Seen { page, probe, answer })
        })
    }

    /// What came of a page, asked for so.
    pub(super) fn of_page(&self, base: usize, page: &Page, why: Why) -> Option<(&Probe, &Answer)> {
        self.answers(base).find(|(probe, _)| probe.why == why && probe.url == page.url)
    }

    /// Whether everybody is given the same copy of a page, and who says so.
    pub(super) fn sharing<'a>(&self, seen: Seen<'a>) -> Option<Sharing<'a>> {
        if !seen.is_success() {
            return None;
        }
        if let Some(shared) = &seen.page.shared {
            return Some(Sharing::Rule(shared));
        }
        let is_public = seen.answer.is_public(&seen.probe.asked.fields, self.site.settings());
        is_public.then_some(Sharing::Itself)
    }
}

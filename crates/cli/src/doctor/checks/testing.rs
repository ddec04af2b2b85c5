//! A site that was examined, without asking anybody: answers written down.

use http::HeaderMap;
use larder_config::ConfigBuilder;
use larder_policy::Scheme;
use larder_tls::look::Shown;

use crate::doctor::examined::{Canary, Examined, Page};
use crate::doctor::finding::{Finding, Side};
use crate::doctor::framework::Recognised;
use crate::doctor::probe::testing::{NOON, answer};
use crate::doctor::probe::{Answer, Asked, AskedBy, Probe, Round, Why};
use crate::doctor::site::{Site, Wanted};
use crate::doctor::table::Check;
use crate::doctor::url::Url;

/// What was examined, being put together.
#[derive(Clone, Debug)]
pub(super) struct Case(Examined);

impl Case {
    /// An application without rules, asked as `site.test`.
    pub(super) fn application() -> Self {
        Self::with("", None)
    }

    /// Only a public address.
    pub(super) fn public(public: &str) -> Self {
        let wanted = Wanted { public: Some(public.to_owned()), ..Wanted::default() };
        Self::of("", &wanted)
    }

    /// An application with this configuration.
    pub(super) fn with(file: &str, public: Option<&str>) -> Self {
        let wanted = Wanted {
            application: true,
            public: public.map(str::to_owned),
            host: Some("site.test".to_owned()),
            paths: Vec::new(),
        };
        Self::of(file, &wanted)
    }

    fn of(file: &str, wanted: &Wanted) -> Self {
        let file = format!("upstream = 'http://127.0.0.1:8000'\n{file}");
        let config = ConfigBuilder::new().file("t.toml", file).build().expect("a good file");
        let site = Site::new(config, wanted).expect("a site");
        let scheme = site.scheme.unwrap_or(Scheme::Http);
        // Always the same word, so that rows can be written with it.
        let canary = CANARY.with(Clone::clone);
        Self(Examined {
            site,
            probes: Vec::new(),
            pages: Vec::new(),
            canary,
            scheme,
            stopped: None,
            recognised: Recognised::default(),
            asked: 0,
            now: NOON,
        })
    }

    pub(super) fn examined(&self) -> Examined {
        self.0.clone()
    }

    /// An answer to one of the questions.
    pub(super) fn came(
        self,
        why: Why,
        target: &str,
        status: u16,
        fields: &str,
        body: &str,
    ) -> Self {
        let came = Ok(answer(status, fields, body));
        self.push(why, target, came)
    }

    /// What the public address answered by http, where the case is of one by https.
    pub(super) fn came_by_http(
        mut self,
        target: &str,
        status: u16,
        fields: &str,
        body: &str,
    ) -> Self {
        self = self.came(Why::Untold, target, status, fields, body);
        let base = self.0.site.bases.iter().position(|base| base.scheme == Scheme::Http);
        if let Some(probe) = self.0.probes.last_mut() {
            probe.base = base.expect("an address by http");
            probe.url.scheme = Scheme::Http;
        }
        self
    }

    /// An answer by somebody who showed this.
    pub(super) fn showing(self, shown: Shown) -> Self {
        let certificate = Some(shown);
        self.push(Why::Untold, "/", Ok(Answer { certificate, ..answer(200, "", "page") }))
    }

    /// No answer.
    pub(super) fn failed(self, why: Why, text: &str) -> Self {
        self.push(why, "/", Err(text.to_owned()))
    }

    /// A page, answered once.
    pub(super) fn page(mut self, target: &str, fields: &str, body: &str) -> Self {
        let url = self.url(Scheme::Http, target);
        let shared = self.0.site.shared(&url).map(|(shared, _)| shared);
        self.0.pages.push(Page { url, shared });
        self.came(Why::Page(Round::First), target, 200, fields, body)
    }

    /// All answers came from this address.
    pub(super) fn from(mut self, peer: &str) -> Self {
        for probe in &mut self.0.probes {
            if let Ok(answer) = &mut probe.came {
                answer.peer = Some(peer.parse().expect("an address"));
            }
        }
        self
    }

    fn url(&self, scheme: Scheme, target: &str) -> Url {
        let base = &self.0.site.bases[0];
        let scheme = if base.side == Side::Public { base.scheme } else { scheme };
        Url::new(scheme, &self.0.site.host_at(base), target)
    }

    fn push(mut self, why: Why, target: &str, came: Result<Answer, String>) -> Self {
        let scheme = if let Why::Told(scheme) = why { scheme } else { Scheme::Http };
        let url = self.url(scheme, target);
        let asked =
            Asked { method: AskedBy::Get, target: target.to_owned(), fields: HeaderMap::new() };
        self.0.probes.push(Probe { base: 0, why, url, asked, came });
        self
    }
}

thread_local! {
    static CANARY: Canary = Canary::new();
}

/// What a check says of the first address.
#[track_caller]
pub(super) fn told(case: &Case, check: Check) -> Finding {
    let findings = super::all(&case.0);
    findings.into_iter().find(|finding| finding.check == check).expect("each check is told of")
}

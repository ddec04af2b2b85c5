//! What is asked, and in which order? What decides most comes first, in case the requests or the time run out.

use http::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue};
use larder_policy::Scheme;

use super::client::{Client, Stop, now};
use super::examined::{Canary, Examined, Page};
use super::finding::Side;
use super::framework::Recognised;
use super::limits::{
    FILES_MAX, LINKS_CONSIDERED_MAX, LINKS_MAX, PAGES_MAX, REDIRECTS_MAX, SCRIPTS_MAX,
};
use super::probe::{Answer, Asked, AskedBy, Forgery, Probe, Round, SCHEME_FIELDS, Why};
use super::site::Site;
use super::url::Url;
use super::{framework, html, scheme};

/// Asks everything.
pub(super) async fn examine(site: Site, client: Client) -> Examined {
    let scheme = site.scheme.unwrap_or(Scheme::Http);
    let examined = Examined {
        site,
        probes: Vec::new(),
        pages: Vec::new(),
        canary: Canary::new(),
        scheme,
        stopped: None,
        recognised: Recognised::default(),
        asked: 0,
        now: now(),
    };
    let mut asker = Asker { client, seen: examined };
    asker.everything().await;
    let Asker { client, mut seen } = asker;
    seen.asked = client.asked();
    seen.now = now();
    let answers: Vec<_> = seen.probes.iter().filter_map(|probe| probe.came.as_ref().ok()).collect();
    seen.recognised = framework::recognise(&answers);
    seen
}

pub(super) struct Asker {
    client: Client,
    pub(super) seen: Examined,
}

impl Asker {
    async fn everything(&mut self) {
        let bases = self.seen.site.bases.len();
        for base in 0..bases {
            self.untold(base, "/").await;
        }
        if scheme::moved_to_https(&self.seen) {
            self.seen.scheme = Scheme::Https;
        }
        let mut first = "/".to_owned();
        let main = self.seen.main();
        if self.seen.site.has_application() && self.seen.is_there(main) {
            first = self.schemes(main).await;
        }
        let main = self.seen.main();
        if self.seen.is_there(main) {
            let missing = self.seen.canary.missing();
            let fields = self.honest(main);
            self.get(main, Why::Missing, &missing, fields).await;
            self.pages(main, &first).await;
            for forgery in [Forgery::ForwardedHost, Forgery::Host, Forgery::NoScheme] {
                self.forge(main, forgery, &first).await;
            }
            self.forge(main, Forgery::Url, &first).await;
            // Held against the first question, which was about this path.
            self.forge(main, Forgery::Underscores, "/").await;
            self.files(main).await;
            self.scripts(main).await;
        }
        self.public().await;
        if self.seen.is_there(main) {
            self.pages_again(main).await;
        }
    }

    /// The fields of a visitor's own request: what Larder would send for it, or, at the public address, only the host.
    pub(super) fn honest(&self, base: usize) -> HeaderMap {
        self.fields(base, Some(self.seen.scheme))
    }

    pub(super) fn fields(&self, base: usize, told: Option<Scheme>) -> HeaderMap {
        let mut fields = HeaderMap::new();
        let Some(base) = self.seen.base(base) else { return fields };
        match (base.side, told) {
            (Side::Application, Some(scheme)) => {
                let host = &self.seen.site.host;
                self.seen.site.told(scheme, host, &mut fields);
            }
            (Side::Application | Side::Public | Side::Configuration, _) => {
                if let Ok(host) = HeaderValue::from_str(&self.seen.site.host_at(base)) {
                    fields.insert(HOST, host);
                }
            }
        }
        fields
    }

    /// The URL that a visitor would have asked for.
    fn url(&self, base: usize, scheme: Scheme, target: &str) -> Url {
        let base = self.seen.base(base);
        let host = base.map(|base| self.seen.site.host_at(base)).unwrap_or_default();
        let scheme = match base {
            Some(base) if base.side == Side::Public => base.scheme,
            Some(_) | None => scheme,
        };
        Url::new(scheme, &host, target)
    }

    pub(super) async fn get(&mut self, base: usize, why: Why, target: &str, fields: HeaderMap) {
        let scheme = match why {
            Why::Told(scheme) => scheme,
            Why::ToldBy(_) => Scheme::Https,
            // Who is told nothing believes the connection.
            Why::Untold | Why::Forged(Forgery::Underscores) => Scheme::Http,
            Why::Missing
            | Why::Honest
            | Why::Forged(_)
            | Why::Page(_)
            | Why::Script
            | Why::File => self.seen.scheme,
        };
        let url = self.url(base, scheme, target);
        self.ask(base, why, AskedBy::Get, url, fields).await;
    }

    async fn ask(&mut self, base: usize, why: Why, method: AskedBy, url: Url, fields: HeaderMap) {
        let Some(address) = self.seen.base(base).cloned() else { return };
        let asked = Asked { method, target: url.target.clone(), fields };
        let stop: Stop = match self.client.ask(&address, &asked).await {
            Ok(came) => return self.seen.probes.push(Probe { base, why, url, asked, came }),
            Err(stop) => stop,
        };
        self.seen.stopped = Some(stop);
    }

    async fn untold(&mut self, base: usize, target: &str) {
        let fields = self.fields(base, None);
        self.get(base, Why::Untold, target, fields).await;
    }

    async fn told(&mut self, main: usize, scheme: Scheme, target: &str) {
        let fields = self.fields(main, Some(scheme));
        self.get(main, Why::Told(scheme), target, fields).await;
    }

    /// By which scheme do visitors come, and does the application see it? Returns the first page that is not a redirect.
    async fn schemes(&mut self, main: usize) -> String {
        for scheme in [Scheme::Https, Scheme::Http] {
            self.told(main, scheme, "/").await;
        }
        if self.seen.site.scheme.is_none() && scheme::is_https_only(&self.seen, main) {
            self.seen.scheme = Scheme::Https;
        }
        if scheme::is_deaf(&self.seen, main) {
            for (number, (name, value)) in SCHEME_FIELDS.iter().enumerate() {
                let mut fields = self.fields(main, None);
                // One that Larder sends already has been tried.
                if self.fields(main, Some(Scheme::Https)).contains_key(*name) {
                    continue;
                }
                put(&mut fields, name, value);
                self.get(main, Why::ToldBy(number), "/", fields).await;
            }
        }
        let told = self.seen.answer(main, Why::Told(self.seen.scheme));
        let next = told.and_then(|(probe, answer)| self.onward(&probe.url, answer));
        next.unwrap_or_else(|| "/".to_owned())
    }

    /// Where a redirect leads, if that is another page of the same host.
    fn onward(&self, from: &Url, answer: &Answer) -> Option<String> {
        let to = answer.redirect(from)?;
        let is_here = to.host == from.host && to.scheme == from.scheme && to.target != from.target;
        is_here.then_some(to.target)
    }

    async fn pages(&mut self, main: usize, first: &str) {
        let mut target = first.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            self.page(main, &target).await;
            let url = self.url(main, self.seen.scheme, &target);
            let next = self.came(main, &url).and_then(|answer| self.onward(&url, answer));
            match next {
                Some(next) => target = next,
                None => break,
            }
        }
        let named = self.seen.site.paths.clone();
        for path in named.iter().chain(&self.seen.site.rule_paths()) {
            self.page(main, path).await;
        }
        for link in self.links(main, &target) {
            self.page(main, &link).await;
        }
    }

    fn came(&self, main: usize, url: &Url) -> Option<&Answer> {
        let mut answers = self.seen.answers(main);
        answers
            .find(|(probe, _)| probe.url == *url && probe.why == Why::Page(Round::First))
            .map(|(_, answer)| answer)
    }

    /// Asks for a page as Larder would for a visitor without cookies.
    async fn page(&mut self, main: usize, target: &str) {
        let url = self.url(main, self.seen.scheme, target);
        let is_known = self.seen.pages.iter().any(|page| page.url == url);
        if is_known || self.seen.pages.len() >= PAGES_MAX {
            return;
        }
        let shared = self.seen.site.shared(&url).map(|(shared, _)| shared);
        self.seen.pages.push(Page { url: url.clone(), shared });
        let fields = self.page_fields(main, &url);
        self.ask(main, Why::Page(Round::First), AskedBy::Get, url, fields).await;
    }

    fn page_fields(&self, main: usize, url: &Url) -> HeaderMap {
        let mut fields = self.honest(main);
        let is_application =
            self.seen.base(main).is_some_and(|base| base.side == Side::Application);
        if let Some((_, filled)) = self.seen.site.shared(url).filter(|_| is_application) {
            for (name, value) in &filled {
                fields.insert(name.clone(), value.clone());
            }
        }
        fields
    }

    /// Links of a page to others of the same host, those that a rule shares first.
    fn links(&self, main: usize, target: &str) -> Vec<String> {
        let url = self.url(main, self.seen.scheme, target);
        let Some(answer) = self.came(main, &url).filter(|answer| answer.is_html()) else {
            return Vec::new();
        };
        let tags = html::tags(&answer.text());
        let linked = html::links(&tags).filter_map(|href| url.join(href));
        let mut links: Vec<_> = linked
            .filter(|to| to.host == url.host && !html::is_file(&to.target))
            .filter(|to| self.seen.pages.iter().all(|page| page.url.target != to.target))
            .take(LINKS_CONSIDERED_MAX)
            .collect();
        links.sort_by_cached_key(|link| self.seen.site.shared(link).is_none());
        let mut targets: Vec<String> = links.into_iter().map(|link| link.target).collect();
        let mut known = std::collections::HashSet::new();
        targets.retain(|target| known.insert(target.clone()));
        targets.truncate(LINKS_MAX);
        targets
    }

    async fn pages_again(&mut self, main: usize) {
        let wanted: Vec<Url> = self
            .seen
            .seen()
            .filter(|seen| seen.is_success() && seen.answer.browsers_may_keep())
            .map(|seen| seen.page.url.clone())
            .collect();
        for url in wanted {
            let fields = self.page_fields(main, &url);
            self.ask(main, Why::Page(Round::Second), AskedBy::Get, url, fields).await;
        }
    }

    async fn scripts(&mut self, main: usize) {
        let pages = self.seen.seen().filter(|seen| seen.is_success());
        let urls: Vec<Url> = pages.map(|seen| seen.page.url.clone()).take(SCRIPTS_MAX).collect();
        for url in urls {
            let mut fields = self.honest(main);
            put(&mut fields, "x-requested-with", "XMLHttpRequest");
            fields.insert(ACCEPT, HeaderValue::from_static("application/json"));
            let is_public = self.seen.base(main).is_some_and(|base| base.side == Side::Public);
            if is_public {
                // A cache on the way might give what scripts get to those who ask for the page.
                let target = self.seen.canary.apart(&url.target);
                let fields = self.apart(fields);
                self.ask(main, Why::Script, AskedBy::Get, Url { target, ..url }, fields).await;
            } else {
                self.ask(main, Why::Script, AskedBy::Get, url, fields).await;
            }
        }
    }

    /// The heads of static files that pages name.
    async fn files(&mut self, main: usize) {
        let mut found: Vec<Url> = Vec::new();
        for seen in self.seen.seen().filter(|seen| seen.answer.is_html()) {
            let tags = html::tags(&seen.answer.text());
            let named = html::files(&tags).filter_map(|file| seen.page.url.join(file));
            let path = |url: &Url| url.target.split('?').next().unwrap_or_default().to_owned();
            let own =
                named.filter(|url| url.host == seen.page.url.host && html::is_file(&path(url)));
            for url in own {
                let url = Url { scheme: self.seen.scheme, ..url };
                if found.len() < FILES_MAX && !found.contains(&url) {
                    found.push(url);
                }
            }
        }
        for url in found {
            let fields = self.honest(main);
            self.ask(main, Why::File, AskedBy::Head, url.clone(), fields.clone()).await;
            let last = self.seen.probes.last().and_then(|probe| probe.came.as_ref().ok());
            // Some servers know files by GET only.
            if last.is_some_and(|answer| matches!(answer.status.as_u16(), 404 | 405 | 501)) {
                self.ask(main, Why::File, AskedBy::Get, url, fields).await;
            }
        }
    }
}

pub(super) fn put(fields: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()), HeaderValue::from_str(value))
    {
        fields.insert(name, value);
    }
}

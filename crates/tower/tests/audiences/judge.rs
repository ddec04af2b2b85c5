//! Whether a response may have been what its visitor got: nothing of others in it, and a page that the
//! naive reading agrees with.

use http::{HeaderMap, Method};
use larder_policy::{Action, Audience, Share};

use crate::application::Books;
use crate::claims::{
    Case, FILL, Got, Verdict, claim, expected, fits, is_dressed, is_never, is_told, is_whole,
    no_tags_of_others, shows_only,
};
use crate::reference::{self as naive, Terms, Way};
use crate::said::Record;
use crate::site::Site;
use crate::visitors::{Asked, Crowd, Who};

/// A change whose answer was delivered.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    number: usize,
    pages: Vec<(String, String)>,
    answered: u64,
}

/// All that responses are held against.
pub(crate) struct Judge<'a> {
    pub(crate) sites: &'a [Site],
    pub(crate) crowd: &'a Crowd,
    pub(crate) books: &'a Books,
    pub(crate) changes: &'a [Change],
}

fn number(text: Option<&str>) -> Option<usize> {
    text?.parse().ok()
}

pub(crate) fn made(headers: &HeaderMap) -> Option<usize> {
    number(headers.get("x-made").and_then(|line| line.to_str().ok()))
}

impl Judge<'_> {
    pub(crate) fn of(&self, asked: &Asked, got: Option<&Got>) -> Verdict {
        let Some(got) = got else {
            // A page that others wait for is looked through before anybody gets its head.
            let is_looked_at = |record: &Record| record.said.content_type.starts_with("text/html");
            let failed = self.of_page(asked).any(|record| {
                record.disconnects && record.at + 2 >= asked.at
                    || record.breaks_off && is_looked_at(record) && record.at >= asked.at
            });
            return claim(failed, "no response, although the application did not fail");
        };
        let made = made(&got.headers).ok_or("a response that the application did not make")?;
        let head = &self.books.records[made];
        let first = got.body.as_deref().and_then(|body| std::str::from_utf8(body).ok());
        let first = first.and_then(|body| body.strip_prefix("made ")?.split_once('\n'));
        let source = number(first.map(|(number, _)| number)).map(|made| &self.books.records[made]);
        let case = Case { asked, got, head, source: source.unwrap_or(head) };
        if got.body.is_none() {
            let broke =
                self.of_page(asked).any(|record| record.breaks_off && record.at >= asked.at);
            claim(broke, "a body broke off that the application had finished")?;
        } else {
            claim(got.body == expected(&case), "bytes that nobody made, or not all of them")?;
        }
        let site = &self.sites[self.books.site];
        let mut why = String::from("no way");
        for way in naive::ways(site, self.crowd, &self.books.looked_up, asked) {
            match self.by(&case, site, &way) {
                Ok(()) => return Ok(()),
                Err(reason) => why = format!("{reason}, by {way:?}"),
            }
        }
        Err(why)
    }

    fn of_page(&self, asked: &Asked) -> impl Iterator<Item = &Record> {
        let page =
            naive::page_of(&self.sites[self.books.site], &asked.method, asked.host, &asked.target);
        self.books.records.iter().rev().take(400).filter(move |record| {
            record.host == asked.host && (record.target == page || record.target == asked.target)
        })
    }

    fn by(&self, case: &Case<'_>, site: &Site, way: &Way<'_>) -> Verdict {
        let Case { asked, got, head, source } = case;
        let own = |record: &Record| record.req == Some(asked.id);
        let is_open = matches!(way, Way::Open);
        if !is_open || own(source) && own(head) {
            no_tags_of_others(asked, got)?;
        }
        if own(head) {
            self.is_all_sent(case, is_open)?;
        }
        match way {
            Way::Never => {
                claim(own(head), "a page, where nothing is ever stored")?;
                is_never(&got.headers)
            }
            Way::Pass => claim(own(head), "a page, where everything goes to the application"),
            Way::Open => {
                let page = naive::page_of(site, &asked.method, asked.host, &asked.target);
                for record in [head, source] {
                    if !own(record) || record.number < asked.first {
                        self.is_open_page(case, record, &page)?;
                    }
                }
                if own(head) {
                    Ok(())
                } else {
                    self.is_fresh(case, naive::terms(&head.said, source.represents(), None))
                }
            }
            Way::Share(..) if own(head) => Ok(()),
            Way::Share(share, who) => self.is_shared_page(case, site, share, who),
        }
    }

    /// What is passed on carries everything that it came with, and what is nobody else's business not.
    fn is_all_sent(&self, case: &Case<'_>, is_open: bool) -> Verdict {
        let Case { asked, head, .. } = case;
        claim(head.cookies == asked.cookies, "a request of the visitor's own lost cookies")?;
        for name in asked.headers.keys().filter(|name| *name != "larder-identity") {
            // What is fetched for the store is fetched whole.
            let is_condition = is_open && (name == "range" || name.as_str().starts_with("if-"));
            let same = head.fields.get_all(name).iter().eq(asked.headers.get_all(name));
            claim(same || is_condition, "a request of the visitor's own lost a field")?;
        }
        claim(head.told.is_none(), "a visitor's word of who they are was passed on")
    }

    /// RFC 9111 §4, where the response decides.
    fn is_open_page(&self, case: &Case<'_>, record: &Record, page: &str) -> Verdict {
        let Case { asked, got, head, source } = case;
        claim(record.req.is_some(), "a page of an audience, where no audience is")?;
        claim(record.host == asked.host && record.target == page, "another page")?;
        is_whole(case, record)?;
        let of_reading = record.method == Method::GET || record.number == head.number;
        claim(of_reading, "what was no answer to a GET")?;
        let in_step = record.number >= asked.first && record.number != source.number;
        // What brings a page up to date may set a cookie for the one who asked: that is not put on the page.
        let updates = record.status == 304 || record.method == Method::HEAD;
        claim(
            in_step || naive::is_open_storable(record, source.represents(), updates),
            "an answer that is not to be shared",
        )?;
        claim(!got.headers.contains_key("set-cookie"), "a cookie with a shared page")?;
        let own = naive::signs(&asked.headers) == naive::signs(&record.fields);
        claim(own, "a script's answer for a navigation, or the other way round")?;
        self.is_newer_than_changes(case)?;
        fits(record, record, asked, &[])
    }

    /// A page that an audience shares.
    fn is_shared_page(&self, case: &Case<'_>, site: &Site, share: &Share, who: &Who) -> Verdict {
        let Case { asked, got, head, source } = case;
        let page = naive::page_of(site, &asked.method, asked.host, &asked.target);
        claim(!got.headers.contains_key("set-cookie"), "a cookie with a shared page")?;
        claim(!got.headers.contains_key("larder-identity"), "an internal field")?;
        for record in [head, source] {
            claim(record.req.is_none(), "an answer to another visitor")?;
            claim(record.host == asked.host && record.target == page, "another page")?;
            shows_only(record, asked, who)?;
        }
        if source.number >= asked.first && source.status >= 500 {
            // Made for nobody and kept for nobody.
            return Ok(());
        }
        for record in [head, source] {
            let theirs = naive::key(share, &record.fields, &record.cookies);
            let ours = naive::key(share, &asked.headers, &asked.cookies);
            claim(theirs == ours, "a page of another key")?;
            is_told(record, who)?;
        }
        is_whole(case, source)?;
        let vary = if head.said.vary.is_empty() { &source.said.vary } else { &head.said.vary };
        let about_somebody =
            who.class == "authenticated" || who.user.is_some() || who.segment.is_some();
        claim(
            !about_somebody || vary.contains(&"Larder-Identity"),
            "a page that is not confirmed",
        )?;
        self.is_newer_than_changes(case)?;
        let mut keyed = naive::keyed_headers(share);
        keyed.extend(
            ["x-requested-with", "hx-request", "sec-fetch-mode", "sec-fetch-dest", "cookie"]
                .map(str::to_owned),
        );
        fits(head, source, asked, &keyed)?;
        let any = |record: &Record, status: u16| {
            let mut shares = self.shares(record);
            let storable =
                shares.any(|share| naive::is_storable(&record.said, status, Some(share)));
            claim(storable, "an answer that is not to be shared")
        };
        any(source, source.represents())?;
        any(head, source.represents())?;
        // What brought it up to date did so by the rules of its time.
        let mut why = Err(String::from("a page that no rule shares"));
        for share in self.shares(head) {
            why = self.is_fresh(case, naive::terms(&head.said, source.represents(), Some(share)));
            if why.is_ok() {
                return is_dressed(share, got);
            }
        }
        why
    }

    /// The rules by which a page may have been filled: that of a GET, or of a HEAD that had it refreshed.
    fn shares(&self, record: &Record) -> impl Iterator<Item = &Share> {
        let methods = [Method::GET, Method::HEAD];
        let site = &self.sites[record.site];
        methods.into_iter().filter_map(move |method| {
            match naive::rule(site, &method, &record.host, &record.target).0 {
                Some(Action::Share(share)) => Some(&**share),
                Some(Action::Never | Action::Pass | Action::Respect) | None => None,
            }
        })
    }

    /// RFC 9111 §4.4.
    fn is_newer_than_changes(&self, case: &Case<'_>) -> Verdict {
        let Case { asked, head, .. } = case;
        let page = (head.host.clone(), head.target.clone());
        let outdated = self.changes.iter().any(|change| {
            change.answered < asked.begun
                && head.number < change.number
                && change.pages.contains(&page)
        });
        claim(!outdated, "a page from before a change")
    }

    /// RFC 9111 §4.2, RFC 5861.
    fn is_fresh(&self, case: &Case<'_>, terms: Terms) -> Verdict {
        let Case { asked, head, .. } = case;
        if head.number >= asked.first {
            return Ok(());
        }
        claim(!terms.always_validates, "what has to be validated each time")?;
        let age = head.said.age + asked.at.saturating_sub(head.at);
        let Some(stale_for) = age.checked_sub(terms.lifetime) else { return Ok(()) };
        claim(!terms.strict, "stale, and that forbidden")?;
        let since = asked.at.saturating_sub(2);
        let failures = || self.of_page(asked).filter(|record| record.at >= since);
        let disconnected = failures().any(|record| record.disconnects);
        let failed =
            disconnected || failures().any(|record| [500, 502, 503, 504].contains(&record.status));
        let within = |window: Option<u64>| window.is_some_and(|window| stale_for <= window);
        let permitted =
            within(terms.swr) || failed && within(terms.sie) || disconnected && terms.lifetime > 0;
        claim(permitted, "stale without permission")
    }

    /// What is unkeyed is unsent.
    pub(crate) fn is_bare(&self, record: &Record) -> Verdict {
        if record.req.is_some() {
            return Ok(());
        }
        let bare = |share: &Share| {
            let cookies = naive::keyed_cookies(share);
            let headers = naive::keyed_headers(share);
            let session =
                matches!(share.audience, Audience::PerUser(larder_policy::UserKey::Session));
            let listed = naive::listed_sessions(&record.cookies);
            let cookies = record
                .cookies
                .iter()
                .all(|cookie| cookies.contains(&cookie.0) || session && listed.contains(&cookie));
            let fields = record.fields.keys().all(|name| {
                FILL.contains(&name.as_str()) || headers.iter().any(|keyed| keyed == name.as_str())
            });
            cookies && fields
        };
        claim(self.shares(record).any(bare), "more was sent than what the key holds")
    }

    /// The change that this request made, if it made one.
    pub(crate) fn change(&self, asked: &Asked, got: &Got, answered: u64) -> Option<Change> {
        let record = &self.books.records[made(&got.headers)?];
        let counts = record.method == Method::POST && (200..400).contains(&record.status);
        if !counts || record.req != Some(asked.id) {
            return None;
        }
        let site = &self.sites[record.site];
        let targets = [Some(asked.target.as_str()), record.location.as_deref()];
        let pages = targets.into_iter().flatten().map(|target| {
            (record.host.clone(), naive::page_of(site, &Method::GET, asked.host, target))
        });
        Some(Change { number: record.number, pages: pages.collect(), answered })
    }
}

impl Change {
    pub(crate) fn touches(&self, host: &str, target: &str) -> bool {
        self.pages.iter().any(|(of, page)| of == host && page == target)
    }
}

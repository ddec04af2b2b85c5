//! What an answer of the application means for what is stored: RFC 9111 §3, §3.3, §4.3.3, §4.3.5.
//!
//! Pure, like `plan`: an answer's head goes in, a verdict comes out.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use larder_policy::{Rework, Templates, set_cookie};
use larder_semantics::freshness::{Freshness, Timing};
use larder_semantics::range::{self, ContentRange};
use larder_semantics::storing::{self, Exchange};
use larder_semantics::validation::{self, HeadEffect, Validators};
use larder_semantics::vary::{Selecting, Vary};
use larder_semantics::{Reason, Settings};

use crate::cache::Options;
use crate::fields::Fields;
use crate::finish::{Finish, Reworked};
use crate::publish::Copied;
use crate::purge::Birth;
use crate::reworked;
use crate::sharing::{self, Sharing};
use crate::stored_body::{Filling, Holes, StoredBody};
use crate::variant::{Head, Variant};
use crate::verbatim::Verbatim;

/// A request and the head of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's fields: as the client sent them, or as they were sent for a page that is shared.
    pub request: &'a HeaderMap,
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's fields, hop-by-hop ones removed.
    pub response: &'a HeaderMap,
    /// When the request was sent and the answer came.
    pub timing: Timing,
    /// For a page that an audience shares: how, and by which fields it was known to vary.
    pub sharing: Option<(&'a Sharing, &'a [HeaderName])>,
    /// By which purges it is reached.
    pub birth: &'a Birth,
}

/// A response that is to be stored once its body is complete.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The response as it is now, for those who read along.
    pub head: Arc<Head>,
    /// What has to happen to its body first.
    pub finish: Finish,
    part: Option<ContentRange>,
    /// Whether it gave who asked a secret for forms.
    sets_secret: bool,
}

/// A stored response, confirmed by a 304 or the answer to a HEAD.
#[derive(Clone, Debug)]
pub struct Freshened {
    /// The response with its fields brought up to date.
    pub variant: Variant,
    /// Whether it may be used for others from now on.
    pub keep: Result<(), Reason>,
}

/// Request fields that the application is sent in another form than the client's, so that the
/// client's value must not select what is stored.
#[derive(Clone, Debug, Default)]
pub struct Rewritten {
    /// Those that say nothing the page's key does not say.
    by_key: Vec<HeaderName>,
    /// Those that differ from visitor to visitor.
    by_visitor: Vec<HeaderName>,
    /// Fields that the application gets and may take for another, with that one.
    taken_for: Vec<(HeaderName, HeaderName)>,
}

impl Rewritten {
    /// What a reverse proxy sets itself: scheme and host are in the key, addresses are not.
    #[must_use]
    pub fn by_a_proxy() -> Self {
        let by_key = [
            "host",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-protocol",
            "x-forwarded-scheme",
            "x-forwarded-ssl",
            "front-end-https",
        ];
        let by_visitor = ["x-forwarded-for", "x-real-ip", "forwarded", "via"];
        Self {
            by_key: by_key.map(HeaderName::from_static).into(),
            by_visitor: by_visitor.map(HeaderName::from_static).into(),
            taken_for: Vec::new(),
        }
    }

    /// The same, with fields that the site has its application told besides.
    #[must_use]
    pub fn and(
        mut self,
        by_key: impl Iterator<Item = HeaderName>,
        by_visitor: impl Iterator<Item = HeaderName>,
    ) -> Self {
        self.by_visitor.extend(by_visitor);
        self.by_key.extend(by_key);
        self
    }

    /// The same, with fields that go on although their names have an underscore: to CGI and WSGI they are those with dashes, so
    /// where an answer varies by one it varies by the other.
    #[must_use]
    pub fn with_underscored(mut self, names: &[HeaderName]) -> Self {
        let pairs = names.iter().filter_map(|name| {
            let dashed = larder_policy::hygiene::with_dashes(name);
            Some((name.clone(), HeaderName::try_from(dashed).ok()?))
        });
        self.taken_for.extend(pairs);
        self
    }

    /// What is left of `vary` for the client's fields to decide.
    fn recipe(&self, vary: Vary) -> Vary {
        let Vary::Fields(names) = &vary else { return vary };
        if names.iter().any(|name| self.by_visitor.contains(name)) {
            return Vary::Any;
        }
        let more: Vec<_> = self
            .taken_for
            .iter()
            .filter(|(name, dashed)| names.contains(dashed) && !names.contains(name))
            .map(|(name, _)| name)
            .collect();
        if more.is_empty() && !names.iter().any(|name| self.by_key.contains(name)) {
            return vary;
        }
        let rest: Box<[HeaderName]> =
            names.iter().chain(more).filter(|name| !self.by_key.contains(name)).cloned().collect();
        if rest.is_empty() { Vary::None } else { Vary::Fields(rest) }
    }
}

impl Answer<'_> {
    /// Whether the response to a GET may be stored, and as what.
    ///
    /// # Errors
    /// The reason why it may not.
    pub fn draft(&self, options: &Options) -> Result<Draft, Reason> {
        if self.method != Method::GET {
            return Err(Reason::Method);
        }
        self.draft_as_get(options)
    }

    /// Whether the response to a POST may be stored for later GETs (RFC 9110 §9.3.3), and as what.
    /// `target` is the request's absolute target.
    ///
    /// # Errors
    /// The reason why it may not.
    pub fn draft_of_post(&self, target: &Uri, options: &Options) -> Result<Draft, Reason> {
        if !storing::post_stores_get(&self.exchange(), target) {
            return Err(Reason::Method);
        }
        self.draft_as_get(options)
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            method: self.method,
            request: self.request,
            status: self.status,
            response: self.response,
        }
    }

    fn draft_as_get(&self, options: &Options) -> Result<Draft, Reason> {
        let settings = &self.settings(options, self.status, self.response);
        let mut map = self.response.clone();
        if let Some((sharing, _)) = self.sharing {
            sharing.allows(self.response)?;
            Sharing::strip(&mut map);
        }
        let nothing = HeaderMap::new();
        storing::may_store(
            &Exchange { response: &map, request: self.asked(&nothing), ..self.exchange() },
            settings,
        )?;
        let policy = &options.policy;
        if self.sharing.is_none()
            && !sharing::may_share_session(policy, self.request, self.response, settings)
        {
            return Err(Reason::SessionResponse);
        }
        let vary = self.recipe(options, self.response);
        if vary == Vary::Any {
            return Err(Reason::VaryAny);
        }
        if let Some(reason) = self.birth.refused {
            return Err(reason);
        }
        let share = self.sharing.and_then(|(sharing, _)| sharing.share());
        let none = Rework { templates: Templates::None, ..Rework::default() };
        let how = share.map_or(none, |share| share.rework);
        let finish = Finish::of(self.status, self.response, how)?;
        let sets_secret = how.csrf
            && set_cookie::names(self.response)
                .any(|name| name == options.policy.csrf.name.as_bytes());
        let (part, exact_range) = self.placement()?;
        storing::strip_for_storing(&mut map);
        let mut head = head_of(self.status, &map, vary, self, settings);
        head.exact_range = exact_range;
        Ok(Draft { head: Arc::new(head), finish, part, sets_secret })
    }

    /// The fields of the request that may forbid storing its answer. None for a page whose key holds everything that was sent:
    /// what it forbids was decided before it was sent.
    fn asked<'x>(&'x self, nothing: &'x HeaderMap) -> &'x HeaderMap {
        if self.sharing.is_some() { nothing } else { self.request }
    }

    /// By which of the client's fields the page varies, as the answer says; for what is sent with the next fetch.
    #[must_use]
    pub fn named(&self, options: &Options) -> Vary {
        let vary = options.rewritten.recipe(Vary::of(self.response));
        match self.sharing {
            None => vary,
            Some((sharing, _)) => sharing.recipe(&vary, self.request, &[]),
        }
    }

    /// The settings for a response to this request.
    fn settings<'o>(
        &self,
        options: &'o Options,
        status: StatusCode,
        response: &HeaderMap,
    ) -> Cow<'o, Settings> {
        match self.sharing {
            None => Cow::Borrowed(&options.semantics),
            Some((sharing, _)) => {
                Cow::Owned(sharing.settings(&options.semantics, status, response))
            }
        }
    }

    /// What selects a response with these fields.
    fn recipe(&self, options: &Options, response: &HeaderMap) -> Vary {
        let vary = options.rewritten.recipe(Vary::of(response));
        match self.sharing {
            None => vary,
            Some((sharing, varies)) => sharing.recipe(&vary, self.request, varies),
        }
    }

    /// Where the bytes of a 206 belong; for one whose bytes can't be placed, the `Range` that it
    /// answers.
    fn placement(&self) -> Result<(Option<ContentRange>, Option<HeaderValue>), Reason> {
        if self.status != StatusCode::PARTIAL_CONTENT {
            return Ok((None, None));
        }
        let mut asked = self.request.get_all(header::RANGE).iter();
        let (Some(asked), None) = (asked.next(), asked.next()) else {
            // RFC 9110 §15.3.7: a 206 answers a range request.
            return Err(Reason::BadContentRange);
        };
        let announced = content_length(self.response);
        let placed = range::content_range(self.response).filter(|placed| {
            announced.is_none_or(|length| placed.last - placed.first + 1 == length)
        });
        // Bytes that contradict their Content-Range have no known place: they are never combined,
        // sliced or completed. The identical request still gets the identical answer while that
        // is fresh. Those who read along see the answer as it came in any case, so the draft of
        // either kind is for the identical range; `finish` widens the one whose bytes have a
        // place.
        Ok((placed, Some(asked.clone())))
    }

    /// What a 304 makes of the stored response that was validated (RFC 9111 §4.3.4). `None` if it
    /// speaks of another one.
    #[must_use]
    pub fn freshened(&self, variant: &Variant, options: &Options) -> Option<Freshened> {
        if !validation::selects(self.response, variant.head.asked_with(), true) {
            return None;
        }
        Some(self.checked(self.updated(variant, options), options))
    }

    /// What the answer to a HEAD makes of the stored response (RFC 9111 §4.3.5).
    #[must_use]
    pub fn freshened_by_head(&self, variant: &Variant, options: &Options) -> Option<Freshened> {
        let stored = variant.head.fields.to_map(0);
        let length = variant.body.complete();
        match validation::head_effect(&stored, length, self.status, self.response) {
            HeadEffect::None => return None,
            HeadEffect::Update => {
                let newer = self.updated(variant, options);
                // What is stored under another status, or for whoever asked before the page varied
                // as it does now, is not what this 200 describes.
                let old = &variant.head;
                if old.status == self.status && old.vary == newer.head.vary {
                    return Some(self.checked(newer, options));
                }
            }
            HeadEffect::Expire => {}
        }
        let mut head = Head::clone(&variant.head);
        head.freshness.expire(self.timing.response_time);
        // What was purged before is judged by the stored head; it may be too long ago to judge this one by it.
        head.born = self.birth.number;
        let variant = Variant { head: Arc::new(head), body: Arc::clone(&variant.body) };
        Some(Freshened { variant, keep: Ok(()) })
    }

    /// Whether the updated response may stay: the newer head may have brought a prohibition, such as
    /// `private`.
    fn checked(&self, newer: Variant, options: &Options) -> Freshened {
        let fields = newer.head.fields.to_map(0);
        let settings = &self.settings(options, newer.head.status, &fields);
        let nothing = HeaderMap::new();
        let exchange = Exchange {
            method: &Method::GET,
            request: self.asked(&nothing),
            status: newer.head.status,
            response: &fields,
        };
        let keep = storing::may_store(&exchange, settings)
            .and_then(|()| self.may_stay(&fields, options, settings))
            .and_then(|()| if newer.head.vary == Vary::Any { Err(Reason::VaryAny) } else { Ok(()) })
            .and_then(|()| self.birth.refused.map_or(Ok(()), Err));
        Freshened { variant: newer, keep }
    }

    /// The same, apart from what HTTP says: the fields of an answer that brings a cookie, no confirmation, or what is one
    /// session's only, are not to be seen by others, also where the body is older.
    fn may_stay(
        &self,
        updated: &HeaderMap,
        options: &Options,
        settings: &Settings,
    ) -> Result<(), Reason> {
        match self.sharing {
            Some((sharing, _)) => {
                sharing.allows_cookies(self.response).and_then(|()| sharing.is_confirmed(updated))
            }
            None if sharing::may_share_session(
                &options.policy,
                self.request,
                updated,
                settings,
            ) =>
            {
                Ok(())
            }
            None => Err(Reason::SessionResponse),
        }
    }

    /// The stored response with the fields of a new head (RFC 9111 §3.2).
    fn updated(&self, variant: &Variant, options: &Options) -> Variant {
        let mut newer = self.response.clone();
        storing::strip_for_storing(&mut newer);
        if self.sharing.is_some() {
            Sharing::strip(&mut newer);
        }
        if variant.head.origin.is_some() {
            // They are about the application's page, and this is another.
            reworked::strip(&mut newer);
        }
        let mut map = variant.head.fields.to_map(newer.len());
        validation::update(&mut map, &newer);
        let vary = self.recipe(options, &map);
        let old = &variant.head;
        let settings = &self.settings(options, old.status, &map);
        let mut head = head_of(old.status, &map, vary, self, settings);
        if head.vary == old.vary {
            // The stored response stays the one that was selected by what it was stored for.
            head.selecting = old.selecting.clone();
            head.verbatim = old.verbatim.clone();
        }
        head.exact_range.clone_from(&old.exact_range);
        head.origin.clone_from(&old.origin);
        // A 304 need not repeat the tags of the body that it confirms.
        head.tags = Birth::joined(&old.tags, &head.tags);
        if let (Some(old), Some(newer)) = (&old.copied, &head.copied) {
            head.copied = Some(Arc::new(Copied::new(old.names.joined(&newer.names))));
        }
        Variant { head: Arc::new(head), body: Arc::clone(&variant.body) }
    }
}

/// The head of a stored response with the fields `map`.
fn head_of(
    status: StatusCode,
    map: &HeaderMap,
    vary: Vary,
    answer: &Answer<'_>,
    settings: &Settings,
) -> Head {
    let fields = Fields::of(map);
    // The validators are read from the copy, so that they do not hold on to a read buffer.
    let own = fields.to_map(0);
    let selecting = Selecting::of(&vary, answer.request);
    let verbatim = match &vary {
        Vary::Fields(names) => Verbatim::of(names, answer.request),
        Vary::None | Vary::Any => Verbatim::default(),
    };
    Head {
        status,
        freshness: Freshness::of(status, &own, answer.timing, settings),
        validators: Validators::of(&own),
        origin: None,
        fields,
        vary,
        selecting,
        verbatim,
        exact_range: None,
        born: answer.birth.number,
        tags: answer.birth.tags.clone(),
        copied: answer.birth.names.clone().map(|names| Arc::new(Copied::new(*names))),
    }
}

/// The announced length of a body.
#[must_use]
pub fn content_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Draft {
    /// The number of the last purge when it was asked for.
    #[must_use]
    pub fn born(&self) -> u64 {
        self.head.born
    }

    /// The stored response, now that its body is complete. `older` is what the page has for the
    /// same request, if that is a part of the same representation.
    ///
    /// # Errors
    /// [`Reason::BadContentRange`] when the body is not as long as it said.
    pub fn finish(&self, chunks: &[Bytes], older: Option<&Variant>) -> Result<Variant, Reason> {
        let Some(placed) = self.part else {
            if self.head.exact_range.is_some() {
                let body = Arc::new(StoredBody::whole(chunks));
                return Ok(Variant { head: Arc::clone(&self.head), body });
            }
            return Ok(whole(Head::clone(&self.head), StoredBody::whole(chunks)));
        };
        let length: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        if placed.last - placed.first + 1 != length {
            return Err(Reason::BadContentRange);
        }
        let body = StoredBody::part(placed.first, chunks, placed.complete);
        let mut head = Head::clone(&self.head);
        head.exact_range = None;
        head.status = StatusCode::OK;
        let mut map = head.fields.to_map(0);
        map.remove(header::CONTENT_RANGE);
        head.fields = Fields::of(&map);
        // RFC 9111 §3.4: only what shares a strong validator is one representation.
        let joined = older
            .filter(|older| {
                older.head.exact_range.is_none()
                    && head.validators.same_strong(&older.head.validators)
                    && same_encoding(&head.fields, &older.head.fields)
            })
            .and_then(|older| Some((older, older.body.join(&body)?)));
        let Some((older, joined)) = joined else { return Ok(whole(head, body)) };
        head.tags = Birth::joined(&older.head.tags, &head.tags);
        Ok(whole(head, joined))
    }

    /// The stored response where its page was made otherwise.
    #[must_use]
    pub fn reworked(&self, page: Reworked) -> Variant {
        let Reworked { bytes, holes, includes, is_changed } = page;
        let mut head = Head::clone(&self.head);
        if is_changed {
            reworked::adjust(&mut head, &bytes);
        }
        // What is included may have forms, and can set no cookie any more.
        let may_include_forms = match self.finish {
            Finish::Rework(orders) => orders.csrf && !includes.is_empty(),
            Finish::AsItIs | Finish::Inspect(_) => false,
        };
        let secret = self.sets_secret
            || may_include_forms
            || holes.iter().any(|hole| hole.filling == Filling::Token);
        let is_personal = secret || !holes.is_empty();
        let body = StoredBody::whole(&[Bytes::from(bytes)]);
        let holes = Holes { places: holes, includes, secret };
        whole(head, if is_personal { body.with_holes(holes) } else { body })
    }

    /// The position of the body's first byte in the complete one.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.part.map_or(0, |placed| placed.first)
    }
}

fn same_encoding(a: &Fields, b: &Fields) -> bool {
    a.first(&header::CONTENT_ENCODING) == b.first(&header::CONTENT_ENCODING)
}

/// A stored response whose length fields say what is stored.
fn whole(mut head: Head, body: StoredBody) -> Variant {
    let length = body.is_whole().then(|| body.complete()).flatten();
    let stated = head.fields.first(&header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    let stated_right = match length {
        Some(length) => stated == Some(length.to_string().as_bytes()),
        None => stated.is_none(),
    };
    let has_no_body = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !stated_right && !has_no_body {
        let mut map = head.fields.to_map(1);
        map.remove(header::CONTENT_LENGTH);
        if let Some(length) = length {
            map.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        head.fields = Fields::of(&map);
    }
    Variant { head: Arc::new(head), body: Arc::new(body) }
}

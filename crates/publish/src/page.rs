//! One page: which of its stored responses is laid down, and in which steps.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use larder_cache::Cache;
use larder_cache::publish::Names;
use larder_cache::variant::Variant;
use larder_lookup::{Entry, Identifier};
use larder_policy::published::{Candidate, Publication, Publishing};
use larder_policy::{
    Class, Identity, KeyBuf, Keyed, Plain, Policy, Ruling, Unlisted, Visit, Way, key,
};
use larder_semantics::Reason;

use crate::counts::Outcome;
use crate::gate::Gate;

/// What is laid down.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) variant: Variant,
    pub(crate) publication: Publication,
    pub(crate) unlisted: Unlisted,
    /// What is remembered of it; its times are those of now.
    pub(crate) entry: Entry,
}

/// Where a page comes from and goes to, as far as the order of steps is concerned.
pub(crate) trait Ground: Sync {
    /// How long the page is still fresh in memory; `None`: it is not, or gone.
    fn fresh_for(&self) -> Option<Duration>;
    /// Has it remembered. The error was told of.
    fn remember(&self, lifetime: Duration) -> impl Future<Output = Result<(), ()>> + Send;
    /// Lays it down.
    fn set(&self, lifetime: Duration) -> impl Future<Output = Result<(), ()>> + Send;
    /// Takes it away.
    fn delete(&self) -> impl Future<Output = Result<(), ()>> + Send;
    /// Keeps durably that it has to be taken away.
    fn see_to(&self);
}

/// Lays a page down, in the order that the crate's documentation explains.
pub(crate) async fn lay_down(ground: &impl Ground, gate: &Gate, unlisted: Unlisted) -> Outcome {
    let Some(lifetime) = ground.fresh_for() else { return Outcome::Gone };
    let listed = ground.remember(lifetime).await.is_ok();
    if !listed && unlisted == Unlisted::Skip {
        return Outcome::Unlisted;
    }
    let inside = gate.enter().await;
    let Some(lifetime) = ground.fresh_for() else { return Outcome::Gone };
    let set = ground.set(lifetime).await;
    // Also where the setting failed: nobody knows what a server did of which no answer came.
    let still_listed = ground.remember(lifetime).await.is_ok() || unlisted == Unlisted::Publish;
    let outcome = match (set, still_listed, ground.fresh_for()) {
        (Ok(()), true, Some(_)) => Outcome::Published,
        // It is remembered: whoever purges it finds it.
        (Err(()), true, Some(_)) => Outcome::Unset,
        (Ok(()) | Err(()), false, Some(_)) => Outcome::Unlisted,
        (Ok(()) | Err(()), _, None) => Outcome::Overtaken,
    };
    if matches!(outcome, Outcome::Unlisted | Outcome::Overtaken) && ground.delete().await.is_err() {
        ground.see_to();
    }
    drop(inside);
    outcome
}

/// The response of the page `key` that nginx may answer with; or why there is none.
pub(crate) fn copy_of(cache: &Cache, publishing: &Publishing, key: &[u8]) -> Result<Copy, Outcome> {
    let options = cache.options();
    let page = cache.look_up(key).ok_or(Outcome::Gone)?;
    let mut refused = None;
    for variant in page.variants() {
        let Some(copied) = &variant.head.copied else { continue };
        if cache.fresh_for(key, variant).is_none() {
            continue;
        }
        match copy(&options.policy, publishing, key, variant, &copied.names) {
            Ok(copy) => return Ok(copy),
            Err(reason) => refused = Some(reason),
        }
    }
    Err(refused.map_or(Outcome::Gone, Outcome::Refused))
}

fn copy(
    policy: &Arc<Policy>,
    publishing: &Publishing,
    key: &[u8],
    variant: &Variant,
    names: &Names,
) -> Result<Copy, Reason> {
    let (scheme, host, target) = key::read(key).ok_or(Reason::PublishKey)?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Reason::PublishKey);
    let (host, target) = (text(host)?, text(target)?);
    let ruling = ruling(policy, key).ok_or(Reason::PublishAudience)?;
    let rule = policy.rule_of(&ruling).ok_or(Reason::PublishAudience)?;
    let share = policy.share_of(&ruling).ok_or(Reason::PublishAudience)?;
    let publish = share.publish.as_ref().ok_or(Reason::PublishAudience)?;
    let head = &variant.head;
    let headers = head.fields.to_map(0);
    let body_bytes = variant.body.complete().filter(|_| variant.body.is_whole());
    let publication = publishing.may_publish(
        policy,
        &Candidate {
            ruling: &ruling,
            share,
            content_type: &publish.content_type,
            scheme,
            host,
            raw_target: target,
            status: head.status,
            headers: &headers,
            body_bytes: body_bytes.ok_or(Reason::PublishStatus)?,
            has_holes: variant.body.is_personal(),
        },
    )?;
    let owned = |texts: &[Box<str>]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok());
    let entry = Entry {
        key: publication.key.clone().into_bytes(),
        scheme: scheme.as_str().to_owned(),
        host: host.to_owned(),
        target: target.as_bytes().to_vec(),
        rule: rule.place.clone(),
        version: publication.page_version.clone(),
        identifiers: names.tags.iter().filter_map(|tag| identifier(tag)).collect(),
        tags: owned(&names.tags),
        groups: owned(&names.groups),
        content_type: content_type.unwrap_or_default().to_owned(),
        stored_at: 0,
        expires_at: 0,
    };
    let unlisted = publish.unlisted;
    Ok(Copy { variant: variant.clone(), publication, unlisted, entry })
}

/// The ruling of those who get this page from nginx: who comes without any field, or with a page version alone, and asks for
/// the URL as it is in the key. `None`: they would get another page, whatever made this one.
///
/// So a page that was asked for by another spelling of its URL is not taken for what the other spelling's rule makes of it.
fn ruling(policy: &Arc<Policy>, key: &[u8]) -> Option<Ruling> {
    let (scheme, host, target) = key::read(key)?;
    let (host, target) = (std::str::from_utf8(host).ok()?, std::str::from_utf8(target).ok()?);
    let headers = HeaderMap::new();
    let visit = Visit { scheme, host, method: &Method::GET, target, headers: &headers };
    let mut own = KeyBuf::new();
    // Without a session there is no proof, and so nothing that the time could change.
    let now = larder_semantics::Timestamp::from_secs(0);
    let mut ruling = policy.decide(&visit, &Plain, now, &mut own);
    if ruling.way != Way::Share {
        return None;
    }
    if own.as_bytes() == key {
        return Some(ruling);
    }
    // A page version: the same but for the segment.
    let segment = key::parts(key).find(|(name, _)| *name == b"segment")?.1?;
    let is_version = ruling.identity.segment && !ruling.identity.user && !ruling.identity.class;
    let others = |key| key::parts(key).filter(|(name, _)| *name != b"segment");
    let is_same =
        key::url_of(key) == key::url_of(own.as_bytes()) && others(key).eq(others(own.as_bytes()));
    if !is_version || !is_same {
        return None;
    }
    let segment = std::str::from_utf8(segment).ok()?.to_owned();
    let identity = Identity { class: Class::Authenticated, user: None, segment: Some(segment) };
    ruling.identity = Keyed { identity: Some(Arc::new(identity)), ..ruling.identity };
    Some(ruling)
}

/// The identifier that a tag says.
fn identifier(tag: &str) -> Option<Identifier> {
    let text = tag.strip_prefix("id:")?;
    Some(match text.split_once('/') {
        Some((parent, finer)) => {
            Identifier { parent: parent.to_owned(), supplementary: Some(finer.to_owned()) }
        }
        None => Identifier { parent: text.to_owned(), supplementary: None },
    })
}

/// A whole body in one piece.
pub(crate) fn body_of(variant: &Variant) -> Bytes {
    let length = variant.body.complete().unwrap_or_default();
    let mut bytes = BytesMut::new();
    let mut position = 0;
    while let Some(block) = variant.body.read(position, length).filter(|block| !block.is_empty()) {
        position += block.len() as u64;
        if position == length && bytes.is_empty() {
            // Most pages are one block.
            return block;
        }
        bytes.extend_from_slice(&block);
    }
    bytes.freeze()
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;

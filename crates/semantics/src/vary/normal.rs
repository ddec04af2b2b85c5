//! The normal form of one request field, given out piece by piece, so that it can be written down or
//! compared on the spot.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER, USER_AGENT,
    },
};

use crate::limits;

/// Takes the next piece; `false` stops.
type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> bool;

/// Gives out the normal form of the request's `name`, all its lines together.
pub(super) fn write(name: &HeaderName, request: &HeaderMap, sink: Sink<'_>) {
    match *name {
        ACCEPT_LANGUAGE => languages(request, sink),
        ACCEPT_ENCODING => codings(request, sink),
        // HTTP/2 may cut a Cookie at its semicolons: RFC 9113 §8.2.3.
        COOKIE => joined(name, request, b"; ", sink),
        // Not lists: a comma has no meaning in them.
        AUTHORIZATION | HOST | ORIGIN | REFERER | USER_AGENT => {
            joined(name, request, b",", sink);
        }
        _ => list(name, request, sink),
    }
}

fn lines<'a>(name: &HeaderName, request: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
    request.get_all(name).iter().map(|line| line.as_bytes().trim_ascii())
}

fn joined(name: &HeaderName, request: &HeaderMap, separator: &[u8], sink: Sink<'_>) {
    for (place, line) in lines(name, request).enumerate() {
        if (place > 0 && !sink(separator)) || !sink(line) {
            return;
        }
    }
}

/// RFC 9110 §5.3: lines are one list. Spaces around its commas have no meaning, but for those inside a
/// quoted-string.
fn list(name: &HeaderName, request: &HeaderMap, sink: Sink<'_>) {
    for (place, line) in lines(name, request).enumerate() {
        let (mut quoted, mut escaped) = (false, false);
        let members = line.split(|&byte| {
            quoted ^= byte == b'"' && !escaped;
            escaped = quoted && byte == b'\\' && !escaped;
            byte == b',' && !quoted
        });
        for (member_place, member) in members.enumerate() {
            let first = place == 0 && member_place == 0;
            if (!first && !sink(b",")) || !sink(member.trim_ascii()) {
                return;
            }
        }
    }
}

/// Gives out `text` in lower case; whether to go on.
fn lower(text: &[u8], sink: Sink<'_>) -> bool {
    text.chunks(LOWER_CHUNK_BYTES).all(|chunk| {
        let mut buffer = [0; LOWER_CHUNK_BYTES];
        let Some(lowered) = buffer.get_mut(..chunk.len()) else { return false };
        lowered.copy_from_slice(chunk);
        lowered.make_ascii_lowercase();
        sink(lowered)
    })
}

/// Holds what browsers send in one piece.
const LOWER_CHUNK_BYTES: usize = 64;

/// Lower case (RFC 9110 §8.5.1: language tags have none) and no spaces.
fn languages(request: &HeaderMap, sink: Sink<'_>) {
    for (place, line) in lines(&ACCEPT_LANGUAGE, request).enumerate() {
        if place > 0 && !sink(b",") {
            return;
        }
        for piece in line.split(|byte| matches!(byte, b' ' | b'\t')) {
            if !lower(piece, sink) {
                return;
            }
        }
    }
}

/// One wanted coding or language.
#[derive(Clone, Copy, Default)]
struct Wanted<'a> {
    name: &'a [u8],
    /// Thousandths, as RFC 9110 §12.4.2 allows three digits.
    quality: u16,
}

fn wanted(member: &[u8]) -> Option<Wanted<'_>> {
    let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut quality = 1000;
    for part in parts {
        let [b'q' | b'Q', b'=', value @ ..] = part else { return None };
        quality = read_quality(value)?;
    }
    Some(Wanted { name, quality })
}

/// RFC 9110 §12.4.2: `0`, `1`, or one of them with up to three digits behind a point.
fn read_quality(value: &[u8]) -> Option<u16> {
    let (whole, digits) = match value {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let place = |at: usize| digits.get(at).copied().unwrap_or(b'0');
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |byte: u8| u16::from(byte - b'0');
    let quality =
        digit(*whole) * 1000 + digit(place(0)) * 100 + digit(place(1)) * 10 + digit(place(2));
    (quality <= 1000).then_some(quality)
}

/// The codings sorted by name, each once: RFC 9110 §12.5.3 gives their order no meaning. What does not
/// parse, or is too long, stays as it was sent.
fn codings(request: &HeaderMap, sink: Sink<'_>) {
    let mut codings = [Wanted::default(); limits::ACCEPT_ENCODING_CODINGS_MAX];
    let Some(count) = sorted_codings(request, &mut codings) else {
        return list(&ACCEPT_ENCODING, request, sink);
    };
    for (place, coding) in codings.iter().take(count).enumerate() {
        if place > 0 && !sink(b",") {
            return;
        }
        if !lower(coding.name, sink) {
            return;
        }
        if coding.quality < 1000 {
            // Not as text: the first byte is at most 3, which no field value holds, so this can't be taken
            // for a part of a list that was left as it was sent.
            let [high, low] = coding.quality.to_be_bytes();
            if !sink(&[b';', high, low]) {
                return;
            }
        }
    }
}

/// Insertion sort into a fixed array: lists are short and nothing may be allocated.
fn sorted_codings<'a>(
    request: &'a HeaderMap,
    codings: &mut [Wanted<'a>; limits::ACCEPT_ENCODING_CODINGS_MAX],
) -> Option<usize> {
    let lower = |name: &'a [u8]| name.iter().map(u8::to_ascii_lowercase);
    let mut count: usize = 0;
    let members = request.get_all(ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
    for member in members.flat_map(crate::field::list::tokens) {
        let coding = wanted(member)?;
        let sorted = codings.get(..count)?;
        let at = sorted.iter().position(|other| !lower(other.name).lt(lower(coding.name)));
        let at = at.unwrap_or(count);
        if sorted.get(at).is_some_and(|other| other.name.eq_ignore_ascii_case(coding.name)) {
            // Named twice, perhaps with different qualities: not ours to interpret.
            return None;
        }
        codings.get_mut(at..=count)?.rotate_right(1);
        *codings.get_mut(at)? = coding;
        count = count.saturating_add(1);
    }
    Some(count)
}

/// The language with the single highest quality; none when two share it or anything is unreadable.
pub(super) fn best_language(request: &HeaderMap) -> Option<&[u8]> {
    let mut best = Wanted::default();
    let mut is_shared = false;
    let members = request.get_all(ACCEPT_LANGUAGE).iter().map(HeaderValue::as_bytes);
    for member in members.flat_map(crate::field::list::tokens) {
        let language = wanted(member)?;
        if language.quality > best.quality {
            (best, is_shared) = (language, false);
        } else if language.quality == best.quality {
            is_shared = true;
        }
    }
    (!is_shared && best.quality > 0 && best.name != b"*").then_some(best.name)
}

//! Pages: what is found in them does not depend on how they come, and what is made of them stays what it is.

use larder_html::{
    EsiLimits, Part, SECRET_LENGTH, Scanner, TOKEN_LENGTH, csrf_holes, esi, mask, minify,
    new_secret, scan, secret_of_cookie,
};

/// Tokens: the same is found byte by byte, in two pieces and at once.
pub fn tokens(data: &[u8]) {
    let whole = scan(data);
    let mut single = Scanner::new();
    data.chunks(1).for_each(|byte| {
        single.push(byte);
    });
    assert_eq!(single.found(), whole);
    let half = data.first().map_or(0, |&byte| usize::from(byte) % data.len());
    let (first, second) = data.split_at(half);
    let mut halves = Scanner::new();
    halves.push(first);
    assert_eq!(halves.push(second), whole);
}

/// Minifying: less, at once as small as it gets, no token more than before, and the same words.
pub fn minified(data: &[u8]) {
    let Some(smaller) = minify(data) else { return };
    assert!(smaller.len() < data.len());
    assert_eq!(minify(&smaller), None, "at once");
    assert!(scan(data).is_some() || scan(&smaller).is_none(), "a token came from nowhere");
    // Comments aside, every byte but blanks stays, in order.
    let mut left = data.iter();
    let stays = |byte: &u8| byte.is_ascii_whitespace() || left.any(|other| other == byte);
    assert!(smaller.iter().all(stays), "something new");
}

/// Holes: each is a token; filled with another visitor's, the page has the same holes and nothing of the first.
pub fn holes(data: &[u8]) {
    let Ok(holes) = csrf_holes(data) else { return };
    let other = mask(&new_secret(&[1; 32]), &[2; 32]);
    let (mut filled, mut last) = (Vec::new(), 0);
    for hole in &holes {
        assert!(last <= hole.start && hole.start < hole.end && hole.end <= data.len(), "{hole:?}");
        let length = hole.end - hole.start;
        assert!([SECRET_LENGTH, TOKEN_LENGTH].contains(&length), "{hole:?}");
        assert!(secret_of_cookie(data.get(hole.start..hole.end).unwrap_or_default()).is_some());
        filled.extend_from_slice(data.get(last..hole.start).unwrap_or_default());
        filled.extend_from_slice(&other);
        last = hole.end;
    }
    filled.extend_from_slice(data.get(last..).unwrap_or_default());
    let again = csrf_holes(&filled).map(|again| again.len());
    assert_eq!(again, Ok(holes.len()), "the page of another");
    assert!(holes.is_empty() || scan(&filled).is_some());
}

/// ESI: parts are of the page, in order, and within the limits.
pub fn template(data: &[u8]) {
    let limits = EsiLimits { includes_max: 3, address_bytes_max: 8 };
    let Ok(parts) = esi(data, limits) else { return };
    let (mut last, mut includes) = (0, 0);
    for part in parts {
        match part {
            Part::Bytes(range) => {
                assert!(last <= range.start && range.start < range.end && range.end <= data.len());
                last = range.end;
            }
            Part::Include(include) => {
                includes += 1;
                for address in std::iter::once(&include.src).chain(&include.alt) {
                    assert!((1..=8).contains(&address.len()), "{address:?}");
                }
            }
        }
    }
    assert!(includes <= 3);
}

//! What a token looks like, and whose it looks like.

use super::Framework;

/// Tokens are at least so long; Spring's, a UUID, has 36 characters, others have more.
const TOKEN_BYTES_MIN: usize = 20;
/// From here on letters of both cases are enough. Of Django's secrets, one of two hundred has no digit.
const LETTERS_BYTES_MIN: usize = 32;

/// Whether something that stands where a token may stand looks drawn by lot: letters and digits, not an address, not the
/// name of something.
pub(super) fn is_token(text: &[u8]) -> bool {
    let has = |class: fn(&u8) -> bool| text.iter().any(class);
    let (upper, lower) = (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase));
    let digits = has(u8::is_ascii_digit) && (upper || lower);
    let letters = text.len() >= LETTERS_BYTES_MIN && upper && lower;
    let address = matches!(text.first(), Some(b'/' | b'.')) || text.starts_with(b"http");
    let names = [&b"csrf"[..], b"xsrf", b"token"].iter().any(|name| contains(text, name));
    text.len() >= TOKEN_BYTES_MIN && (digits || letters) && !address && !names
}

/// Whether `text` has `word`, which is in lower case, in any case.
pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// The framework whose tokens look like `token`. Rails is the answer where none does: its `<meta>` is the model of the others'.
pub(super) fn framework(token: &[u8]) -> Framework {
    let alphanumeric = token.iter().all(u8::is_ascii_alphanumeric);
    let uuid = token.iter().enumerate().all(|(at, &b)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    });
    match token.len() {
        32 | 64 if alphanumeric => Framework::Django,
        40 if alphanumeric => Framework::Laravel,
        36 if uuid => Framework::Spring,
        56 => Framework::Phoenix,
        _ if token.starts_with(b"CfDJ8") => Framework::AspNet,
        _ => Framework::Rails,
    }
}

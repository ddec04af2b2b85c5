//! Django's CSRF secrets and the tokens that hide them, as its versions 4.2 and 5.2 make and read them.
//!
//! A secret is 32 letters and digits and lies in the visitor's cookie. A token is 64: a mask, and the secret shifted by the
//! mask. Every token of a secret is as good as every other, which is what lets a page be stored without one.
//!
//! Randomness comes from the caller, 32 bytes at a time.

/// Characters of a secret.
pub const SECRET_LENGTH: usize = 32;
/// Characters of a token.
pub const TOKEN_LENGTH: usize = 64;

/// The characters in Django's order, which is what the shifting goes by.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A character's place in the alphabet.
const fn place(character: u8) -> Option<u8> {
    match character {
        b'a'..=b'z' => Some(character - b'a'),
        b'A'..=b'Z' => Some(character - b'A' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        _ => None,
    }
}

/// The character at a place, which wraps around.
fn character(place: u8) -> u8 {
    ALPHABET.get(usize::from(place % 62)).copied().unwrap_or(b'a')
}

/// The secret in a `csrftoken` cookie's value: 32 characters are the secret, 64 a token that hides it, as Django before 4.0
/// wrote it and 4.2 still reads. `None` for everything else, which Django takes for no cookie at all.
#[must_use]
pub fn secret_of_cookie(value: &[u8]) -> Option<[u8; SECRET_LENGTH]> {
    // Python's cookie reader, which Django uses, takes the quotation marks off.
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    secret_of_token(value)
}

/// The secret that a token stands for, where it has a token's form.
pub(crate) fn secret_of_token(token: &[u8]) -> Option<[u8; SECRET_LENGTH]> {
    if let Ok(secret) = <[u8; SECRET_LENGTH]>::try_from(token) {
        return secret.iter().all(u8::is_ascii_alphanumeric).then_some(secret);
    }
    let token = <&[u8; TOKEN_LENGTH]>::try_from(token).ok()?;
    let (mask, hidden) = token.split_at(SECRET_LENGTH);
    let mut secret = [0; SECRET_LENGTH];
    for (slot, (&mask, &hidden)) in secret.iter_mut().zip(mask.iter().zip(hidden)) {
        *slot = character(62 + place(hidden)? - place(mask)?);
    }
    Some(secret)
}

/// Whether 64 bytes are a token of `secret`. Most are found not to be by the first letter.
pub(super) fn stands_for(token: &[u8], secret: &[u8; SECRET_LENGTH]) -> bool {
    let Some((mask, hidden)) = token.split_at_checked(SECRET_LENGTH) else { return false };
    mask.iter().zip(hidden).zip(secret).all(|((&mask, &hidden), &secret)| {
        let (Some(mask), Some(hidden)) = (place(mask), place(hidden)) else { return false };
        character(62 + hidden - mask) == secret
    })
}

/// A secret for a visitor who has none. Of any 32 random bytes each of the 62³² secrets comes of with the same chance, to
/// one part in four thousand million.
#[must_use]
pub fn new_secret(random: &[u8; 32]) -> [u8; SECRET_LENGTH] {
    let mut secret = [0; SECRET_LENGTH];
    let (first, second) = secret.split_at_mut(16);
    let (first_random, second_random) = random.split_at(16);
    digits(first_random, first);
    digits(second_random, second);
    secret
}

/// Sixteen digits of the fraction that 16 random bytes are, to the base 62. 62¹⁶ fractions into 2¹²⁸ leaves a bias of 2⁻³².
fn digits(random: &[u8], into: &mut [u8]) {
    let half = |bytes: Option<&[u8]>| {
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
    };
    let (mut high, mut low) = (half(random.get(..8)), half(random.get(8..16)));
    for slot in into {
        let carried = u128::from(low) * 62;
        let product = u128::from(high) * 62 + (carried >> 64);
        (high, low) = (lower(product), lower(carried));
        *slot = character(lower(product >> 64).to_le_bytes()[0]);
    }
}

/// The lower half.
fn lower(value: u128) -> u64 {
    u64::try_from(value & u128::from(u64::MAX)).unwrap_or_default()
}

/// A token for `secret`, new for every 32 random bytes.
#[must_use]
pub fn mask(secret: &[u8; SECRET_LENGTH], random: &[u8; 32]) -> [u8; TOKEN_LENGTH] {
    masked(secret, &new_secret(random))
}

/// The token that this very mask makes of `secret`.
fn masked(secret: &[u8; SECRET_LENGTH], mask: &[u8; SECRET_LENGTH]) -> [u8; TOKEN_LENGTH] {
    let mut token = [0; TOKEN_LENGTH];
    let (written, hidden) = token.split_at_mut(SECRET_LENGTH);
    written.copy_from_slice(mask);
    for (slot, (&secret, &mask)) in hidden.iter_mut().zip(secret.iter().zip(mask)) {
        // Characters that are none can't come here from `secret_of_cookie`; they'd count as the first.
        *slot = character(place(secret).unwrap_or(0) + place(mask).unwrap_or(0));
    }
    token
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ALPHABET, character, mask, masked, new_secret, place, secret_of_cookie};

    /// Made by the real thing: see `tests/vectors/make_csrf.py`.
    const VECTORS: &str = include_str!("../../tests/vectors/csrf.txt");

    fn vectors() -> impl Iterator<Item = Vec<&'static str>> {
        VECTORS.lines().filter(|line| !line.starts_with('#')).map(|l| l.split(' ').collect())
    }

    fn sized<const N: usize>(text: &str) -> [u8; N] {
        text.as_bytes().try_into().expect(text)
    }

    #[test]
    fn tokens_are_those_of_django() {
        let mut seen = 0;
        for line in vectors().filter(|line| line[0] == "token") {
            let [_, _, secret, mask, token] = line[..] else { panic!("{line:?}") };
            assert_eq!(masked(&sized(secret), &sized(mask)), sized::<64>(token), "{line:?}");
            seen += 1;
        }
        assert!(seen >= 16, "{seen}");
    }

    #[test]
    fn cookies_are_read_as_django_reads_them() {
        let mut seen = 0;
        for line in vectors().filter(|line| line[0] == "cookie") {
            let [_, _, cookie, secret] = line[..] else { panic!("{line:?}") };
            let expected = (secret != "-").then(|| sized(secret));
            assert_eq!(secret_of_cookie(cookie.as_bytes()), expected, "{line:?}");
            seen += 1;
        }
        assert!(seen >= 10, "{seen}");
    }

    #[test]
    fn the_alphabet_and_its_places_agree() {
        for (at, &letter) in (0..).zip(ALPHABET) {
            assert_eq!((place(letter), character(at)), (Some(at), letter));
        }
        assert_eq!(character(62), b'a');
    }

    #[test]
    fn new_secrets_reach_the_first_and_the_last_character() {
        assert_eq!(new_secret(&[0; 32]), [b'a'; 32]);
        assert_eq!(new_secret(&[255; 32]), [b'9'; 32]);
    }

    #[test]
    fn new_secrets_use_all_characters_alike() {
        let mut counts = [0_u32; 62];
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let random = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            });
            for letter in new_secret(&random) {
                counts[usize::from(place(letter).expect("a character"))] += 1;
            }
        }
        // 640,000 characters: 10,323 of each, with a deviation of about 101.
        assert!(counts.iter().all(|&n| (9_700..=10_950).contains(&n)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn a_token_gives_its_secret_back(secret: [u8; 32], random: [u8; 32]) {
            let secret = new_secret(&secret);
            let token = mask(&secret, &random);
            prop_assert!(token.iter().all(u8::is_ascii_alphanumeric));
            prop_assert_eq!(secret_of_cookie(&token), Some(secret));
            prop_assert_eq!(secret_of_cookie(&secret), Some(secret));
        }

        #[test]
        fn any_cookie_is_read_without_a_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let secret = secret_of_cookie(&value);
            prop_assert!(secret.is_none_or(|s| s.iter().all(u8::is_ascii_alphanumeric)));
        }
    }
}

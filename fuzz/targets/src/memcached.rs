//! What a Memcached server says, which may be anything.

use bytes::BytesMut;
use larder_memcached::answer::{Answer, Garbage, Numbered, read};
use larder_memcached::limits::SAID_MAX;

/// Bytes of a value here: few, so that both sides of the limit are met.
const VALUE_MAX: usize = 64;

/// Answers do not depend on the pieces in which they come, and keep their limits.
pub fn answer(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let piece = usize::from(*first % 7) + 1;
    let at_once = all_of(rest, rest.len().max(1));
    let in_pieces = all_of(rest, piece);
    assert_eq!(at_once, in_pieces, "in pieces of {piece}");
    for Numbered { answer, .. } in &at_once.0 {
        match answer {
            Answer::Value { bytes, .. } => assert!(bytes.len() <= VALUE_MAX),
            Answer::Refused(said) | Answer::Unknown(said) => {
                assert!(said.chars().count() <= SAID_MAX && !said.contains(char::is_control));
            }
            Answer::Done | Answer::Absent | Answer::NotStored => {}
        }
    }
}

/// The answers, where so many bytes come at a time, and what ended them.
fn all_of(data: &[u8], piece: usize) -> (Vec<Numbered>, Option<Garbage>) {
    let (mut buffer, mut answers) = (BytesMut::new(), Vec::new());
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match read(&mut buffer, VALUE_MAX) {
                Ok(Some(answer)) => {
                    assert!(buffer.len() < before, "an answer takes bytes");
                    answers.push(answer);
                }
                Ok(None) => {
                    assert_eq!(buffer.len(), before, "what is no answer yet takes none");
                    break;
                }
                Err(garbage) => return (answers, Some(garbage)),
            }
        }
    }
    (answers, None)
}

//! What is known of a stored body: intervals of its bytes and its complete length.
//!
//! A complete body is one interval from zero to the end. A body known in part (RFC 9111 §3.3) has
//! gaps. Intervals of two responses are joined only if the caller has found that both belong to
//! one representation by a strong validator (RFC 9111 §3.4).
//!
//! A page that is somewhat different for each visitor has holes: positions between its bytes where something of the visitor's
//! own is put when they get it (`personal`). No other is ever sent as it is stored.

use bytes::{Bytes, BytesMut};
use larder_html::Include;
use larder_store::allocated;

use crate::finish::FILLING_BYTES;
use crate::limits;

/// One interval: its first position and its bytes, in blocks.
#[derive(Clone, Debug)]
struct Piece {
    first: u64,
    end: u64,
    blocks: Box<[Bytes]>,
}

/// The known bytes of one representation. Intervals are sorted and do not touch.
#[derive(Clone, Debug)]
pub struct StoredBody {
    pieces: Box<[Piece]>,
    /// The complete length, where it is known.
    complete: Option<u64>,
    /// `None`: the same for all. None at all in the list: the visitor gets a secret for forms elsewhere.
    holes: Option<Box<Holes>>,
}

/// What of a page is for each visitor otherwise.
#[derive(Clone, Debug, Default)]
pub struct Holes {
    /// Where something is put in, in order.
    pub places: Vec<Hole>,
    /// What the places for includes are for, in order.
    pub includes: Vec<Include>,
    /// Whether visitors get a secret for forms.
    pub secret: bool,
}

/// A place for something of the visitor's own: between the bytes before `at` and the one at `at`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hole {
    /// Where it is.
    pub at: u64,
    /// What is put there.
    pub filling: Filling,
}

/// What is put into a hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Filling {
    /// A token of the visitor's secret.
    Token,
    /// What the next include brings.
    Include,
}

impl StoredBody {
    /// A complete body made of `chunks`.
    #[must_use]
    pub fn whole(chunks: &[Bytes]) -> Self {
        let piece = Piece::of(0, chunks);
        let complete = Some(piece.end);
        let pieces = if piece.end == 0 { Box::default() } else { Box::from([piece]) };
        Self { pieces, complete, holes: None }
    }

    /// The same, with holes.
    #[must_use]
    pub fn with_holes(self, mut holes: Holes) -> Self {
        holes.places.shrink_to_fit();
        holes.includes.shrink_to_fit();
        Self { holes: Some(Box::new(holes)), ..self }
    }

    /// Whether it is somewhat different for each visitor.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.holes.is_some()
    }

    /// Its holes, in order.
    #[must_use]
    pub fn holes(&self) -> &[Hole] {
        self.holes.as_ref().map_or(&[], |holes| &holes.places)
    }

    /// What is to be included, in order.
    #[must_use]
    pub fn includes(&self) -> &[Include] {
        self.holes.as_ref().map_or(&[], |holes| &holes.includes)
    }

    /// Whether visitors get a secret for forms with it.
    #[must_use]
    pub fn gives_secret(&self) -> bool {
        self.holes.as_ref().is_some_and(|holes| holes.secret)
    }

    /// Its length as a visitor gets it; `None` where that depends on what is included.
    #[must_use]
    pub fn filled_length(&self) -> Option<u64> {
        if !self.includes().is_empty() {
            return None;
        }
        Some(self.complete.unwrap_or_default() + self.holes().len() as u64 * FILLING_BYTES)
    }

    /// The bytes from `first` on of a body that is `complete` long, if that is known.
    #[must_use]
    pub fn part(first: u64, chunks: &[Bytes], complete: Option<u64>) -> Self {
        Self { pieces: Box::from([Piece::of(first, chunks)]), complete, holes: None }
    }

    /// The complete length, where it is known.
    #[must_use]
    pub fn complete(&self) -> Option<u64> {
        self.complete
    }

    /// Whether every byte is known.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match (self.complete, &*self.pieces) {
            (Some(0), []) => true,
            (Some(complete), [only]) => only.first == 0 && only.end == complete,
            _ => false,
        }
    }

    /// Whether every byte from `first` to `last`, inclusive, is known.
    #[must_use]
    pub fn covers(&self, first: u64, last: u64) -> bool {
        self.pieces.iter().any(|piece| piece.first <= first && last < piece.end)
    }

    /// The whole body as one slice, if it lies in one block.
    #[must_use]
    pub fn as_single(&self) -> Option<&Bytes> {
        match &*self.pieces {
            [Piece { first: 0, blocks, .. }] if blocks.len() == 1 => blocks.first(),
            _ => None,
        }
    }

    /// Up to one block of the bytes from `position` on and before `end`; `None` where nothing is
    /// known there.
    #[must_use]
    pub fn read(&self, position: u64, end: u64) -> Option<Bytes> {
        let piece = self.pieces.iter().find(|p| p.first <= position && position < p.end)?;
        let mut skip = usize::try_from(position - piece.first).ok()?;
        for block in &piece.blocks {
            if skip < block.len() {
                let wanted = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX);
                let to = block.len().min(skip.saturating_add(wanted));
                return (skip < to).then(|| block.slice(skip..to));
            }
            skip -= block.len();
        }
        None
    }

    /// Both bodies' intervals together. `None` if their complete lengths contradict each other or
    /// there would be too many pieces.
    #[must_use]
    pub fn join(&self, newer: &Self) -> Option<Self> {
        let complete = match (self.complete, newer.complete) {
            (Some(a), Some(b)) if a != b => return None,
            (a, b) => b.or(a),
        };
        let mut all: Vec<&Piece> = self.pieces.iter().chain(&newer.pieces).collect();
        all.sort_by_key(|piece| piece.first);
        let mut joined: Vec<Piece> = Vec::with_capacity(all.len());
        for piece in all {
            match joined.last_mut() {
                Some(last) if piece.first <= last.end => last.extend(piece),
                _ => joined.push(piece.clone()),
            }
        }
        let beyond = complete.is_some_and(|c| joined.last().is_some_and(|piece| piece.end > c));
        if beyond || joined.len() > limits::PIECES_MAX {
            return None;
        }
        if self.is_personal() || newer.is_personal() {
            return None;
        }
        Some(Self { pieces: joined.into(), complete, holes: None })
    }

    /// The heap bytes of the body.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let blocks: usize = self.pieces.iter().map(Piece::heap_bytes).sum();
        let holes = self.holes.as_ref().map_or(0, |holes| holes.heap_bytes());
        allocated(size_of_val(&*self.pieces)) + holes + blocks
    }
}

impl Holes {
    fn heap_bytes(&self) -> usize {
        let text = |text: &String| allocated(text.capacity());
        let of = |include: &Include| text(&include.src) + include.alt.as_ref().map_or(0, text);
        allocated(size_of::<Self>())
            + allocated(self.places.capacity() * size_of::<Hole>())
            + allocated(self.includes.capacity() * size_of::<Include>())
            + self.includes.iter().map(of).sum::<usize>()
    }
}

impl Piece {
    /// Copies `chunks` into blocks of their own: what came from a connection shares its buffer.
    fn of(first: u64, chunks: &[Bytes]) -> Self {
        let total: usize = chunks.iter().map(Bytes::len).sum();
        let mut blocks = Vec::with_capacity(total.div_ceil(limits::BLOCK_BYTES));
        let mut left = total;
        let mut block = BytesMut::with_capacity(left.min(limits::BLOCK_BYTES));
        for chunk in chunks {
            let mut rest = chunk.as_ref();
            while !rest.is_empty() {
                let room = limits::BLOCK_BYTES - block.len();
                let (now, later) = rest.split_at(room.min(rest.len()));
                block.extend_from_slice(now);
                rest = later;
                if block.len() == limits::BLOCK_BYTES {
                    left -= limits::BLOCK_BYTES;
                    let next = BytesMut::with_capacity(left.min(limits::BLOCK_BYTES));
                    blocks.push(std::mem::replace(&mut block, next).freeze());
                }
            }
        }
        if !block.is_empty() {
            blocks.push(block.freeze());
        }
        Self { first, end: first.saturating_add(total as u64), blocks: blocks.into() }
    }

    /// Appends what `other` has beyond this piece; both overlap or touch.
    fn extend(&mut self, other: &Self) {
        let Some(known) = self.end.checked_sub(other.first) else { return };
        let mut skip = usize::try_from(known).unwrap_or(usize::MAX);
        let mut blocks = std::mem::take(&mut self.blocks).into_vec();
        for block in &other.blocks {
            if skip >= block.len() {
                skip -= block.len();
                continue;
            }
            blocks.push(Bytes::copy_from_slice(block.get(skip..).unwrap_or_default()));
            skip = 0;
        }
        self.blocks = blocks.into();
        self.end = self.end.max(other.end);
    }

    fn heap_bytes(&self) -> usize {
        // A frozen block has a control block besides its bytes.
        const SHARED_BYTES: usize = 48;
        let bytes: usize =
            self.blocks.iter().map(|block| allocated(block.len()) + SHARED_BYTES).sum();
        allocated(size_of_val(&*self.blocks)) + bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(text.as_bytes())]
    }

    fn text(body: &StoredBody, first: u64, last: u64) -> String {
        let mut out = Vec::new();
        let mut position = first;
        while position <= last {
            let Some(block) = body.read(position, last + 1) else { break };
            position += block.len() as u64;
            out.extend_from_slice(&block);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_whole_body_of_many_blocks_reads_back() {
        let pattern: Vec<u8> = (0..200_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let chunks: Vec<Bytes> = pattern.chunks(7001).map(Bytes::copy_from_slice).collect();
        let body = StoredBody::whole(&chunks);
        assert!(body.is_whole());
        assert_eq!(body.complete(), Some(200_000));
        let mut read = Vec::new();
        while let Some(block) = body.read(read.len() as u64, 200_000) {
            read.extend_from_slice(&block);
        }
        assert_eq!(read, pattern);
        assert!(body.heap_bytes() < 210_000);
    }

    #[test]
    fn an_empty_body_is_whole() {
        let body = StoredBody::whole(&[]);
        assert!(body.is_whole());
        assert!(body.read(0, 10).is_none());
        assert!(!body.covers(0, 0));
    }

    #[test]
    fn parts_join_where_they_touch_or_overlap_and_stay_apart_where_not() {
        let cases = [
            ("touching", (0, "01234"), (5, "56789"), true, Some((0, 9))),
            ("overlapping", (0, "012345"), (3, "3456789"), true, Some((0, 9))),
            ("contained", (0, "0123456789"), (3, "345"), true, Some((0, 9))),
            ("reversed", (5, "56789"), (0, "01234"), true, Some((0, 9))),
            ("gap", (0, "012"), (5, "56789"), false, None),
        ];
        for (name, a, b, whole, range) in cases {
            let a = StoredBody::part(a.0, &bytes(a.1), Some(10));
            let b = StoredBody::part(b.0, &bytes(b.1), Some(10));
            let joined = a.join(&b).unwrap();
            assert_eq!(joined.is_whole(), whole, "{name}");
            match range {
                Some((first, last)) => assert_eq!(text(&joined, first, last), "0123456789"),
                None => {
                    assert!(joined.covers(0, 2) && joined.covers(5, 9), "{name}");
                    assert!(!joined.covers(2, 5), "{name}");
                }
            }
        }
    }

    #[test]
    fn contradicting_lengths_do_not_join() {
        let a = StoredBody::part(0, &bytes("01234"), Some(10));
        let b = StoredBody::part(5, &bytes("56789"), Some(11));
        assert!(a.join(&b).is_none());
    }

    #[test]
    fn an_unknown_length_is_learnt_and_bounds_what_is_known() {
        let a = StoredBody::part(0, &bytes("01234"), None);
        let b = StoredBody::part(5, &bytes("56789"), Some(10));
        assert!(a.join(&b).unwrap().is_whole());
        let short = StoredBody::part(0, &bytes("0"), Some(3));
        assert!(a.join(&short).is_none(), "known bytes lie beyond the complete length");
    }

    #[test]
    fn a_read_stops_at_its_end() {
        let body = StoredBody::whole(&bytes("0123456789"));
        assert_eq!(text(&body, 2, 4), "234");
        assert_eq!(body.read(2, 5).unwrap(), "234");
        assert!(body.read(10, 20).is_none());
    }
}

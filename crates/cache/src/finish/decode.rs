//! What does a page say behind its content coding? A copy of it is decoded, to be looked through (RFC 9110 §8.4.1, RFC 9659).
//!
//! What comes out is looked at and thrown away, and no more of it than the limit, whatever went in.

use std::io::{self, Read, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::header::{self, HeaderMap};
use larder_html::{Framework, Scanner};
use ruzstd::decoding::StreamingDecoder;

/// A content coding that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`, which is the zlib format.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

impl Coding {
    /// That of an answer; `None` for one that can't be read, or several.
    pub(super) fn of(response: &HeaderMap) -> Option<Self> {
        let mut lines = response.get_all(header::CONTENT_ENCODING).iter();
        let Some(line) = lines.next() else { return Some(Self::Identity) };
        if lines.next().is_some() {
            return None;
        }
        let known = [
            ("identity", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ];
        let line = line.as_bytes().trim_ascii();
        let found = known.iter().find(|(name, _)| line.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, coding)| *coding)
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There is more of it than is looked at.
    TooLarge,
    /// It is not what its coding says, or breaks off.
    Malformed,
}

/// Decodes what is pushed and has it looked through.
pub(super) enum Decoder {
    Identity(Looked),
    Gzip(Box<MultiGzDecoder<Looked>>),
    Deflate(Box<ZlibDecoder<Looked>>),
    Brotli(Box<DecompressorWriter<Looked>>),
    /// This one pulls, so what it reads is collected first.
    Zstd(Vec<Bytes>, Looked),
}

/// Where decoded bytes go.
pub(super) struct Looked {
    scanner: Scanner,
    left: u64,
    is_over: bool,
}

/// Bytes that a decoder hands over at once.
const BUFFER_BYTES: usize = 16 * 1024;

impl Looked {
    fn look(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                self.scanner.push(bytes);
                Ok(())
            }
            None => {
                self.is_over = true;
                Err(Unreadable::TooLarge)
            }
        }
    }
}

impl Write for Looked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.look(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    pub(super) fn new(coding: Coding, scanner: Scanner, bytes_max: u64) -> Self {
        let looked = Looked { scanner, left: bytes_max, is_over: false };
        match coding {
            Coding::Identity => Self::Identity(looked),
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(looked))),
            Coding::Deflate => Self::Deflate(Box::new(ZlibDecoder::new(looked))),
            Coding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(looked, BUFFER_BYTES))),
            Coding::Zstd => Self::Zstd(Vec::new(), looked),
        }
    }

    pub(super) fn push(&mut self, bytes: &Bytes) -> Result<(), Unreadable> {
        let done = match self {
            Self::Identity(looked) => return looked.look(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Deflate(decoder) => decoder.write_all(bytes),
            Self::Brotli(decoder) => decoder.write_all(bytes),
            Self::Zstd(chunks, _) => {
                chunks.push(bytes.clone());
                Ok(())
            }
        };
        done.map_err(|_| self.unreadable())
    }

    pub(super) fn finish(&mut self) -> Result<(), Unreadable> {
        let done = match self {
            Self::Identity(_) => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
            Self::Zstd(chunks, looked) => unpack(chunks, looked),
        };
        done.map_err(|_| self.unreadable())
    }

    pub(super) fn found(&self) -> Option<Framework> {
        self.looked().scanner.found()
    }

    fn unreadable(&self) -> Unreadable {
        if self.looked().is_over { Unreadable::TooLarge } else { Unreadable::Malformed }
    }

    fn looked(&self) -> &Looked {
        match self {
            Self::Identity(looked) | Self::Zstd(_, looked) => looked,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Deflate(decoder) => decoder.get_ref(),
            Self::Brotli(decoder) => decoder.get_ref(),
        }
    }
}

/// Reads the one frame that `chunks` are.
fn unpack(chunks: &[Bytes], looked: &mut Looked) -> io::Result<()> {
    let mut all = Chained { chunks, position: 0 };
    let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
    let mut decoder = StreamingDecoder::new(&mut all).map_err(malformed)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = decoder.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        looked.write_all(buffer.get(..count).unwrap_or_default())?;
    }
    drop(decoder);
    // A second frame was not looked at.
    if all.read(&mut buffer)? == 0 { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Several chunks, read as one.
struct Chained<'a> {
    chunks: &'a [Bytes],
    position: usize,
}

impl Read for Chained<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((first, rest)) = self.chunks.split_first() {
            let mut left = first.get(self.position..).unwrap_or_default();
            let count = left.read(buffer)?;
            self.position += count;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            (self.chunks, self.position) = (rest, 0);
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const FORM: &str = "<form method=post><input type=hidden name=csrfmiddlewaretoken value=abcdefABCDEF0123456789abcdefABCD></form>";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// One metablock that is not compressed, and an empty last one (RFC 7932 §9.2).
    fn brotli(text: &[u8]) -> Vec<u8> {
        // WBITS 16: one bit 0. ISLAST 0, MNIBBLES 4: 00, MLEN-1 in 16 bits, ISUNCOMPRESSED 1; then padding to a byte.
        let length = u32::try_from(text.len() - 1).unwrap();
        let bits = length << 4 | 1 << 20;
        let mut bytes = bits.to_le_bytes()[..3].to_vec();
        bytes.extend_from_slice(text);
        bytes.push(3);
        bytes
    }

    fn look(coding: Coding, body: &[u8], step: usize, max: u64) -> (Option<Framework>, bool) {
        let mut decoder = Decoder::new(coding, Scanner::new(), max);
        let pushed: Result<(), Unreadable> =
            body.chunks(step).try_for_each(|chunk| decoder.push(&Bytes::copy_from_slice(chunk)));
        let read = pushed.and_then(|()| decoder.finish());
        (decoder.found(), read.is_ok())
    }

    #[test]
    fn a_token_is_found_behind_every_coding_and_however_the_body_comes() {
        let page = format!("<html>{}{FORM}", "<p>text</p>".repeat(3000));
        let plain = "<html>".to_owned() + &"<p>text</p>".repeat(3000);
        type Encode = fn(&[u8]) -> Vec<u8>;
        let codings: [(Coding, Encode); 5] = [
            (Coding::Identity, |text| text.to_vec()),
            (Coding::Gzip, gzip),
            (Coding::Deflate, zlib),
            (Coding::Brotli, brotli),
            (Coding::Zstd, zstd),
        ];
        for (coding, encode) in codings {
            for step in [1, 7, 4096, 1 << 20] {
                let found = look(coding, &encode(page.as_bytes()), step, 1 << 20);
                assert_eq!(found, (Some(Framework::Django), true), "{coding:?} {step}");
                let found = look(coding, &encode(plain.as_bytes()), step, 1 << 20);
                assert_eq!(found, (None, true), "{coding:?} {step}");
            }
        }
    }

    #[test]
    fn what_breaks_off_or_is_something_else_is_not_taken_for_read() {
        let page = "<p>text</p>".repeat(3000);
        for (coding, whole) in [
            (Coding::Gzip, gzip(page.as_bytes())),
            (Coding::Deflate, zlib(page.as_bytes())),
            (Coding::Brotli, brotli(page.as_bytes())),
            (Coding::Zstd, zstd(page.as_bytes())),
        ] {
            for cut in [1, whole.len() / 2, whole.len() - 1] {
                assert!(!look(coding, &whole[..cut], 100, 1 << 20).1, "{coding:?} {cut}");
            }
            assert!(!look(coding, page.as_bytes(), 100, 1 << 20).1, "{coding:?}");
            // A browser may read on where this one stops.
            let with_more = [&whole[..], FORM.as_bytes()].concat();
            assert!(!look(coding, &with_more, 100, 1 << 20).1, "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_goes_off_at_the_limit() {
        let zeros = vec![b' '; 10_000_000];
        for (coding, body) in [
            (Coding::Gzip, gzip(&zeros)),
            (Coding::Deflate, zlib(&zeros)),
            (Coding::Zstd, zstd(&zeros)),
        ] {
            let mut decoder = Decoder::new(coding, Scanner::new(), 100_000);
            let pushed = decoder.push(&body.into());
            let read = pushed.and_then(|()| decoder.finish());
            assert_eq!(read, Err(Unreadable::TooLarge), "{coding:?}");
            assert!(decoder.looked().left <= 100_000);
        }
    }
}

//! Which pages does a sitemap name? <https://www.sitemaps.org/protocol.html>
//!
//! Of the XML only what a sitemap needs is read: the names of elements, text, entities, CDATA; comments and instructions are
//! skipped. What is not well-formed gives fewer pages and never an error: somebody else made the file.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::limits::SITEMAP_BYTES_MAX;

/// What a file names, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sitemap {
    pub(super) pages: Vec<String>,
    /// Other sitemaps: the file is an index.
    pub(super) maps: Vec<String>,
}

/// The bytes of a file that may be gzipped, up to a limit.
pub(super) fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(bytes);
    }
    let most = SITEMAP_BYTES_MAX as u64;
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes.as_slice()).take(most + 1);
    reader.read_to_end(&mut unpacked).map_err(|error| format!("it can't be unpacked: {error}"))?;
    if unpacked.len() as u64 > most {
        return Err(format!("unpacked it has more than {most} bytes"));
    }
    Ok(unpacked)
}

/// Reads a sitemap or an index of sitemaps.
pub(super) fn read(bytes: &[u8]) -> Result<Sitemap, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut sitemap = Sitemap::default();
    // The root's prefix: `<s:urlset>` has `<s:loc>`, and `<image:loc>` is no page.
    let mut root: Option<(bool, String)> = None;
    let mut rest = &*text;
    while let Some(at) = rest.find('<') {
        let tag = rest.get(at..).unwrap_or_default();
        if let Some(after) = skipped(tag) {
            rest = after;
            continue;
        }
        let Some(end) = tag.find('>') else { break };
        let (inside, after) = (tag.get(1..end).unwrap_or_default(), tag.get(end + 1..));
        rest = after.unwrap_or_default();
        let name = inside.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        match &root {
            None if local == "urlset" || local == "sitemapindex" => {
                root = Some((local == "sitemapindex", prefix.to_owned()));
            }
            None if name.is_empty() => {}
            None => return Err(format!("it is no sitemap: it begins with <{}>", short(name))),
            Some((is_index, expected)) if local == "loc" && prefix == expected => {
                let (url, after) = content(rest);
                rest = after;
                let url = encoded(url.trim());
                if !url.is_empty() {
                    let list = if *is_index { &mut sitemap.maps } else { &mut sitemap.pages };
                    list.push(url);
                }
            }
            Some(_) => {}
        }
    }
    if root.is_none() {
        return Err("it is no sitemap: it has no <urlset> or <sitemapindex>".to_owned());
    }
    Ok(sitemap)
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

/// What follows a comment, an instruction, a declaration.
fn skipped(tag: &str) -> Option<&str> {
    let behind = |end: &str| {
        let at = tag.find(end).map_or(tag.len(), |at| at + end.len());
        tag.get(at..)
    };
    if tag.starts_with("<!--") {
        behind("-->")
    } else if tag.starts_with("<![CDATA[") {
        behind("]]>")
    } else if tag.starts_with("<?") {
        behind("?>")
    } else if tag.starts_with("<!") {
        behind(">")
    } else {
        None
    }
}

/// The text up to the next tag, and what follows it.
fn content(mut rest: &str) -> (String, &str) {
    let mut text = String::new();
    loop {
        let at = rest.find('<').unwrap_or(rest.len());
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(&decoded(before));
        rest = after;
        if let Some(inside) = rest.strip_prefix("<![CDATA[") {
            let (inside, after) = inside.split_once("]]>").unwrap_or((inside, ""));
            text.push_str(inside);
            rest = after;
        } else if rest.starts_with("<!--") {
            rest = skipped(rest).unwrap_or_default();
        } else {
            return (text, rest);
        }
    }
}

/// XML's own entities and those by number. Others stay as they are.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let read = entity.and_then(|(name, after)| Some((character(name)?, after)));
        if let Some((character, after)) = read {
            out.push(character);
            rest = after;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}

/// What can't stand in a URL, percent-encoded, as browsers do it.
pub(super) fn encoded(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn pages_and_maps_are_read_and_nothing_else() {
        let pages = r#"<?xml version="1.0" encoding="UTF-8"?>
            <!-- <urlset><url><loc>https://a/comment</loc></url> -->
            <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="x">
              <url><loc> https://a/?x=1&amp;y=2 </loc><lastmod>2026-01-01</lastmod>
                <image:image><image:loc>https://a/picture.png</image:loc></image:image></url>
              <url><loc><![CDATA[https://a/cdata?x&y]]></loc></url>
              <url><loc>https://a/gr&#252;n&#x2F;</loc><!-- no --></url>
              <url><loc>https://a/ä b</loc></url><url><loc/></url><url><loc></loc></url>
              <url><loc>https://a/cut"#;
        let expected = [
            "https://a/?x=1&y=2",
            "https://a/cdata?x&y",
            "https://a/gr%C3%BCn/",
            "https://a/%C3%A4%20b",
            "https://a/cut",
        ];
        let read_pages = read(pages.as_bytes()).expect("a sitemap");
        assert_eq!(
            (read_pages.pages, read_pages.maps.len()),
            (expected.map(str::to_owned).into(), 0)
        );
        let index = "<s:sitemapindex xmlns:s='x'><s:sitemap><s:loc>https://a/1.xml</s:loc></s:sitemap></s:sitemapindex>";
        let read_index = read(index.as_bytes()).expect("an index");
        assert_eq!(
            (read_index.pages.len(), read_index.maps),
            (0, vec!["https://a/1.xml".to_owned()])
        );
        for other in ["", "hello", "<html><loc>https://a/</loc></html>"] {
            assert!(read(other.as_bytes()).expect_err(other).contains("no sitemap"), "{other}");
        }
    }

    #[test]
    fn what_is_gzipped_is_unpacked_and_not_without_end() {
        let packed = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        };
        assert_eq!(unpacked(packed(b"hello")), Ok(b"hello".to_vec()));
        assert_eq!(unpacked(b"hello".to_vec()), Ok(b"hello".to_vec()));
        let bomb = packed(&vec![b' '; SITEMAP_BYTES_MAX + 1]);
        assert!(bomb.len() < 1 << 20);
        assert!(unpacked(bomb).expect_err("too large").contains("more than"));
        assert!(unpacked(b"\x1f\x8bnonsense".to_vec()).is_err());
    }
}

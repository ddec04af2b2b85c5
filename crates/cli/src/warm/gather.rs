//! Which pages are to be fetched? Each once, in the order of the command line; of logs the most asked first.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use http::Uri;

use super::limits::{LINE_BYTES_MAX, SITEMAP_BYTES_MAX, SITEMAP_DEPTH_MAX, SITEMAPS_MAX, URLS_MAX};
use super::log::{Counts, Visit};
use super::sitemap::{self, encoded};
use super::visit::Visitor;
use crate::arguments::WarmWhat;

/// The pages, and what is to be said about where they are from.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) urls: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Where pages belong to that are named by a path.
struct Origin {
    scheme: String,
    /// `None`: nobody said.
    host: Option<String>,
}

impl Origin {
    /// A host, or a scheme and a host.
    fn of(said: Option<&str>) -> Result<Self, String> {
        let Some(said) = said else { return Ok(Self { scheme: "https".to_owned(), host: None }) };
        let (scheme, host) = said.split_once("://").unwrap_or(("https", said));
        let host = host.strip_suffix('/').unwrap_or(host);
        let is_host = !host.is_empty() && host.parse::<http::uri::Authority>().is_ok();
        if !matches!(scheme, "http" | "https") || !is_host {
            return Err(format!("--host: {said:?} is not an origin, such as https://example.com"));
        }
        Ok(Self { scheme: scheme.to_owned(), host: Some(host.to_owned()) })
    }

    /// The whole URL of a page of `host`, or of ours.
    fn url(&self, host: Option<&str>, target: &str) -> Option<String> {
        let host = host.or(self.host.as_deref())?;
        Some(format!("{}://{host}{target}", self.scheme))
    }
}

/// Everything that the command line names.
pub(super) async fn gather(what: &WarmWhat) -> Result<Gathered, String> {
    let origin = Origin::of(what.host.as_deref())?;
    let mut list = List::default();
    for url in &what.urls {
        list.take_named(url, &origin)?;
    }
    for sitemap in &what.sitemaps {
        take_sitemap(sitemap, &mut list).await?;
    }
    for file in &what.files {
        take_list(file, &origin, &mut list)
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if !what.logs.is_empty() {
        take_logs(what, &origin, &mut list)?;
    }
    let List { urls, notes, .. } = list;
    Ok(Gathered { urls, notes })
}

#[derive(Debug, Default)]
struct List {
    urls: Vec<String>,
    known: HashSet<String>,
    notes: Vec<String>,
}

impl List {
    fn take(&mut self, url: &str) {
        // A fragment is not sent, so it is the same page.
        let url = url.split('#').next().unwrap_or_default().to_owned();
        if self.urls.len() < URLS_MAX && !self.known.contains(&url) {
            self.known.insert(url.clone());
            self.urls.push(url);
        }
    }

    /// A URL that a person wrote, or a path.
    fn take_named(&mut self, text: &str, origin: &Origin) -> Result<(), String> {
        let url = if text.starts_with('/') {
            origin.url(None, &encoded(text)).ok_or_else(|| {
                format!("{text:?} is not a whole URL: say whose it is with --host")
            })?
        } else {
            encoded(text)
        };
        let is_whole = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
        });
        if !is_whole {
            return Err(format!("{text:?} is not a whole URL, such as https://example.com/"));
        }
        self.take(&url);
        Ok(())
    }
}

/// The pages of a sitemap and of those that it names.
async fn take_sitemap(place: &str, list: &mut List) -> Result<(), String> {
    let visitor = Visitor::default();
    let mut waiting = vec![(place.to_owned(), 0)];
    let mut seen = HashSet::from([place.to_owned()]);
    while let Some((place, depth)) = waiting.pop() {
        let read = match fetched(&visitor, &place).await {
            Ok(bytes) => sitemap::unpacked(bytes).and_then(|bytes| sitemap::read(&bytes)),
            Err(why) => Err(why),
        };
        let sitemap = match read {
            Ok(sitemap) => sitemap,
            Err(why) if depth == 0 => return Err(format!("{place}: {why}")),
            // One of many that is not there does not keep the others from being fetched.
            Err(why) => {
                list.notes.push(format!("{place}: {why}; left out"));
                continue;
            }
        };
        for page in sitemap.pages {
            if is_on_the_web(&page) {
                list.take(&page);
            }
        }
        // Last in, first out: turned round, they come in the order of the file.
        for map in sitemap.maps.into_iter().rev() {
            // No index leads to a file of this machine.
            let may = is_on_the_web(&map) && depth < SITEMAP_DEPTH_MAX;
            if may && seen.len() < SITEMAPS_MAX && seen.insert(map.clone()) {
                waiting.push((map, depth + 1));
            }
        }
    }
    Ok(())
}

fn is_on_the_web(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

/// A file, or whatever is at a URL.
async fn fetched(visitor: &Visitor, place: &str) -> Result<Vec<u8>, String> {
    if place.contains("://") {
        return visitor.get(place).await;
    }
    let file = File::open(place).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let most = SITEMAP_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 == most {
        return Err(format!("it has more than {SITEMAP_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// A reader of a file that may be gzipped; `-` is the standard input.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(path)?);
    if reader.fill_buf()?.starts_with(b"\x1f\x8b") {
        return Ok(Box::new(BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// URLs or paths, one a line. Empty lines and those that begin with # say nothing.
fn take_list(path: &Path, origin: &Origin, list: &mut List) -> Result<(), String> {
    let mut reader = open(path).map_err(|error| error.to_string())?;
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
        if read.map_err(|error| format!("line {number}: {error}"))? == 0 {
            break;
        }
        let text = line.trim();
        if !text.is_empty() && !text.starts_with('#') {
            list.take_named(text, origin).map_err(|why| format!("line {number}: {why}"))?;
        }
    }
    Ok(())
}

fn take_logs(what: &WarmWhat, origin: &Origin, list: &mut List) -> Result<(), String> {
    let mut counts = Counts::default();
    for path in &what.logs {
        let taken = open(path).and_then(|reader| counts.take(reader));
        taken.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let Counts { lines, skipped, .. } = counts;
    if skipped > 0 {
        list.notes.push(format!("{skipped} of {lines} lines of the logs could not be read"));
    }
    let mut homeless = 0_u64;
    for Visit { host, target } in counts.top(what.top) {
        match origin.url(host.as_deref(), &target) {
            Some(url) => list.take(&url),
            None => homeless += 1,
        }
    }
    if homeless > 0 {
        return Err("the log does not say whose pages they are: say it with --host".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_host_and_perhaps_a_scheme() {
        let cases = [
            (None, Some("a.test"), Some("https://a.test/x")),
            (None, None, None),
            (Some("b.test"), None, Some("https://b.test/x")),
            (Some("http://b.test:8080/"), None, Some("http://b.test:8080/x")),
            (Some("http://b.test"), Some("a.test"), Some("http://a.test/x")),
        ];
        for (said, host, expected) in cases {
            let url = Origin::of(said).expect("an origin").url(host, "/x");
            assert_eq!(url.as_deref(), expected, "{said:?} {host:?}");
        }
        for wrong in ["ftp://a", "a b", "", "https://", "a/b"] {
            assert!(Origin::of(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_comes_once_whatever_its_fragment() {
        let origin = Origin::of(Some("https://a")).expect("an origin");
        let mut list = List::default();
        for text in ["https://a/x", "/y", "https://a/x#top", "/y", "https://a/ü"] {
            list.take_named(text, &origin).expect(text);
        }
        assert_eq!(list.urls, ["https://a/x", "https://a/y", "https://a/%C3%BC"]);
        for wrong in ["x", "ftp://a/", "https://"] {
            assert!(list.take_named(wrong, &origin).is_err(), "{wrong}");
        }
    }
}

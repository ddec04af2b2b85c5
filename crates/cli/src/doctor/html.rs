//! What does a page say in its tags? A reader for looking, not for showing: whatever is broken is skipped.

/// A tag's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute; the empty text if it has none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(other, _)| other == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn is(&self, attribute: &str, value: &str) -> bool {
        self.get(attribute).is_some_and(|actual| actual.eq_ignore_ascii_case(value))
    }
}

/// More attributes than that has no tag that anybody wrote. Like a `<`, they end the reading of it, so that no page takes longer
/// than its length.
const ATTRIBUTES_MAX: usize = 64;

/// The tags of a page, in order. Comments, and what stands in scripts and styles, are no tags.
pub(super) fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((tag, after)) = tag(after) else {
            rest = after;
            continue;
        };
        rest = match tag.name.as_str() {
            "script" => after_end(after, "</script"),
            "style" => after_end(after, "</style"),
            _ => after,
        };
        tags.push(tag);
    }
    tags
}

/// What follows the closing tag, which may be in any case.
fn after_end<'a>(text: &'a str, end: &str) -> &'a str {
    let found = text.match_indices("</").map(|(at, _)| text.get(at..).unwrap_or_default());
    let mut ends = found
        .filter(|rest| rest.get(..end.len()).is_some_and(|start| start.eq_ignore_ascii_case(end)));
    ends.next().unwrap_or_default()
}

/// A tag, and what follows it. `None`: it is a closing one, or none at all.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let (name, mut rest) = split_while(text, |c| c.is_ascii_alphanumeric() || c == '-');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut attributes = Vec::new();
    while attributes.len() <= ATTRIBUTES_MAX {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((Tag { name: name.to_ascii_lowercase(), attributes }, after));
        }
        let (attribute, after) = split_while(rest, |c| !c.is_whitespace() && !"=></".contains(c));
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_start())?,
            None => ("", after),
        };
        if attribute.is_empty() && after.len() == rest.len() {
            return None;
        }
        attributes.push((attribute.to_ascii_lowercase(), value.replace("&amp;", "&")));
        rest = after;
    }
    None
}

fn value(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote);
        }
    }
    Some(split_while(text, |c| !c.is_whitespace() && c != '>' && c != '<'))
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Links that a visitor may follow, as they are written. Such as may do something are left out: nobody wants to be logged out
/// by a look at the site.
pub(super) fn links(tags: &[Tag]) -> impl Iterator<Item = &str> {
    let anchors = tags.iter().filter(|tag| tag.name == "a" && tag.get("download").is_none());
    anchors.filter_map(|tag| tag.get("href")).filter(|href| !may_act(href))
}

fn may_act(href: &str) -> bool {
    const ACTS: [&str; 13] = [
        "logout",
        "log-out",
        "log_out",
        "signout",
        "sign-out",
        "sign_out",
        "delete",
        "remove",
        "unsubscribe",
        "cancel",
        "destroy",
        "confirm",
        "add-to",
    ];
    let href = href.to_ascii_lowercase();
    href.contains('?') || ACTS.iter().any(|word| href.contains(word))
}

/// Files that a page is made of, as they are written.
pub(super) fn files(tags: &[Tag]) -> impl Iterator<Item = &str> {
    tags.iter().filter_map(|tag| match tag.name.as_str() {
        "script" | "img" | "source" => tag.get("src"),
        "link" => tag.get("href"),
        _ => None,
    })
}

/// Whether a path is that of a static file, by its last part.
pub(super) fn is_file(path: &str) -> bool {
    const KINDS: [&str; 18] = [
        "css",
        "js",
        "mjs",
        "map",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "ico",
        "woff",
        "woff2",
        "ttf",
        "otf",
        "webmanifest",
        "mp4",
    ];
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&&*kind.to_ascii_lowercase()))
}

/// Tokens against forged requests: the name of each, as frameworks write it into pages.
pub(super) fn csrf_tokens(tags: &[Tag]) -> Vec<&'static str> {
    const INPUTS: [&str; 6] = [
        // Django, Rails, Laravel, Express (csurf), ASP.NET, Flask and Symfony.
        "csrfmiddlewaretoken",
        "authenticity_token",
        "_token",
        "_csrf",
        "__RequestVerificationToken",
        "csrf_token",
    ];
    let has = |found: &dyn Fn(&Tag) -> bool| tags.iter().any(found);
    let filled = |tag: &Tag, attribute: &str| tag.get(attribute).is_some_and(|v| !v.is_empty());
    let mut names: Vec<&str> = INPUTS
        .into_iter()
        .filter(|name| {
            has(&|tag| tag.name == "input" && tag.is("name", name) && filled(tag, "value"))
        })
        .collect();
    if has(&|tag| tag.name == "meta" && tag.is("name", "csrf-token") && filled(tag, "content")) {
        names.push("csrf-token");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_whatever_state_they_are() {
        let page = "<!DOCTYPE html><!-- <a href=/no> --><A HREF='/a' class=x>a</A><a href=/b/c>b\
            <br/><img src=\"/i.png\" alt><script src=/s.js>if (a<b) '<a href=/no>'</SCRIPT>\
            <a\n href = \"/d?x=1&amp;y=2\" data-x='>'>d</a><a href=\"/open";
        let found: Vec<_> = tags(page);
        let names: Vec<_> = found.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["a", "a", "br", "img", "script", "a"]);
        let hrefs: Vec<_> = found.iter().filter_map(|tag| tag.get("href")).collect();
        assert_eq!(hrefs, ["/a", "/b/c", "/d?x=1&y=2"]);
        assert_eq!(files(&found).collect::<Vec<_>>(), ["/i.png", "/s.js"]);
        assert_eq!(found[3].get("alt"), Some(""));
    }

    #[test]
    fn no_text_makes_it_hang_or_fail() {
        for text in [
            "<", "<a", "<a =", "<a ==x>", "<a b='", "<a/>", "< a>", "<a =>", "<é>", "<!--",
            "<script>",
        ] {
            drop(tags(text));
        }
    }

    #[test]
    fn no_page_takes_longer_than_its_length() {
        for piece in
            ["<a<", "<a ", "<a b=", "<a b='", "<a b=\"<a b='", "<script>", "<!--", "<a b c ", "</"]
        {
            let page = piece.repeat(20_000);
            drop(tags(&page));
        }
    }

    #[test]
    fn links_that_may_do_something_are_not_followed() {
        let page = "<a href=/blog/>b</a><a href=/accounts/logout/>l</a><a href=/x?delete=1>x</a>\
            <a href=/Item/Delete/3>d</a><a href=/f.pdf download>f</a>";
        assert_eq!(links(&tags(page)).collect::<Vec<_>>(), ["/blog/"]);
    }

    #[test]
    fn tokens_of_frameworks_are_known_and_empty_ones_are_none() {
        let cases: [(&str, &[&str]); 8] = [
            (
                "<input type='hidden' name='csrfmiddlewaretoken' value='x'>",
                &["csrfmiddlewaretoken"],
            ),
            ("<input name=authenticity_token value=x>", &["authenticity_token"]),
            ("<input name=_token value=x autocomplete=off>", &["_token"]),
            ("<input name=_csrf value=x>", &["_csrf"]),
            ("<meta name=csrf-token content=x>", &["csrf-token"]),
            ("<meta name=csrf-token content=''><input name=_token value=''>", &[]),
            ("<input name=token value=x><input name=csrf value=x>", &[]),
            ("<p>csrfmiddlewaretoken</p>", &[]),
        ];
        for (page, expected) in cases {
            assert_eq!(csrf_tokens(&tags(page)), expected, "{page}");
        }
    }

    #[test]
    fn files_are_known_by_their_last_part() {
        for path in ["/a.css", "/x/app.3f2a.js", "/A.PNG", "/favicon.ico"] {
            assert!(is_file(path), "{path}");
        }
        for path in ["/", "/css", "/a.html", "/a.css/b", "/v1.0/x"] {
            assert!(!is_file(path), "{path}");
        }
    }
}

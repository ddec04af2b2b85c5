//! What is a token and what is only talk of one.

use proptest::prelude::*;

use super::{Framework, Scanner, scan};
use crate::browser::tokens;

const DJANGO: &str = "vg4jpzrtZU1gEJ087Oz9RjTk3n0PHNPGSqrFCfIbWBGkgnaGR3JCfAQYLWew1ECt";
const RAILS: &str =
    "nqSHtQ4Y0pCk9h0Z2mB6wH3ZfZ3yq7qF6mX1T+8x0Uq/0r5bYk3dJ9mQ2sV4c7eXw1aLr8hTzG0nB5iKoP6uYg==";
const LARAVEL: &str = "pX8kQ2mZ4vB7nC1sD5fG9hJ3lR6tY0wE2uI8oA4q";
const UUID: &str = "4bfd1575-3ad1-4d21-96c7-4ef2d9f86721";
const ASP: &str =
    "CfDJ8NrAkS9eZ0tHqB1yX5mQ2vW8uL3oP7iY6tR4eW2qA1sD3fG5hJ7kL9zX8cV6bN4mM2nB0vC1xZ3aS5dF7gH9jK";
const PHOENIX: &str = "EQxGVhcWAg8NGjwbEx0vHzcJXFUzAQcPxk1Yd9Zq3LrT7mW2sB5nC8vK";

#[test]
fn every_frameworks_markup_is_found() {
    use Framework::{AspNet, Django, Laravel, Phoenix, Rails, Spring};
    let pages = [
        (
            Django,
            format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{DJANGO}\">"),
        ),
        (
            Rails,
            format!(
                "<input type=\"hidden\" name=\"authenticity_token\" value=\"{RAILS}\" autocomplete=\"off\" />"
            ),
        ),
        (
            Rails,
            format!(
                "<meta name=\"csrf-param\" content=\"authenticity_token\" />\n<meta name=\"csrf-token\" content=\"{RAILS}\" />"
            ),
        ),
        (
            Laravel,
            format!(
                "<input type=\"hidden\" name=\"_token\" value=\"{LARAVEL}\" autocomplete=\"off\">"
            ),
        ),
        (Laravel, format!("<meta name=\"csrf-token\" content=\"{LARAVEL}\">")),
        (Spring, format!("<input type=\"hidden\" name=\"_csrf\" value=\"{UUID}\"/>")),
        (Spring, format!("<meta name=\"_csrf\" content=\"{UUID}\"/>")),
        (
            AspNet,
            format!(
                "<input name=\"__RequestVerificationToken\" type=\"hidden\" value=\"{ASP}\" />"
            ),
        ),
        (
            Phoenix,
            format!("<input name=\"_csrf_token\" type=\"hidden\" hidden=\"\" value=\"{PHOENIX}\">"),
        ),
        (Phoenix, format!("<meta name=\"csrf-token\" content=\"{PHOENIX}\">")),
        (Phoenix, format!("<a data-csrf=\"{PHOENIX}\" data-method=\"post\" href=\"#\">")),
    ];
    for (framework, page) in pages {
        assert_eq!(scan(page.as_bytes()), Some(framework), "{page}");
    }
}

#[test]
fn every_spelling_is_found() {
    let spellings = [
        "<input name=csrfmiddlewaretoken value=§>",
        "<INPUT NAME='csrfmiddlewaretoken' VALUE='§'>",
        "<input value=\"§\" name=\"csrfmiddlewaretoken\">",
        "<input\nvalue = \"§\"\n\tname\n=\n'csrfmiddlewaretoken'\n/>",
        "<input/name='csrfmiddlewaretoken'/value='§'/>",
        "<input name=\"csrfmiddlewaretoken\"value=\"§\">",
        "<input name='&#99;srfmiddlewaretoken' value=§>",
        "<input name='&#x63;srfmiddleware&#x0074;oken' value='§'>",
        "<input name=\"csrfmiddlewaretoken\" title=\"a<b\" value=\"§\">",
        "<input name=\"csrfmiddlewaretoken\" title=\"a>b\" value=\"§\">",
        "<input data-csrf name=csrfmiddlewaretoken disabled value=§>",
        "<button name=csrfmiddlewaretoken value=§>go</button>",
        "<script>form.innerHTML = '<input name=\"csrfmiddlewaretoken\" value=\"§\">'</script>",
        "<script>if (a<b && c) { x = \"it's\"; }</script><input name=\"csrfmiddlewaretoken\" value=\"§\">",
        "<!-- <input name=csrfmiddlewaretoken value=§> -->",
        "<template><input name=csrfmiddlewaretoken value=§></template>",
        "<a title='<input name=csrfmiddlewaretoken value=§>'>",
        "<p <input name=csrfmiddlewaretoken value=§>",
        "<script>var o = {csrfmiddlewaretoken: '§'}</script>",
        "<script>var o = {\"csrfmiddlewaretoken\":\"§\"}</script>",
        "<script>$.ajaxSetup({headers: {\"X-CSRFToken\": \"§\"}})</script>",
        "<script>xhr.setRequestHeader('X-CSRFToken', '§');</script>",
        "<script>window.csrf_token = `§`;</script>",
        "<script>const csrfToken=\"§\"</script>",
        "<script>f.push({name: 'csrfmiddlewaretoken', value: '§'})</script>",
        "<body hx-headers='{\"X-CSRFToken\": \"§\"}'>",
        "<body hx-headers=\"{&quot;X-CSRFToken&quot;: &quot;§&quot;}\">",
        "<body hx-headers=\"{&#34;X-CSRFToken&#34;: &#34;§&#34;}\">",
        "<div data-props=\"{&amp;quot;csrfToken&amp;quot;:&amp;quot;§&amp;quot;}\">",
        "<script>p = JSON.parse(\"{\\u0022csrfToken\\u0022: \\u0022§\\u0022}\")</script>",
        "<script>p = \"{\\\"csrfToken\\\": \\\"§\\\"}\"</script>",
        "<div data-csrf-token=§>",
        "<a href=\"/logout?csrfmiddlewaretoken=§\">",
        "<a href=\"/logout?x=%7B%22csrfToken%22%3A%22§%22%7D\">",
    ];
    for spelling in spellings {
        let page = spelling.replace('§', DJANGO);
        assert_eq!(scan(page.as_bytes()), Some(Framework::Django), "{page}");
    }
}

#[test]
fn talk_of_tokens_is_none() {
    let pages = [
        "",
        "<p>Put {% csrf_token %} into every form; the field is called csrfmiddlewaretoken.</p>",
        "<code>&lt;input name=\"csrfmiddlewaretoken\"&gt;</code>",
        "<input type=hidden name=csrfmiddlewaretoken>",
        "<input type=hidden name=csrfmiddlewaretoken value=\"\">",
        "<input type=hidden name=csrfmiddlewaretoken value=' \n'><input name=q value=x>",
        "<meta name=\"csrf-param\" content=\"authenticity_token\">",
        "<meta name=\"_csrf_header\" content=\"X-CSRF-TOKEN\">",
        "<meta name=csrf-token content=>",
        "<input name=\"username\" value=\"csrfmiddlewaretoken\">",
        "<input name=token value=x><input name=csrf value=y>",
        "<script>const csrftoken = getCookie('csrftoken');</script>",
        "<script>const csrftoken = document.querySelector('[name=csrfmiddlewaretoken]').value;</script>",
        "<script>const t = document.querySelector('meta[name=\"csrf-token\"]').getAttribute('content'), x = 1234567890;</script>",
        "<script>axios.defaults.xsrfCookieName = 'csrftoken'; axios.defaults.xsrfHeaderName = \"X-CSRFTOKEN\";</script>",
        "<script>fetch(url, {headers: {'X-CSRFToken': csrftoken, 'Content-Type': 'application/json'}})</script>",
        "<script>var csrfUrl = \"/api/v1/security/refresh-it-for-me\";</script>",
        "<script>var csrfUrl = 'https://example.com/api/v1/refresh';</script>",
        "<script>var csrfField = 'my_long_field_name_without_digits';</script>",
        "<script src=\"/static/js/csrf.3f2a9c7b1d5e8f60a4b2.js\"></script>",
        "<script src=\"/csrf.js\" integrity=\"sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC\"></script>",
        "<h2 id=\"csrf\">CSRF</h2><p class=\"a1b2c3d4e5f6a7b8c9d0e1f2\">",
        "<a href=\"/docs/csrf/\">CSRF</a>, 4bfd1575-3ad1-4d21-96c7-4ef2d9f86721",
        "<time data-csrf-age=12345678901234567890123>",
    ];
    for page in pages {
        assert_eq!(scan(page.as_bytes()), None, "{page}");
    }
}

#[test]
fn a_page_in_utf_16_is_read() {
    let page = format!("<input name=\"csrfmiddlewaretoken\" value=\"{DJANGO}\">");
    let little: Vec<u8> = page.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = page.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(scan(&little), Some(Framework::Django));
    assert_eq!(scan(&big), Some(Framework::Django));
}

#[test]
fn the_first_is_remembered() {
    let mut scanner = Scanner::new();
    assert_eq!(scanner.push(b"<input name=_csrf value="), None);
    assert_eq!(scanner.push(b"x><input name=_token value=y>"), Some(Framework::Spring));
    assert_eq!(scanner.push(b"<input name=_token value=y>"), Some(Framework::Spring));
    assert_eq!(scanner.found(), Some(Framework::Spring));
}

/// Pieces that pages with tokens, and pages that look like it, are made of.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "<input ",
        "<meta ",
        "name",
        "value",
        "content",
        "=",
        "\"",
        "'",
        " ",
        ">",
        "/",
        "<",
        "\n",
        "&#99;",
        "&quot;",
        "csrfmiddlewaretoken",
        "csrf-token",
        "_token",
        "_csrf",
        "X-CSRFToken",
        "a",
        ":",
        ",",
        "\\",
        "%",
        "2",
        "%22",
        "\0",
        "é",
        "<script>",
        "<input name=csrfmiddlewaretoken value=",
        "<textarea>",
        "<template>",
        "<!--",
        "-->",
        "</script>",
        DJANGO,
        LARAVEL,
        UUID,
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn the_same_is_found_however_the_page_is_cut(
        pieces in prop::collection::vec(piece(), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let page = pieces.concat().into_bytes();
        let whole = scan(&page);
        let mut single = Scanner::new();
        page.chunks(1).for_each(|byte| { single.push(byte); });
        prop_assert_eq!(single.found(), whole);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(page.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut scanner, mut start) = (Scanner::new(), 0);
        for end in cuts.into_iter().chain([page.len()]) {
            scanner.push(&page[start..end]);
            start = end;
        }
        prop_assert_eq!(scanner.found(), whole);
    }

    #[test]
    fn a_token_is_found_whatever_surrounds_it(
        before in "([a-z <>/!-]|<p class=\"x\">|<b>|<!-- c -->|<script>var a = '<b>';</script>){0,20}",
        order in any::<bool>(),
        quote in prop::sample::select(vec!["\"", "'"]),
        blank in "[ \n\t]{1,3}",
        more in prop::sample::select(vec!["", "type=hidden ", "id='x>y' ", "data-x=\"<b>\" ", "checked "]),
    ) {
        let (name, value) = (format!("name={quote}csrfmiddlewaretoken{quote}"), format!("value={quote}{DJANGO}{quote}"));
        let (first, second) = if order { (name, value) } else { (value, name) };
        let page = format!("{before}<input{blank}{first}{blank}{more}{second}{blank}>");
        prop_assert_eq!(scan(page.as_bytes()), Some(Framework::Django), "{}", page);
    }

    #[test]
    fn no_token_that_a_browser_sees_is_missed(pieces in prop::collection::vec(piece(), 0..40)) {
        let page = pieces.concat();
        let seen = [true, false].map(|scripts| tokens(page.as_bytes(), scripts));
        prop_assert!(scan(page.as_bytes()).is_some() || seen.concat().is_empty(), "{}", page);
    }
}

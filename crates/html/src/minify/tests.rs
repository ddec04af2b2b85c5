//! What goes, what stays, and that a browser sees the same.

use markup5ever_rcdom::{Handle, NodeData};
use proptest::prelude::*;

use super::comment::is_for_people;
use super::minify;
use crate::browser::tree;
use crate::tag::is_blank;

fn smaller(html: &str) -> Option<String> {
    minify(html.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("as before"))
}

#[test]
fn blanks_between_tags_and_comments_go() {
    let cases = [
        ("<ul>\n    <li>a</li>\n    <li>b</li>\n</ul>", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("<b>a</b>    <i>b</i>", "<b>a</b> <i>b</i>"),
        ("<b>a</b> \t\r\n <i>b</i>", "<b>a</b>\n<i>b</i>"),
        ("<p>a<!-- a comment -->", "<p>a"),
        ("<p>a <!-- a comment --><b>b</b>", "<p>a <b>b</b>"),
        ("<p>a<!-- a comment --><!-- and one more -->", "<p>a"),
        ("<table>a<!-- some prose -->  </table>", "<table>a<!-- some prose --> </table>"),
        ("<p>\n  <!-- one of them -->\n  <!-- another one -->\n</p>", "<p>\n</p>"),
        ("\n\n<!doctype html>\n\n<html>  <head>  ", "\n<!doctype html>\n<html> <head> "),
        ("<td>   </td>", "<td> </td>"),
        ("<div class=\"preview\">  <p>", "<div class=\"preview\"> <p>"),
        ("<script>  a  </script>  <p>", "<script>  a  </script> <p>"),
        ("<pre>  </pre>  <p>", "<pre>  </pre> <p>"),
        (
            "<style>p { white-space: nowrap }</style>  <p>",
            "<style>p { white-space: nowrap }</style> <p>",
        ),
        ("<svg/>  <p>", "<svg/> <p>"),
        ("<noscript>  <p>  </noscript>  <p>", "<noscript>  <p>  </noscript> <p>"),
        (
            "<x-i>  <svg><path/><title>a</title></svg><br>  </x-i>  <p>",
            "<x-i>  <svg><path/><title>a</title></svg><br>  </x-i> <p>",
        ),
        ("<template>  <li>a<li>b  </template>  <p>", "<template>  <li>a<li>b  </template> <p>"),
        ("<code>  <ul><li>a<li>b</ul>  </code>  <p>", "<code>  <ul><li>a<li>b</ul>  </code> <p>"),
        ("<svg>  <style>a{}</style>  </svg>  <p>", "<svg>  <style>a{}</style>  </svg> <p>"),
    ];
    for (html, expected) in cases {
        assert_eq!(smaller(html).as_deref(), Some(expected), "{html}");
    }
}

#[test]
fn what_may_be_seen_stays() {
    let pages = [
        "",
        "plain",
        "<p>a  b\n\n   c</p>",
        "<p>   a   </p>",
        "<b>a</b> <i>b</i>\n<u>c</u>",
        "<p>&nbsp;\u{a0} \u{2003}  </p>",
        "<pre>  <b>a</b>  <i>b</i>  <!-- not a comment to us --> </pre>",
        "<pre><pre>  <b></b>  </pre>  <b></b>  </pre>",
        "<textarea>  <b>  </b>  <!-- some prose --> </textarea>",
        "<script>  <!-- some old script //-->  </script>",
        "<style>  a  {}  <!-- some css --></style>",
        "<title>  a  <!-- no comment --></title>",
        "<code><b>a</b>   <b>b</b></code>",
        "<x-code><b>a</b>   <b>b</b></x-code>",
        "<template><b>a</b>   <b>b</b><!-- some prose --></template>",
        "<svg><text>  <tspan>a</tspan>   <tspan>b</tspan></text></svg>",
        "<noscript><p>   <b> <!-- some prose --> </noscript>",
        "<p style=\"white-space: pre-wrap\"><b>a</b>   <b>b</b></p>",
        "<p class=\"x whitespace-pre-line\"><b>a</b>   <b>b</b></p>",
        "<p class=\"pre\"><b>a</b>   <b>b</b></p>",
        "<div contenteditable><b>a</b>   <b>b</b></div>",
        "<!--[if lt IE 9]>  <script src=a></script>  <![endif]-->",
        "<!--[if !IE]><!-->a<!--<![endif]-->",
        "<!--esi <esi:include src=\"/a\"/>  -->",
        "<!--#include virtual=\"/a\" -->",
        "<!--! theirs -->",
        "<!-- Copyright of somebody -->",
        "<div><!-- --><!--$--></div>",
        "a<!-- some prose -->b",
        "a <!-- some prose --> b",
        "<<!-- some prose -->b>",
        "&am<!-- some prose -->p;",
        "<p>a</p  ><a  href=b  >c</a>",
    ];
    for page in pages {
        assert_eq!(smaller(page), None, "{page}");
    }
}

#[test]
fn of_a_doubt_the_whole_page_stays() {
    let doubts = [
        "<!-- never closed",
        "<!-- badly closed --!>",
        "<!-->",
        "<a href=\"never closed>",
        "<script>never closed",
        "<script><!-- <script> </script>",
        "<textarea>never closed",
        "<pre>never closed",
        "<pre><table></pre></table></pre>",
        "<td><pre></td></pre>",
        "<code><svg><style/></svg></code>",
        "<x-y><div></x-y>",
        "<x-y><p></x-y>",
        "<x-y></div></x-y>",
        "<code/>",
        "<x-icon/>",
        "<svg><div></div></svg>",
        "<svg><style>a<b{}</style></svg>",
        "<svg><style/></svg>",
        "<svg><title/></svg>",
        "<svg><![CDATA[x]]></svg>",
        "<svg>",
        "<template><svg></template>",
        "<noscript>never closed",
        "<noscript><!-- </noscript> -->",
        "<noscript><pre></noscript></pre>",
        "<noscript><noscript></noscript></noscript>",
        "<style>p{white-space:pre-wrap}</style>",
        "<style>p{WHITE-SPACE : Pre}</style>",
        "<frameset>",
        "<plaintext>",
        "<meta charset=utf-16>",
        "\0",
        "\u{1b}(B",
    ];
    let gain = "<b>a</b>      <i>b</i>";
    assert!(smaller(gain).is_some());
    for doubt in doubts {
        let page = format!("{gain}{doubt}");
        assert_eq!(smaller(&page), None, "{page}");
    }
    assert_eq!(smaller(&format!("<?xml version=\"1.0\"?>{gain}")), None);
    assert_eq!(smaller(&format!("<![CDATA[x]]>{gain}")), None);
}

/// What a browser makes of a page: its elements and texts, comments for people aside. Of blanks in texts only that they are
/// there, as CSS has it, except in elements that may show them.
struct Seen {
    pieces: Vec<String>,
    text: String,
    /// How many elements around may show blanks.
    verbatim: usize,
    scripts: bool,
}

fn seen(html: &[u8], scripting_enabled: bool) -> Vec<String> {
    let dom = tree(html, scripting_enabled);
    let mut seen =
        Seen { pieces: Vec::new(), text: String::new(), verbatim: 0, scripts: scripting_enabled };
    seen.look(&dom.document);
    seen.end_text();
    seen.pieces
}

impl Seen {
    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
        } else if self.verbatim > 0 {
            self.pieces.push(text);
        } else {
            let words: Vec<_> = text.split(|c: char| c.is_ascii() && is_blank(c as u8)).collect();
            let blank =
                |word: Option<&&str>| if word.is_some_and(|w| w.is_empty()) { " " } else { "" };
            let inside: Vec<_> = words.iter().filter(|word| !word.is_empty()).copied().collect();
            self.pieces.push(format!(
                "{}{}{}",
                blank(words.first()),
                inside.join(" "),
                blank(words.last())
            ));
        }
    }

    fn is_verbatim(&self, name: &str) -> bool {
        // Without scripts it is an element like others, and text from elsewhere may end up in it.
        let noscript = name == "noscript" && self.scripts;
        noscript || name.contains('-') || VERBATIM.contains(&name)
    }

    fn look(&mut self, node: &Handle) {
        let children = |seen: &mut Self, node: &Handle| {
            node.children.borrow().iter().for_each(|child| seen.look(child));
        };
        match &node.data {
            NodeData::Text { contents } => self.text.push_str(&contents.borrow()),
            NodeData::Comment { contents } => {
                if !is_for_people(contents.as_bytes()) {
                    self.end_text();
                    self.pieces.push(format!("<!--{contents}-->"));
                }
            }
            NodeData::Element { name, attrs, template_contents, .. } => {
                self.end_text();
                let attributes: Vec<_> = attrs
                    .borrow()
                    .iter()
                    .map(|a| format!(" {}={}", a.name.local, a.value))
                    .collect();
                self.pieces.push(format!("<{}:{}{}>", name.ns, name.local, attributes.concat()));
                let verbatim = self.is_verbatim(&name.local);
                self.verbatim += usize::from(verbatim);
                if let Some(contents) = &*template_contents.borrow() {
                    children(self, contents);
                }
                children(self, node);
                self.end_text();
                self.verbatim -= usize::from(verbatim);
                self.pieces.push(format!("</{}>", name.local));
            }
            NodeData::Document
            | NodeData::Doctype { .. }
            | NodeData::ProcessingInstruction { .. } => {
                children(self, node);
            }
        }
    }
}

const VERBATIM: [&str; 13] = [
    "code", "iframe", "kbd", "listing", "math", "pre", "samp", "script", "style", "svg",
    "template", "textarea", "title",
];

/// What must hold of every page.
fn check(html: &[u8]) -> Result<(), TestCaseError> {
    let Some(smaller) = minify(html) else { return Ok(()) };
    let page = String::from_utf8_lossy(html);
    prop_assert!(smaller.len() < html.len());
    prop_assert_eq!(minify(&smaller), None, "not at once: {}", page);
    for scripts in [true, false] {
        prop_assert_eq!(seen(&smaller, scripts), seen(html, scripts), "{}", page);
    }
    Ok(())
}

/// Pieces that pages are made of, the nasty ones more often than in life.
const PIECES: [&str; 89] = [
    " ",
    "  ",
    "\n\n",
    "\t \r\n",
    "a",
    "b c",
    "<",
    ">",
    "&am",
    "p;",
    "&amp",
    "/",
    "-->",
    "--!>",
    "<!-- some prose -->",
    "<!-- more prose -->",
    "<!--[if IE]> x <![endif]-->",
    "<!---->",
    "<!doctype html>",
    "<?x ?>",
    "<html>",
    "<head>",
    "</head>",
    "<body>",
    "</body>",
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<b>",
    "</b>",
    "<i class=\"a  b\">",
    "</i>",
    "<pre>",
    "</pre>",
    "<code>",
    "</code>",
    "<textarea>",
    "</textarea>",
    "<title>",
    "</title>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<table>",
    "</table>",
    "<tr>",
    "</tr>",
    "<td>",
    "</td>",
    "<caption>",
    "<col>",
    "<select>",
    "</select>",
    "<option>",
    "<ul>",
    "<li>",
    "</ul>",
    "<svg>",
    "</svg>",
    "<svg/>",
    "<path/>",
    "<desc>",
    "<math>",
    "</math>",
    "<mi>",
    "<template>",
    "</template>",
    "<noscript>",
    "</noscript>",
    "<x-y>",
    "</x-y>",
    "<button>",
    "</button>",
    "<a href=x>",
    "</a>",
    "<form>",
    "</form>",
    "<input>",
    "<br/>",
    "<img alt='> '>",
    "<iframe>",
    "</iframe>",
    "<h1>",
    "</h1>",
    "<object>",
    "</object>",
    "é",
];

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PIECES.to_vec())
}

/// Elements in their proper order, as pages mostly are.
fn balanced() -> impl Strategy<Value = String> {
    let texts = PIECES.iter().filter(|p| !p.starts_with('<') || p.starts_with("<!--"));
    let leaf = prop_oneof![
        prop::sample::select(texts.copied().collect::<Vec<_>>()).prop_map(str::to_owned),
        prop::sample::select(vec![
            "<br>",
            "  ",
            "\n   ",
            "<input  name=a>",
            "<script> a  </script>",
            "<!-- some prose -->",
            "word"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let name = prop::sample::select(vec![
            "div", "p", "b", "ul", "li", "table", "tbody", "tr", "td", "pre", "code", "svg", "g",
            "template", "noscript", "x-y", "select", "option", "form", "button", "h1", "a", "body",
            "math", "mi", "section", "label",
        ]);
        (name, prop::collection::vec(inner, 0..8))
            .prop_map(|(name, inside)| format!("<{name}>{}</{name}>", inside.concat()))
    })
}

proptest! {
    #[test]
    fn a_browser_sees_the_same_of_any_page(pieces in prop::collection::vec(piece(), 0..24)) {
        check(pieces.concat().as_bytes())?;
    }

    #[test]
    fn a_browser_sees_the_same_of_an_orderly_page(page in balanced()) {
        check(page.as_bytes())?;
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }
}

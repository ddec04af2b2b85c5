//! For tests only: what a browser finds in a page, by an independent parser.

use html5ever::tendril::TendrilSink as _;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// The page as a tree, for a browser with scripts or without.
pub(crate) fn tree(html: &[u8], scripting_enabled: bool) -> RcDom {
    let tree_builder = TreeBuilderOpts { scripting_enabled, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    parse_document(RcDom::default(), options).from_utf8().one(html)
}

/// The fields and `<meta>` with Django's tokens that such a browser has: their values.
pub(crate) fn tokens(html: &[u8], scripting_enabled: bool) -> Vec<String> {
    let mut found = Vec::new();
    collect(&tree(html, scripting_enabled).document, &mut found);
    found
}

fn collect(node: &Handle, found: &mut Vec<String>) {
    if let NodeData::Element { name, attrs, template_contents, .. } = &node.data {
        let attrs = attrs.borrow();
        let of =
            |name: &str| attrs.iter().find(|a| &*a.name.local == name).map(|a| a.value.to_string());
        let token = match (&*name.local, of("name").as_deref()) {
            ("input", Some("csrfmiddlewaretoken")) => of("value"),
            ("meta", Some("csrf-token")) => of("content"),
            _ => None,
        };
        // A NUL becomes U+FFFD, and is nothing to us.
        let blank = |c: char| c.is_whitespace() || c == '\u{fffd}';
        found.extend(token.filter(|token| !token.chars().all(blank)));
        if let Some(contents) = &*template_contents.borrow() {
            contents.children.borrow().iter().for_each(|child| collect(child, found));
        }
    }
    node.children.borrow().iter().for_each(|child| collect(child, found));
}

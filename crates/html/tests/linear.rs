//! Pages that were made to be slow to read take time in proportion to their length: sixty thousand bytes of each are read at
//! once, and would be felt if it were the square.

#[cfg(test)]
mod tests {
    use larder_html::{EsiLimits, csrf_holes, esi, minify, scan};

    const REPEATED: [&str; 38] = [
        "<",
        "<a",
        "<a ",
        "<a b=\"",
        "<a b='<",
        "<!--",
        "<!-- a b -->",
        "<!-- a b --> ",
        "<!--esi ",
        "<!--esi <",
        "<esi:remove>",
        "<esi:include ",
        "<esi:include src=",
        "<input name=csrfmiddlewaretoken value=",
        "<script>",
        "<script><!--",
        "<style>",
        "<style>white-space",
        "<style>white-space:a</style>",
        "<noscript>",
        "<noscript></noscript>",
        "<noscript><p></noscript>",
        "<svg>",
        "<template>",
        "<pre><p>",
        "<p><pre></pre>",
        "<x-y>",
        "<title>",
        "</",
        "<![",
        "<?",
        " ",
        "&#",
        "csrf\"",
        "csrf:'",
        "X-CSRFToken='a1",
        "aB1",
        "<meta charset=",
    ];

    #[test]
    fn no_page_takes_more_time_than_its_length_allows() {
        for repeated in REPEATED {
            let page = repeated.repeat(60_000 / repeated.len());
            let token = "pX8kQ2mZ4vB7nC1sD5fG9hJ3lR6tY0wE".repeat(2);
            let field = format!("<input name=csrfmiddlewaretoken value={token}>");
            for page in [page.clone(), field + &page] {
                let page = page.as_bytes();
                let found = scan(page);
                // What is asked is that all of them come back.
                let holes = csrf_holes(page).map(|holes| holes.len());
                assert!(found.is_some() || holes == Ok(0), "{repeated}");
                let smaller = minify(page);
                assert!(smaller.is_none_or(|smaller| smaller.len() < page.len()), "{repeated}");
                let parts = esi(page, EsiLimits::default());
                assert!(parts.is_err() || parts.is_ok_and(|parts| !parts.is_empty()), "{repeated}");
            }
        }
    }
}

//! Does `docs/reasons.md` say what the table of reasons says, and what to do about each?

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use larder_semantics::{Group, Reason};

    const GROUPS: [(Group, &str, &str); 7] = [
        (
            Group::FromCache,
            "Answered from the cache",
            "What is stored answered, or the answer to somebody else's request did.",
        ),
        (
            Group::Forwarded,
            "Why the application was asked",
            "The first column is the `detail`, the second what stands behind `fwd=` (RFC 9211 §2.2). Where \
             the answer could not be kept, `detail` says why, with a reason of the next table.",
        ),
        (
            Group::NotStored,
            "Why the answer was not kept",
            "The response went to the client as it came. For `cache.uncacheable_memory` the page is \
             remembered as uncacheable: nobody waits for anybody else's request, `fwd=bypass`, until an \
             answer can be kept. After a 5xx it is not.",
        ),
        (
            Group::NotPublished,
            "Why a page is not published",
            "The page is kept in memory and answered from there; nginx asks Larder for it. What nginx would answer otherwise than \
             Larder is left to Larder. These are counted and told by `larder explain`, and never the reason of a request.",
        ),
        (
            Group::Own,
            "Larder's own answers",
            "Larder answered for the site, and neither the cache nor the application was asked.",
        ),
        (
            Group::ClientError,
            "The client's side",
            "Larder answered with this status, and the application was not asked or not asked to the end.",
        ),
        (
            Group::ApplicationError,
            "The application's side",
            "Larder answered with this status, because nothing stored could stand in. Where the response \
             had begun already, its connection is cut instead, and only the log and the metrics know why.",
        ),
    ];

    const INTRODUCTION: &str = "\
# Reasons

<!-- Generated from the table of reasons (crates/semantics/src/reason.rs). Change texts there, what to do in
     crates/semantics/tests/reasons_document.rs, then run
     LARDER_WRITE_DOCS=1 cargo test -p larder-semantics --test reasons_document -->

Every request has one reason for what was done with it. The same word stands

- behind `detail=` in the response's `Cache-Status` field: `cache-status: larder; hit; ttl=53; detail=fresh`,
- at the end of a `combined` log line, in front of the milliseconds, and in the field `reason` of a JSON one,
- in the label `reason` of `larder_requests_total` and `larder_refused_total`.

The words are an interface: new ones are added, none is renamed.
";

    #[test]
    fn reasons_md_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons.md");
        let expected = markdown();
        if std::env::var_os("LARDER_WRITE_DOCS").is_some() {
            std::fs::write(&path, &expected).expect("docs/reasons.md is writable");
        }
        let actual = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            actual == expected,
            "docs/reasons.md is out of date: LARDER_WRITE_DOCS=1 cargo test -p larder-semantics --test reasons_document"
        );
    }

    #[test]
    fn every_reason_is_in_one_table_only() {
        let text = markdown();
        for reason in Reason::ALL {
            let row = format!("\n| `{reason}` |");
            assert_eq!(text.matches(&row).count(), 1, "{reason}");
        }
    }

    fn markdown() -> String {
        let mut text = INTRODUCTION.to_owned();
        for (group, title, line) in GROUPS {
            let second = match group {
                Group::FromCache | Group::NotStored | Group::NotPublished | Group::Own => None,
                Group::Forwarded => Some("fwd"),
                Group::ClientError | Group::ApplicationError => Some("status"),
            };
            let (head, rule) =
                second.map_or((String::new(), ""), |second| (format!(" {second} |"), " --- |"));
            push(&mut text, &format!("\n## {title}\n\n{line}\n\n"));
            push(&mut text, &format!("| reason |{head} what happened | what to do |\n"));
            push(&mut text, &format!("| --- |{rule} --- | --- |\n"));
            for &reason in Reason::ALL.iter().filter(|reason| reason.group() == group) {
                row(reason, &mut text);
            }
        }
        text
    }

    fn row(reason: Reason, text: &mut String) {
        let second = match (reason.fwd(), reason.status()) {
            (Some(fwd), _) => format!(" `{}` |", fwd.token()),
            (None, Some(status)) => format!(" {} |", status.as_u16()),
            (None, None) => String::new(),
        };
        let (what, advice) = (cell(reason.text()), cell(reason.advice()));
        push(text, &format!("| `{reason}` |{second} {what} | {advice} |\n"));
    }

    /// A bar would end the cell.
    fn cell(text: &str) -> String {
        text.replace('|', "\\|")
    }

    /// Writing to a `String` cannot fail.
    fn push(text: &mut String, more: &str) {
        let _infallible = text.write_str(more);
    }
}

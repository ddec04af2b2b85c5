//! Does `docs/reasons.md` say what the table of reasons says, and what to do about each?

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use larder_semantics::{Group, Reason};

    const GROUPS: [(Group, &str, &str); 5] = [
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
                Group::FromCache | Group::NotStored => None,
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
        let (what, advice) = (cell(reason.text()), cell(what_to_do(reason)));
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

    #[expect(clippy::too_many_lines, reason = "a table: one line or two a reason, none left out")]
    fn what_to_do(reason: Reason) -> &'static str {
        match reason {
            Reason::Fresh => "Nothing. `ttl` is the time left, in seconds.",
            Reason::StaleWhileRevalidate => {
                "Nothing: the page asked for this with `stale-while-revalidate`. `ttl` is below zero while the refresh runs."
            }
            Reason::StaleIfError => {
                "Look after the application: it answered with 500, 502, 503 or 504, or not at all. Visitors see the page of before until `stale-if-error` is over."
            }
            Reason::StaleDisconnected => {
                "Look after the application: no connection, or no proper answer in time. Visitors see the page of before for `cache.stale_if_disconnected`."
            }
            Reason::StaleAccepted => "Nothing. Occurs only with `cache.honour_request_directives`.",
            Reason::Validated => {
                "Nothing, the body was not sent again. If it happens on every request, the page says `no-cache`, or its lifetime is zero."
            }
            Reason::Collapsed => "Nothing: many asked at once, and the application was asked once.",

            Reason::UriMiss => {
                "Nothing when `stored` stands beside it: the next request is a hit. Query strings count, `?a=1` and `?a=2` are two pages."
            }
            Reason::VaryMiss => {
                "Look at the response's `Vary`. Each combination of the fields it names is a copy of its own; with `Cookie` or `User-Agent` among them nearly every visitor has one."
            }
            Reason::Stale => {
                "Nothing, or give the page a longer lifetime or `stale-while-revalidate`."
            }
            Reason::AlwaysValidate => {
                "The page says `no-cache`. Say `max-age` if it may be shown for a while without asking."
            }
            Reason::RequestDirectives => {
                "Occurs only with `cache.honour_request_directives`; turn that off if clients abuse it."
            }
            Reason::Method => "Nothing: POST, PUT, DELETE and the like are the application's.",
            Reason::RangeMiss => "Nothing: this part of the file was not stored yet.",
            Reason::OriginPrecondition => {
                "Nothing: it protects an edit, and only the application can judge it."
            }
            Reason::KnownUncacheable => {
                "Nothing, if `stored` stands beside it: the page has become cacheable."
            }
            Reason::Upgrade => "Nothing: a WebSocket or the like.",
            Reason::RequestBody => {
                "A GET with a body has no agreed meaning. Use POST, or put it into the query."
            }

            Reason::NoStore => {
                "Nothing, if the page is meant not to be kept. Frameworks add it to pages behind a login."
            }
            Reason::Private => {
                "Nothing, if the page is one visitor's. Else say `public` and a `max-age`, or `CDN-Cache-Control`."
            }
            Reason::SetCookie => {
                "Find out what sets a cookie on a public page: a session that is written on every request, a CSRF token in a form, a language cookie. Without that cookie the page can be kept."
            }
            Reason::Authorization => {
                "Nothing, if the page depends on who asks. Else say `public`, `s-maxage` or `must-revalidate`."
            }
            Reason::NoLifetimeNorValidator => {
                "The application said nothing about caching. Send `Cache-Control: max-age=...`, or an `ETag`, or `Last-Modified`."
            }
            Reason::StatusNotCacheable => {
                "Nothing: a response with this status is about one request, not about the page."
            }
            Reason::NotUnderstood => {
                "Use a status that is registered, or leave `must-understand` out."
            }
            Reason::VaryAny => {
                "Name the fields that matter, sixteen at most. `*` forbids storing, and so does a field that tells one visitor from another, such as `X-Forwarded-For`."
            }
            Reason::TooManyVariants => {
                "Have the application vary on fewer fields, or raise `cache.variants_max`. Decided after the response has gone, so it is seen only as `vary-miss` again and again."
            }
            Reason::TooLarge => {
                "Raise `cache.memory` and `cache.object_max`, or leave it: the body is passed through."
            }
            Reason::RequestNoStore => "Occurs only with `cache.honour_request_directives`.",
            Reason::BadContentRange => {
                "Repair the application's ranges; several ranges in one response (`multipart/byteranges`) are passed through."
            }
            Reason::Truncated => "An error of Larder's: report it, with the log line.",
            Reason::InvalidatedMeanwhile => {
                "Nothing: somebody changed the page while it was being fetched. Decided after the response has gone, so it is not seen in a log."
            }
            Reason::AlreadyExpired => {
                "The response came with a lifetime of zero, an `Expires` that is over or an `Age` that can't be read, and no validator. Check the application's clock and `Cache-Control`."
            }

            Reason::MalformedRequest => {
                "Nothing, if it is a scanner. Else look at what the client sends: a stray byte in a field, a bad target."
            }
            Reason::HeadTooLarge => {
                "Mostly too many cookies. Raise `limits.header_bytes` or `limits.headers`, or set fewer cookies."
            }
            Reason::UriTooLong => "Targets end at 16 KiB. Send the data in a POST.",
            Reason::HeadTimeout => "Nothing, unless honest clients need longer: `timeouts.header`.",
            Reason::BodyTimeout => {
                "Nothing, unless honest clients pause longer inside an upload: `timeouts.body`."
            }
            Reason::BadRequestBody => "Nothing: an upload broke off or was badly framed.",
            Reason::MissingHost => "HTTP/1.1 demands `Host`. Health checks often forget it.",
            Reason::RepeatedHost => {
                "Somebody sends two `Host` fields, or tries to confuse proxies. Nothing to do here."
            }
            Reason::BadHost => "The client's `Host` is no host name. Nothing to do here.",
            Reason::HostMismatch => {
                "The target names another host than `Host` does. Nothing to do here, unless it is your own client."
            }
            Reason::BadTransferEncoding => {
                "Only `chunked` is taken, and only in HTTP/1.1. Mostly an attempt to smuggle a request."
            }
            Reason::BadContentLength => {
                "Mostly an attempt to smuggle a request. If it is your own client, mend its framing."
            }
            Reason::UnsupportedMethod => {
                "Somebody takes the site for a forward proxy. Nothing to do."
            }
            Reason::BadExpect => {
                "The client expects something that does not exist. Only `100-continue` does."
            }
            Reason::ClientLeft => {
                "Nothing, unless there are many at one page: then it is too slow for people to wait. 499 stands only in the log."
            }
            Reason::SendTimeout => "Nothing, unless honest clients stall longer: `timeouts.send`.",
            Reason::TooManyConnections => {
                "Raise `limits.connections`, and the process's limit of open files with it; or find out who opens them."
            }
            Reason::OnlyIfCached => "Nothing. Occurs only with `cache.honour_request_directives`.",

            Reason::ConnectFailed => {
                "Nothing listens there, or the host refuses. Is the application running, at the address in `upstream`?"
            }
            Reason::ConnectTimeout => {
                "The host does not answer at all: a firewall, a dead machine, a full accept queue. `timeouts.connect` is how long is waited."
            }
            Reason::FirstByteTimeout => {
                "The application is slow or stuck. Raise `timeouts.first_byte` only for pages that are meant to take so long."
            }
            Reason::BetweenBytesTimeout => {
                "The application stopped in the middle. Event streams should send a comment line more often than `timeouts.between_bytes`."
            }
            Reason::MalformedResponse => {
                "The application, or something between, speaks bad HTTP. Ask it directly with `curl -v` and look at the head: two lengths, an odd transfer coding, a bad line."
            }
            Reason::ClosedEarly => {
                "The application's worker died or was killed: look into its log (a time limit of its own, out of memory)."
            }
            Reason::NoUpstream => {
                "The name in `upstream` has no address. At the start that is an error; afterwards the last addresses are kept, so it is hardly seen."
            }
            Reason::UpstreamTooBusy => {
                "`upstream_pool.connections_max` requests are with the application already. It hangs, or needs more workers."
            }
        }
    }
}

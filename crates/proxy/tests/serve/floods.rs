//! HTTP/2 clients that cost more than they pay: RFC 9113 §10.5. Every flood ends, and the server answers others meanwhile.

use larder_semantics::Reason;
use larder_testkit::http2::{Http2, Outcome, Request, code, flag, frame, kind};
use larder_testkit::{Origin, Script, Signal};

use crate::{SHORT, connect, eventually, serve, start};

/// RFC 9113 §6.5.2.
const INITIAL_WINDOW_SIZE: u16 = 4;

fn origin() -> Origin {
    Origin::paths([("/", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page"))])
}

/// Sends `bytes` and says with what code the connection ended.
fn ended_by(bytes: &[u8]) -> Option<u32> {
    let origin = origin();
    let server = serve(&origin);
    let mut client = Http2::connect(server.addresses()[0]);
    client.send(bytes);
    let code = client.goodbye();
    assert_eq!(connect(&server).get("/").text(), "page", "others are answered");
    code
}

#[test]
fn a_head_in_endless_pieces_ends_the_connection() {
    // CVE-2024-27316 and its like: without END_HEADERS there is no request, only work.
    let mut empty = frame(kind::HEADERS, flag::END_STREAM, 1, &Request::new("GET").block());
    let mut full = empty.clone();
    for _ in 0..10_000 {
        empty.extend(frame(kind::CONTINUATION, 0, 1, b""));
    }
    for number in 0..10_000 {
        let field = Request::empty().plus(format!("x-{number}"), "x".repeat(200));
        full.extend(frame(kind::CONTINUATION, 0, 1, &field.block()));
    }
    for (name, bytes) in [("empty", empty), ("full", full)] {
        let code = ended_by(&bytes);
        let codes = [
            Some(code::ENHANCE_YOUR_CALM),
            Some(code::COMPRESSION_ERROR),
            Some(code::PROTOCOL_ERROR),
        ];
        assert!(codes.contains(&code), "{name}: {code:?}");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused_and_forgotten() {
    let origin = origin();
    let server = start(&origin, |config| config.limits.header_bytes_max = 16 * 1024);
    let mut large = Request::new("GET");
    for number in 0..40 {
        large = large.plus(format!("x-{number}"), "x".repeat(400));
    }
    // RFC 7541 appendix C.3: one entry of 4 KB in the dynamic table, then named again and again by one byte each.
    let mut bomb = Request::new("GET").block();
    bomb.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
    bomb.extend([b'a'; 4000]);
    bomb.extend([0xbe; 3000]);
    let cases = [("many fields", large.block()), ("indexed", bomb)];
    for (name, block) in cases {
        let mut client = Http2::connect(server.addresses()[0]);
        let mut bytes = Vec::new();
        let mut pieces = block.chunks(16_000).peekable();
        let mut kind = kind::HEADERS;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { flag::END_HEADERS } else { 0 };
            let ends = if kind == kind::HEADERS { flag::END_STREAM } else { 0 };
            bytes.extend(frame(kind, end | ends, 1, piece));
            kind = kind::CONTINUATION;
        }
        client.send(&bytes);
        let outcome = client.outcome(1);
        assert!(
            matches!(outcome, Outcome::Answered(431, _) | Outcome::Reset(_) | Outcome::GoAway(_)),
            "{name}: {outcome}"
        );
    }
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn more_fields_than_allowed_are_refused() {
    let origin = origin();
    let server = start(&origin, |config| config.limits.headers_max = 50);
    let mut request = Request::new("GET");
    for _ in 0..51 {
        request = request.plus("x", "1");
    }
    let mut client = Http2::connect(server.addresses()[0]);
    client.request(1, &request);
    assert_eq!(client.outcome(1).status(), Some(431));
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn frames_that_break_the_protocol_end_the_connection() {
    let get = Request::new("GET").block();
    let head = |flags, stream| frame(kind::HEADERS, flags, stream, &get);
    let whole = flag::END_HEADERS | flag::END_STREAM;
    let cases = [
        ("HEADERS on the connection", head(whole, 0)),
        ("a stream of the server's", head(whole, 2)),
        ("DATA on no stream", frame(kind::DATA, 0, 1, b"x")),
        ("DATA on the connection", frame(kind::DATA, 0, 0, b"x")),
        ("a push by a client", frame(kind::PUSH_PROMISE, 4, 1, &[0, 0, 0, 2])),
        ("CONTINUATION of nothing", frame(kind::CONTINUATION, 4, 1, &get)),
        (
            "a frame between the pieces of a head",
            [head(1, 1), frame(kind::PING, 0, 0, &[0; 8])].concat(),
        ),
        ("a piece of another's head", [head(1, 1), frame(kind::CONTINUATION, 4, 3, b"")].concat()),
        ("more padding than frame", frame(kind::HEADERS, whole | flag::PADDED, 1, &[200, 0x82])),
        ("an odd PING", frame(kind::PING, 0, 0, b"1234567")),
        ("odd SETTINGS", frame(kind::SETTINGS, 0, 0, b"12345")),
        (
            "a window of more than there is",
            frame(kind::SETTINGS, 0, 0, &[0, 4, 255, 255, 255, 255]),
        ),
        ("the connection's window by nothing", frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4])),
        (
            "the connection's window beyond its end",
            frame(kind::WINDOW_UPDATE, 0, 0, &[127, 255, 255, 255]),
        ),
        ("a frame longer than allowed", frame(kind::DATA, 0, 1, &[0; 20_000])),
        ("a name that the table has not", frame(kind::HEADERS, whole, 1, &[0xff, 0xff, 0x7f])),
        (
            "an end without Huffman's",
            frame(kind::HEADERS, whole, 1, &[0x00, 0x81, 0x00, 0x81, 0x00]),
        ),
    ];
    // The h2 crate says PROTOCOL_ERROR where a more telling code exists.
    let mut wrong = Vec::new();
    for (name, bytes) in cases {
        let code = ended_by(&bytes);
        if code.is_none_or(|code| code == code::NO_ERROR) {
            wrong.push(format!("{name}: {code:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_window_that_stays_shut_costs_a_time_limit_and_nothing_else() {
    let origin = Origin::paths([
        ("/", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page")),
        ("/large", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", vec![b'x'; 1 << 20])),
    ]);
    let server = start(&origin, |config| config.timeouts.send = SHORT);
    for path in ["/", "/large"] {
        assert_eq!(connect(&server).get(path).status(), 200);
        let mut client = Http2::with_settings(server.addresses()[0], &[(INITIAL_WINDOW_SIZE, 0)]);
        let streams = [1, 3, 5, 7];
        for stream in streams {
            client.request(stream, &Request::new("GET").with(":path", path));
        }
        for stream in streams {
            let outcome = client.outcome(stream);
            assert_eq!(outcome, Outcome::Reset(code::CANCEL), "{path}, stream {stream}");
        }
        // With a window the same connection gives the page.
        client.request(9, &Request::new("GET"));
        client.send_frame(kind::WINDOW_UPDATE, 0, 9, &1000_u32.to_be_bytes());
        assert_eq!(client.outcome(9), Outcome::Answered(200, b"page".to_vec()), "{path}");
    }
    assert_eq!(server.metrics().refused(Reason::SendTimeout), 8);
}

#[test]
fn answers_to_pings_and_settings_do_not_pile_up() {
    for (name, kind, payload) in
        [("PING", kind::PING, &[0; 8][..]), ("SETTINGS", kind::SETTINGS, &[])]
    {
        let origin = origin();
        let server = start(&origin, |config| config.timeouts.send = SHORT);
        let mut client = Http2::connect(server.addresses()[0]);
        let many = frame(kind, 0, 0, payload).repeat(1000);
        // Nothing is read: once the sockets are full the server waits, and then gives up.
        let mut sent = 0;
        while client.try_send(&many) {
            sent += 1;
            assert!(sent < 100_000, "{name}: somebody takes them all");
        }
        eventually("given up", || server.metrics().refused(Reason::SendTimeout) == 1);
        assert_eq!(connect(&server).get("/").text(), "page", "{name}");
    }
}

#[test]
fn streams_that_a_client_makes_the_server_reset_end_the_connection() {
    // CVE-2025-8671: a request, and then a mistake on its stream.
    let held = Signal::new();
    let never = held.clone();
    let origin = Origin::answering(move |_| Script::new().wait(&never));
    let server = serve(&origin);
    let mistakes: [(&str, u8, &[u8]); 3] = [
        ("a window by nothing", kind::WINDOW_UPDATE, &[0; 4]),
        ("a window beyond its end", kind::WINDOW_UPDATE, &[127, 255, 255, 255]),
        ("a body after its end", kind::DATA, b"x"),
    ];
    for (name, kind, payload) in mistakes {
        let before = origin.request_count();
        let mut bytes = Vec::new();
        let head = Request::new("GET").block();
        for stream in (1..20_000).step_by(2) {
            bytes.extend(frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &head));
            bytes.extend(frame(kind, 0, stream, payload));
        }
        let mut client = Http2::connect(server.addresses()[0]);
        client.send(&bytes);
        let code = client.goodbye();
        assert!(code.is_none_or(|code| code != code::NO_ERROR), "{name}");
        let came = origin.request_count() - before;
        assert!(came < 1000, "{name}: {came} requests got through");
    }
    held.fire();
}

#[test]
fn a_body_of_nothing_in_endless_pieces_ends() {
    let origin = origin();
    let server = serve(&origin);
    let mut client = Http2::connect(server.addresses()[0]);
    let head = Request::new("POST").block();
    client.send_frame(kind::HEADERS, flag::END_HEADERS, 1, &head);
    let empty = frame(kind::DATA, 0, 1, b"").repeat(1000);
    let mut sent = 0;
    while client.try_send(&empty) && sent < 1000 {
        sent += 1;
    }
    let outcome = client.outcome(1);
    let given_up = [Outcome::GoAway(code::ENHANCE_YOUR_CALM), Outcome::Closed];
    assert!(given_up.contains(&outcome), "{outcome} after {sent} thousand");
}

#[test]
fn a_head_that_does_not_go_on_ends_with_the_idle_time() {
    let origin = origin();
    let server = start(&origin, |config| config.timeouts.idle = SHORT);
    let mut client = Http2::connect(server.addresses()[0]);
    client.send_frame(kind::HEADERS, flag::END_STREAM, 1, &Request::new("GET").block());
    assert_eq!(client.goodbye(), Some(code::NO_ERROR));
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    // CVE-2023-44487.
    let held = Signal::new();
    let never = held.clone();
    let origin = Origin::answering(move |_| Script::new().wait(&never));
    let server = serve(&origin);
    let mut client = Http2::connect(server.addresses()[0]);
    let head = Request::new("GET").block();
    let mut bytes = Vec::new();
    for stream in (1..20_000).step_by(2) {
        bytes.extend(frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &head));
        bytes.extend(frame(kind::RST_STREAM, 0, stream, &code::CANCEL.to_be_bytes()));
    }
    client.send(&bytes);
    client.goodbye();
    held.fire();
    assert!(origin.request_count() < 1_000, "{} requests got through", origin.request_count());
    eventually("counted", || server.metrics().refused(Reason::MalformedRequest) == 1);
}

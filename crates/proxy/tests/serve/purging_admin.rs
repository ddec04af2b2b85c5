//! `POST /purge` on the admin listener: who may, what is purged, what is said of it.

use larder_config::{Config, ConfigBuilder};
use larder_proxy::Server;
use larder_testkit::{Client, Origin, Response, Script};
use serde_json::{Value, json};

use crate::{admin, connect};

pub(crate) const TOKEN: &str = "0123456789abcdef0123";

fn application() -> Origin {
    let page = |tags: &str| {
        let fields = format!("Cache-Control: max-age=600\r\nSurrogate-Key: {tags}\r\n");
        Script::answer("200 OK", &fields, "page")
    };
    Origin::paths([("/a", page("one all")), ("/a/b", page("two all")), ("/c", page("all"))])
}

pub(crate) fn configured(origin: &Origin, more: &str) -> Config {
    // Tests run at once: none takes the usual port.
    let admin = if more.contains("admin.listen") { "" } else { "admin.listen = 'off'" };
    let text = format!(
        "upstream = '{}'\n{more}\n{admin}\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 2\n",
        origin.url()
    );
    let builder = ConfigBuilder::new().file("larder.toml", text);
    let builder = builder.secrets(|_| Ok(TOKEN.as_bytes().to_vec()));
    builder.build().unwrap_or_else(|problems| panic!("{problems}"))
}

fn start(origin: &Origin, more: &str) -> Server {
    Server::start(configured(origin, more)).expect("a server")
}

pub(crate) const WITH_TOKEN: &str = "admin.listen = '127.0.0.1:0'\nadmin.token = 'env:TOKEN'";
const WITHOUT_TOKEN: &str = "admin.listen = '127.0.0.1:0'\ndanger.admin_without_token = true";

fn post(server: &Server, fields: &str, body: &str) -> Response {
    post_to(server, "/purge", fields, body)
}

pub(crate) fn post_to(server: &Server, path: &str, fields: &str, body: &str) -> Response {
    let mut client = Client::connect(server.admin_address().expect("an admin listener"));
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: admin\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.read_response()
}

fn order(server: &Server, body: &Value) -> Value {
    let fields = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let response = post(server, &fields, &body.to_string());
    assert_eq!(response.status(), 200, "{}", response.text());
    serde_json::from_str(&response.text()).expect("JSON")
}

fn is_hit(server: &Server, target: &str) -> bool {
    let response = connect(server).get(target);
    response.field("cache-status").is_some_and(|line| line.contains("hit"))
}

#[test]
fn what_is_ordered_is_gone_when_the_answer_is_there_and_nothing_else() {
    let origin = application();
    let server = start(&origin, WITH_TOKEN);
    // The host that the tests' client names.
    let all = ["/a", "/a?q", "/a/b", "/c"];
    let cases = [
        (json!({"url": "http://site.test/a"}), &["/a", "/a?q"][..]),
        (json!({"url": "https://site.test/a", "query": "exact"}), &["/a"]),
        (
            json!({"urls": ["http://site.test/a?q", "http://site.test/c"], "query": "exact"}),
            &["/a?q", "/c"],
        ),
        (json!({"prefix": "/a"}), &["/a", "/a?q", "/a/b"]),
        (json!({"prefix": "http://site.test/a/"}), &["/a/b"]),
        (json!({"prefix": "http://other.test/"}), &[]),
        (json!({"host": "site.test"}), &all),
        (json!({"all": true, "wait": true}), &all),
        (json!({"tags": ["two", "nobody's"]}), &["/a/b"]),
        (json!({"tags": ["all"], "host": "other.test"}), &[]),
        (json!({"pattern": {"host": "^site", "url": "^/.$"}}), &["/a", "/c"]),
        (json!({"identifier": {"parent": "site.test"}}), &all),
        (json!({"groups": ["g"], "origin": "http://site.test"}), &[]),
    ];
    for (body, gone) in cases {
        for target in all {
            let _response = connect(&server).get(target);
            assert!(is_hit(&server, target), "{target} before {body}");
        }
        let answer = order(&server, &body);
        assert_eq!(answer["purged"]["pages"], gone.len(), "{body}: {answer}");
        assert_eq!(answer["purged"]["counted"], "exact", "{body}");
        assert_eq!((&answer["reached"], &answer["not_reached"]), (&json!(["memory"]), &json!([])));
        for target in all {
            assert_eq!(is_hit(&server, target), !gone.contains(&target), "{target} after {body}");
        }
    }
    let metrics = admin(&server, "/metrics").1;
    for line in [
        "larder_purges_total{scope=\"tags\",mode=\"hard\"} 3\n",
        "larder_purges_total{scope=\"host\",mode=\"soft\"} 0\n",
        "larder_purged_pages_total ",
        "larder_purged_variants_total ",
        "larder_purges_remembered ",
        "larder_sweeps_total ",
        "larder_sweep_duration_seconds_total ",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[test]
fn a_soft_purge_leaves_pages_that_are_not_fresh() {
    let page = "Cache-Control: max-age=600, stale-while-revalidate=600\r\n";
    let origin = Origin::paths([("/a", Script::answer("200 OK", page, "page"))]);
    let server = start(&origin, WITH_TOKEN);
    let _response = connect(&server).get("/a");
    assert!(is_hit(&server, "/a"));
    order(&server, &json!({"all": true, "soft": true}));
    let response = connect(&server).get("/a");
    let line = response.field("cache-status").expect("Cache-Status");
    assert!(line.contains("stale-while-revalidate"), "{line}");
}

#[test]
fn only_who_may_purges() {
    let json = "Content-Type: application/json\r\n";
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n{json}");
    let cases = [
        (WITH_TOKEN, json.to_owned(), 401),
        (WITH_TOKEN, bearer("0123456789abcdef0124"), 401),
        (WITH_TOKEN, bearer(TOKEN), 200),
        (WITHOUT_TOKEN, json.to_owned(), 200),
        (WITHOUT_TOKEN, format!("Origin: http://evil.test\r\n{json}"), 403),
        (WITHOUT_TOKEN, format!("X-Forwarded-For: 192.0.2.1\r\n{json}"), 403),
        ("admin.listen = '127.0.0.1:0'", json.to_owned(), 403),
        ("admin.listen = '127.0.0.1:0'", bearer(TOKEN), 403),
    ];
    let origin = application();
    for (more, fields, status) in cases {
        let server = start(&origin, more);
        let response = post(&server, &fields, "{\"all\": true}");
        assert_eq!(response.status(), status, "{more} {fields}: {}", response.text());
        if status != 200 {
            assert_eq!(response.field("content-type"), Some("application/problem+json"));
        }
        let challenged = response.field("www-authenticate").is_some();
        assert_eq!(challenged, status == 401, "{more} {fields}");
    }
}

#[test]
fn what_is_wrong_is_a_problem_with_its_remedy() {
    let origin = application();
    let server = start(&origin, WITHOUT_TOKEN);
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    let long = format!("{{\"url\": \"{}\"}}", "x".repeat(1 << 20));
    let cases = [
        (json, "{}", 400, "nothing says what to purge"),
        (json, "{\"url\": \"/a\"}", 400, "is not a whole URL"),
        (json, "nonsense", 400, "not JSON"),
        ("", "{\"all\": true}", 415, "application/json"),
        ("Content-Type: text/plain\r\n", "{\"all\": true}", 415, "text/plain"),
        (json, &long, 413, "1048576 bytes"),
    ];
    for (fields, body, status, part) in cases {
        let response = post(&server, fields, body);
        let text = response.text();
        assert_eq!(response.status(), status, "{text}");
        let problem: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(part)), "{text}");
    }
    for method in ["GET", "OPTIONS", "DELETE"] {
        let mut client = Client::connect(server.admin_address().expect("an admin listener"));
        let response = client.request(method, "/purge", "");
        assert_eq!((response.status(), response.field("allow")), (405, Some("POST")));
    }
}

fn pointed<'d>(document: &'d Value, reference: &str) -> &'d Value {
    let path = reference.strip_prefix('#').expect("a reference within the document");
    document.pointer(path).expect(reference)
}

/// Whether a value is of the form that a schema asks for, as far as the document uses them.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(document, pointed(document, name), value);
    }
    let is_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    let is_one_of = schema["enum"].as_array().is_none_or(|list| list.contains(value));
    let required = schema["required"].as_array().into_iter().flatten();
    let has_all = required.into_iter().all(|name| !value[name.as_str().expect("a name")].is_null());
    let properties = schema["properties"].as_object().into_iter().flatten();
    let all_fit = properties
        .into_iter()
        .all(|(name, schema)| value[name].is_null() || fits(document, schema, &value[name]));
    let only_known = schema["properties"].as_object().is_none_or(|known| {
        value.as_object().is_none_or(|members| members.keys().all(|name| known.contains_key(name)))
    });
    is_type && is_one_of && has_all && all_fit && only_known
}

#[test]
fn the_document_says_what_the_answers_are() {
    let origin = application();
    let server = start(&origin, WITH_TOKEN);
    let document: Value = serde_json::from_str(&admin(&server, "/openapi.json").1).expect("JSON");
    let json = "Content-Type: application/json\r\n";
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let full = format!("{bearer}{json}");
    for (path, fields, body) in [
        ("/purge", full.as_str(), "{\"all\": true}"),
        ("/purge", &full, "{\"tags\": [\"a\"], \"wait\": true}"),
        ("/purge", &full, "{\"tags\": [\"a\"], \"wait\": true, \"warm\": true}"),
        ("/purge", &full, "{\"tags\": [\"a\"], \"warm\": true}"),
        ("/purge", &full, "{}"),
        ("/purge", json, "{\"all\": true}"),
        ("/purge", &bearer, "{\"all\": true}"),
        ("/warm", &full, "{\"url\": \"http://site.test/a\"}"),
        ("/warm", &full, "{\"urls\": [\"http://site.test/a\", \"http://site.test/nothing\"]}"),
        ("/warm", &full, "{\"url\": \"http://site.test/a\", \"wait\": false}"),
        ("/warm", &full, "{}"),
        ("/warm", json, "{}"),
    ] {
        let responses = &document["paths"][path]["post"]["responses"];
        let answer = post_to(&server, path, fields, body);
        let mut said = &responses[answer.status().to_string()];
        if let Some(name) = said["$ref"].as_str() {
            said = pointed(&document, name);
        }
        let kind = answer.field("content-type").expect("a type");
        let schema = &said["content"][kind]["schema"];
        assert!(!schema.is_null(), "{} {kind} is not in the document", answer.status());
        let value: Value = serde_json::from_str(&answer.text()).expect("JSON");
        assert!(fits(&document, schema, &value), "{value} is not as {schema}");
    }
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let status = if methods["get"].is_null() { 405 } else { 200 };
        let query = if path == "/explain" { "?url=http%3A%2F%2Fa%2F" } else { "" };
        assert_eq!(admin(&server, &format!("{path}{query}")).0, status, "{path}");
    }
    for (path, schema) in [("/purge", "Purge"), ("/warm", "Warm")] {
        let known = &document["components"]["schemas"][schema]["properties"];
        let nothing = post_to(&server, path, &full, "{\"unknown\": 1}").text();
        for name in known.as_object().expect("members").keys() {
            assert!(nothing.contains(name.as_str()), "{name} in {nothing}");
        }
    }
}

//! Numbers and lines about requests.

use larder_cache::Handling;
use larder_config::AccessLog;
use larder_semantics::Reason;
use larder_testkit::{Origin, Script};

use crate::{admin, connect, eventually, serve, start};

fn application() -> Origin {
    Origin::paths([
        ("/page", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "twelve bytes")),
        ("/own", Script::answer("200 OK", "Cache-Control: no-store\r\n", "private")),
    ])
}

#[test]
fn requests_are_counted_by_handling_reason_status_and_bytes() {
    let origin = application();
    let server = serve(&origin);
    let mut client = connect(&server);
    for target in ["/page", "/page", "/page", "/nothing"] {
        let _response = client.get(target);
    }
    let _response = client.request("POST", "/own", "Content-Length: 0\r\n");
    eventually("all are over", || server.metrics().requests(Handling::Hit, Reason::Fresh) == 2);
    let metrics = admin(&server, "/metrics").1;
    for line in [
        "larder_requests_total{handling=\"hit\",reason=\"fresh\"} 2\n",
        "larder_responses_total{status=\"2xx\"} 4\n",
        "larder_responses_total{status=\"4xx\"} 1\n",
        "larder_request_duration_seconds_count 5\n",
        "larder_connections_total 1\n",
        "larder_connections_open 1\n",
        "larder_request_duration_seconds_bucket{le=\"+Inf\"} 5\n",
        "larder_draining 0\n",
        "# EOF\n",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    let target = format!("larder_upstream_requests_total{{target=\"{}\"}} 3\n", origin.addr());
    assert!(metrics.contains(&target), "{target} in\n{metrics}");
}

#[test]
fn the_access_log_has_a_line_for_each_request_and_follows_a_rotation() {
    let folder = std::env::temp_dir().join(format!("larder-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("access.log");
    let origin = application();
    let change = |config: &mut larder_config::Config| {
        config.log.access = AccessLog::Json;
        config.log.path = Some(path.clone());
    };
    let server = start(&origin, change);
    let mut client = connect(&server);
    let _response = client.get("/page");
    let _response = client.request("GET", "/page?x", "User-Agent: a\"b\tc\r\nReferer: r\r\n");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    let _response = client.read_response();
    let lines = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("three lines", || lines().len() == 3);
    let lines_now = lines();
    assert!(
        lines_now[0].contains("\"target\":\"/page\"") && lines_now[0].contains("\"bytes\":12"),
        "{lines_now:?}"
    );
    assert!(lines_now[2].contains("\"reason\":\"repeated-host\""), "{lines_now:?}");
    let rotated = folder.join("access.log.1");
    std::fs::rename(&path, &rotated).expect("renamed");
    let mut again = crate::config(&origin);
    change(&mut again);
    drop(server.apply(again).expect("applied"));
    let _response = connect(&server).get("/page");
    eventually("a new file", || lines().len() == 1);
    server.shutdown();
    std::fs::remove_dir_all(&folder).expect("removed");
}

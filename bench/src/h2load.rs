//! The load where TLS or HTTP/2 is spoken: nghttp2's `h2load`, which knows both. It checks statuses; the
//! number of bytes is checked here.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::content::{Page, browser_fields};
use crate::peers;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// HTTP/1.1 in clear text: not by this program.
    Http1,
    /// HTTP/2 in clear text, with prior knowledge.
    Http2,
    /// HTTP/1.1 over TLS 1.3.
    Http1Tls,
    /// HTTP/2 over TLS 1.3.
    Http2Tls,
}

/// What one run is to do.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// What is spoken.
    pub wire: Wire,
    /// To whom.
    pub address: SocketAddr,
    /// By so many clients.
    pub connections: usize,
    /// Each asking so many times at once, where the protocol allows it.
    pub streams: usize,
    /// In all.
    pub requests: u64,
}

/// Asks for the small page and returns when all answers have come and were right.
///
/// # Errors
/// When `h2load` is missing, or one answer was not a 200 with the page's length.
pub fn run(run: &Run) -> anyhow::Result<()> {
    let mut command = Command::new(peers::program("h2load", "nghttp2-client")?);
    let (scheme, streams) = match run.wire {
        Wire::Http1 => bail!("the load without TLS is another program's"),
        Wire::Http2 => ("http", run.streams),
        // Several requests on one HTTP/1.1 connection would be pipelined, which no browser does.
        Wire::Http1Tls => ("https", 1),
        Wire::Http2Tls => ("https", run.streams),
    };
    if run.wire == Wire::Http1Tls {
        command.arg("--h1");
    }
    // One cipher for all servers: the one that clients prefer.
    command.arg("--tls13-ciphers=TLS_AES_128_GCM_SHA256");
    command.args(["--threads", "1", "--clients"]).arg(run.connections.to_string());
    command.arg("--max-concurrent-streams").arg(streams.to_string());
    command.arg("--requests").arg(run.requests.to_string());
    for field in browser_fields() {
        command.arg("--header").arg(field);
    }
    let mut target = Vec::new();
    Page::Small.write_target(&mut target);
    let target = String::from_utf8(target)?;
    command.arg(format!("{scheme}://{}{target}", run.address));
    let told = command.stdin(Stdio::null()).output().context("starting h2load")?;
    check(&String::from_utf8_lossy(&told.stdout), run)
}

fn check(told: &str, run: &Run) -> anyhow::Result<()> {
    let bytes = run.requests * Page::Small.body_bytes();
    let wanted = [format!("status codes: {} 2xx,", run.requests), format!(" ({bytes}) data")];
    for wanted in &wanted {
        if !told.contains(wanted.as_str()) {
            bail!("h2load does not say {wanted:?}:\n{told}");
        }
    }
    let protocol = match run.wire {
        Wire::Http1 | Wire::Http2 => return Ok(()),
        Wire::Http1Tls => "Application protocol: http/1.1",
        Wire::Http2Tls => "Application protocol: h2",
    };
    for wanted in [protocol, "TLS Protocol: TLSv1.3"] {
        if !told.contains(wanted) {
            bail!("h2load does not say {wanted:?}:\n{told}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Run, Wire, check};

    #[test]
    fn a_run_counts_only_if_all_of_it_was_answered_as_it_was_to_be() {
        let address = ([127, 0, 0, 1], 1).into();
        let run = |wire| Run { wire, address, connections: 1, streams: 1, requests: 10 };
        let told = "TLS Protocol: TLSv1.3\nApplication protocol: h2\n\
                    status codes: 10 2xx, 0 3xx, 0 4xx, 0 5xx\n\
                    traffic: 25.32KB (25927) total, 1.05KB (1075) headers, 20.00KB (20480) data\n";
        assert!(check(told, &run(Wire::Http2Tls)).is_ok());
        assert!(check(told, &run(Wire::Http1Tls)).is_err(), "another protocol");
        assert!(check(&told.replace("10 2xx", "9 2xx"), &run(Wire::Http2)).is_err(), "one failed");
        assert!(check(&told.replace("20480", "18432"), &run(Wire::Http2)).is_err(), "one was cut");
    }
}

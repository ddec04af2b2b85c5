//! Whether a body of 1 GiB streams: its client reads 32 MiB and then stops for a while, again and
//! again, and the server may not hold what the client does not take.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Finding, MIB, Options, mib};
use crate::content::{HUGE_BYTES, Huge, Page, write_browser_request};
use crate::load::{Ask, Load};
use crate::origin::Origin;
use crate::peers::Site;
use crate::process::{Server, pause};

const LIMIT_BYTES: u64 = 32 * MIB;
const READ_BETWEEN_STALLS_BYTES: u64 = 32 * MIB;
/// Long enough for loopback to fill every buffer on the way.
const STALL: Duration = Duration::from_millis(500);
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub(super) fn check(options: &Options) -> anyhow::Result<Vec<Finding>> {
    let origin = Origin::start(None)?;
    let site = Site::behind(origin.address, options.memory);
    let mut findings = Vec::new();
    for huge in Huge::ALL {
        // A server of its own each time: pages of an earlier one are not counted, nor reused.
        let server = options.server.start(site)?;
        Load::open(server.address, 16)?.run(Ask::MissesFrom(1), 1000)?;
        let before = server.memory().resident_bytes;
        let (found, kept) = match read_slowly(&server, huge) {
            Ok(most) => {
                let added = most.saturating_sub(before);
                (format!("{} added to {}", mib(added), mib(before)), added < LIMIT_BYTES)
            }
            // Some caches give up when the body has outgrown them: that is a finding, too.
            Err(error) => (format!("failed: {error:#}"), false),
        };
        let what = format!("1 GiB ({}), slow client: adds under {}", huge.name(), mib(LIMIT_BYTES));
        findings.push(Finding { what, found, kept });
    }
    Ok(findings)
}

/// Reads the whole body and gives the server's largest peak size while stalling.
fn read_slowly(server: &Server, huge: Huge) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    let mut request = Vec::new();
    write_browser_request(Page::Huge(huge), &mut request);
    stream.write_all(&request)?;
    let mut room = vec![0; 1 << 20];
    let (mut seen, mut until_stall, mut most) = (0, READ_BETWEEN_STALLS_BYTES, 0);
    // The head and chunk sizes come on top of the body, so this many bytes are surely there.
    while seen < HUGE_BYTES {
        let read = stream.read(&mut room).context("reading the body")? as u64;
        if read == 0 {
            bail!("the body ended after {seen} bytes");
        }
        if seen == 0 && !room.starts_with(b"HTTP/1.1 200") {
            bail!("not a 200: {}", String::from_utf8_lossy(room.get(..200).unwrap_or(&[])));
        }
        seen += read;
        until_stall = until_stall.saturating_sub(read);
        if until_stall == 0 {
            until_stall = READ_BETWEEN_STALLS_BYTES;
            pause(STALL);
            most = u64::max(most, server.memory().peak_bytes);
        }
    }
    Ok(most)
}

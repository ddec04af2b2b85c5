//! How long from exec to the first answer: a page through the proxy, from a warm disk cache.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::{Finding, Options};
use crate::content::{Page, write_browser_request};
use crate::origin::Origin;
use crate::peers::Site;
use crate::process::{Folder, listens, pause, spawn_on};
use crate::sys;

const STARTS: usize = 20;
const LIMIT: Duration = Duration::from_millis(100);
const GIVE_UP: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_micros(500);

pub(super) fn check(options: &Options) -> anyhow::Result<Vec<Finding>> {
    let origin = Origin::start(None)?;
    let site = Site::behind(origin.address, options.memory);
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(time_once(options, site)?);
    }
    times.sort();
    let median = times.get(STARTS / 2).copied().unwrap_or(Duration::MAX);
    let (least, most) = (times.first().copied(), times.last().copied());
    Ok(vec![Finding {
        what: format!("exec to first answer: under {} ms", LIMIT.as_millis()),
        found: format!(
            "{:.1?} median of {STARTS}, {:.1?} to {:.1?}",
            median,
            least.unwrap_or_default(),
            most.unwrap_or_default()
        ),
        kept: median < LIMIT,
    }])
}

fn time_once(options: &Options, site: Site) -> anyhow::Result<Duration> {
    let folder = Folder::new("start", &[])?;
    let (mut command, address) = options.server.command(site, &folder)?;
    let mut request = Vec::new();
    write_browser_request(Page::Small, &mut request);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

    let begin = Instant::now();
    let mut child = spawn_on(&mut command, None)?;
    let mut answered = Err(anyhow::anyhow!("no answer in {GIVE_UP:?}"));
    while begin.elapsed() < GIVE_UP {
        if !listens(address) {
            pause(LOOK_EVERY);
            continue;
        }
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(GIVE_UP))?;
        let mut room = [0; 12];
        let exchange = stream.write_all(&request).and_then(|()| stream.read_exact(&mut room));
        let elapsed = begin.elapsed();
        answered = match exchange {
            Ok(()) if room.starts_with(b"HTTP/1.1 200") => Ok(elapsed),
            Ok(()) => bail!("the first answer is {}", String::from_utf8_lossy(&room)),
            Err(error) => Err(error.into()),
        };
        break;
    }
    sys::ask_to_end(child.id())?;
    child.wait()?;
    answered
}

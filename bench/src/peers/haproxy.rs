//! The cache of `HAProxy`: one thread, objects up to 200 KiB, connections to the origin always reused.

use std::net::SocketAddr;
use std::process::Command;

use super::{Certificate, Site, program};
use crate::process::Folder;

pub(super) fn command(site: Site, address: SocketAddr, folder: &Folder) -> anyhow::Result<Command> {
    let haproxy = program("haproxy", "haproxy")?;
    let origin = site.origin;
    let memory = site.memory_mib;
    let doors = match site.doors {
        Some(doors) => {
            let Certificate { both, .. } = Certificate::write(folder)?;
            format!(
                "bind {} backlog 4096 proto h2
  bind {} backlog 4096 ssl crt {} alpn h2,http/1.1",
                doors.http2,
                doors.tls,
                both.display()
            )
        }
        None => String::new(),
    };
    let text = format!(
        "global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 75s
  option http-keep-alive
  option forwardfor
  http-reuse always
cache pages
  total-max-size {memory}
  max-object-size 204800
  max-age 86400
  process-vary on
frontend site
  bind {address} backlog 4096
  {doors}
  http-request set-header X-Forwarded-Proto http
  http-request del-header Cookie
  http-request cache-use pages
  http-response cache-store pages
  http-response set-header X-Cache-Status HIT if !{{ srv_id -m found }}
  http-response set-header X-Cache-Status MISS if {{ srv_id -m found }}
  default_backend application
backend application
  server origin {origin} pool-max-conn 64
"
    );
    let file = folder.write("haproxy.cfg", &text)?;
    let mut command = Command::new(haproxy);
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}

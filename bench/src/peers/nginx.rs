//! nginx `proxy_cache`: one worker, files on a memory-backed disk, keep-alive to the origin, one
//! fetch a key, stale while updating, the cookies of anonymous visitors not sent on.

use std::net::SocketAddr;
use std::process::Command;

use super::{Certificate, Site, program};
use crate::process::Folder;
use crate::sys;

pub(super) fn command(site: Site, address: SocketAddr, folder: &Folder) -> anyhow::Result<Command> {
    let place = folder.path().display();
    let origin = site.origin;
    let memory = site.memory_mib;
    let doors = doors(site, folder)?;
    let servers = format!(
        "open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 60s;
  proxy_cache_path {place}/cache levels=1:2 keys_zone=pages:32m max_size={memory}m inactive=1d use_temp_path=off;
  upstream application {{
    server {origin};
    keepalive 64;
    keepalive_requests 100000000;
  }}
  server {{
    listen {address} backlog=4096;
    {doors}
    location / {{
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
      proxy_set_header Cookie \"\";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_cache pages;
      proxy_cache_key $scheme$host$request_uri;
      proxy_cache_lock on;
      proxy_cache_revalidate on;
      proxy_cache_background_update on;
      proxy_cache_use_stale error timeout updating;
      add_header X-Cache-Status $upstream_cache_status;
    }}
  }}"
    );
    run(folder, "", &servers)
}

/// One worker with these servers and whatever else belongs into `http`; `modules` are lines that load them.
pub(super) fn run(folder: &Folder, modules: &str, servers: &str) -> anyhow::Result<Command> {
    let nginx = program("nginx", "nginx")?;
    let place = folder.path().display();
    let user = if sys::is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {place}/temp-{kind};\n"))
        .concat();
    let text = format!(
        "{modules}{user}
worker_processes 1;
daemon off;
pid {place}/pid;
error_log {place}/error.log error;
events {{ worker_connections 8192; }}
http {{
{temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  server_tokens off;
  types_hash_max_size 2048;
  {servers}
}}
"
    );
    let file = folder.write("nginx.conf", &text)?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("error.log"));
    command.arg("-c").arg(file);
    Ok(command)
}

/// The lines for HTTP/2 and TLS. TLS 1.3 is not on by default in this version.
fn doors(site: Site, folder: &Folder) -> anyhow::Result<String> {
    let Some(doors) = site.doors else { return Ok(String::new()) };
    let Certificate { chain, key, .. } = Certificate::write(folder)?;
    Ok(format!(
        "listen {} http2 backlog=4096;
    listen {} ssl http2 backlog=4096;
    ssl_certificate {};
    ssl_certificate_key {};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:10m;
    http2_max_requests 100000000;",
        doors.http2,
        doors.tls,
        chain.display(),
        key.display()
    ))
}

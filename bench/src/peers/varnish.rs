//! Varnish: one thread pool for one core, pages in malloc storage, working files in memory, cookies
//! taken off in VCL so that pages are looked up at all.

use std::net::SocketAddr;
use std::process::Command;

use super::{Site, program};
use crate::process::Folder;

pub(super) fn command(site: Site, address: SocketAddr, folder: &Folder) -> anyhow::Result<Command> {
    let varnishd = program("varnishd", "varnish")?;
    let text = format!(
        "vcl 4.1;
backend application {{
  .host = \"{}\";
  .port = \"{}\";
  .max_connections = 1000;
}}
sub vcl_recv {{
  if (req.method == \"GET\" || req.method == \"HEAD\") {{
    unset req.http.Cookie;
  }}
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{
    set resp.http.X-Cache-Status = \"HIT\";
  }} else {{
    set resp.http.X-Cache-Status = \"MISS\";
  }}
}}
",
        site.origin.ip(),
        site.origin.port()
    );
    let file = folder.write("default.vcl", &text)?;
    let mut command = Command::new(varnishd);
    command.arg("-F").arg("-n").arg(folder.path().join("work"));
    command.arg("-a").arg(address.to_string()).arg("-f").arg(file);
    command.arg("-s").arg(format!("malloc,{}m", site.memory_mib));
    // `none`: no rights to drop in a bench. The pool is for one core; a thousand clients may all wait.
    command.args(["-j", "none", "-T", "none"]);
    for parameter in [
        "thread_pools=1",
        "thread_pool_min=500",
        "thread_pool_max=2000",
        "timeout_idle=75",
        "listen_depth=4096",
        "backend_idle_timeout=60",
    ] {
        command.args(["-p", parameter]);
    }
    Ok(command)
}

//! nginx that answers with finished pages out of Memcached, in two ways: as `larder nginx-conf` writes it, and as it was usual
//! before, with keys by MD5 and a connection to Memcached for each request.
//!
//! Memcached has one thread and shares the core; its CPU is counted as nginx's is. The pages lie in it from the start, put there by
//! the benches: publishing is nobody's request. What is not there is asked of the application.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use larder_policy::Scheme;
use larder_policy::published::{KeyScheme, KeyStyle};

use super::{Site, larder, nginx, program};
use crate::content::{HOST, Page};
use crate::process::{Folder, Server, free_address};

/// How nginx finds a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recipe {
    /// As Larder writes it.
    Ours,
    /// As people wrote it.
    Old,
}

/// The modules that the old way needs, in the order in which nginx has to load them.
const MODULES: [&str; 2] = [
    "/usr/lib/nginx/modules/ndk_http_module.so",
    "/usr/lib/nginx/modules/ngx_http_set_misc_module.so",
];

/// What is missing, if anything is.
pub(super) fn check(recipe: Recipe) -> anyhow::Result<()> {
    program("memcached", "memcached")?;
    program("nginx", "nginx")?;
    match recipe {
        Recipe::Ours => larder::binary().map(drop),
        Recipe::Old if MODULES.iter().all(|module| Path::new(module).is_file()) => Ok(()),
        Recipe::Old => {
            bail!("nginx can't make MD5 sums: apt-get install libnginx-mod-http-set-misc")
        }
    }
}

/// A Memcached that has the pages under the keys by which `recipe` finds them.
pub(super) fn start(recipe: Recipe, site: Site) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(program("memcached", "memcached")?);
    command.args(["-u", "root", "-U", "0", "-t", "1", "-l", "127.0.0.1"]);
    command.arg("-p").arg(address.port().to_string());
    command.arg("-m").arg(site.memory_mib.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server::start(&mut command, address, site.core, None)?;
    for page in [Page::Small, Page::Large] {
        store(address, &key(recipe, page)?, page).context("storing a page in memcached")?;
    }
    Ok(server)
}

fn key(recipe: Recipe, page: Page) -> anyhow::Result<String> {
    let mut target = Vec::new();
    page.write_target(&mut target);
    let scheme = match recipe {
        Recipe::Ours => KeyScheme { scheme: Scheme::Http, ..KeyScheme::default() },
        Recipe::Old => KeyScheme {
            style: KeyStyle::DjangoNginxMemcache,
            prefix: "ps".to_owned(),
            scheme: Scheme::Http,
            ..KeyScheme::default()
        },
    };
    let key = scheme.key(Scheme::Http, HOST, std::str::from_utf8(&target)?, "");
    key.map_err(|reason| anyhow::anyhow!("no key for {page:?}: {reason:?}"))
}

fn store(address: SocketAddr, key: &str, page: Page) -> anyhow::Result<()> {
    let mut body = Vec::new();
    page.write_body(&mut body);
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "set {key} 0 0 {}\r\n", body.len())?;
    body.extend_from_slice(b"\r\n");
    stream.write_all(&body)?;
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said)?;
    if said != "STORED\r\n" {
        bail!("it says {said:?}");
    }
    Ok(())
}

pub(super) fn command(
    recipe: Recipe,
    site: Site,
    address: SocketAddr,
    folder: &Folder,
) -> anyhow::Result<Command> {
    let memcached = site.memcached.context("nginx has no memcached to read")?;
    let (modules, servers) = match recipe {
        Recipe::Ours => (String::new(), ours(site, memcached, address, folder)?),
        Recipe::Old => (
            MODULES.map(|module| format!("load_module {module};\n")).concat(),
            old(site, memcached, address),
        ),
    };
    nginx::run(folder, &modules, &servers)
}

/// The recipe of django-nginx-memcache. Its keys leave out the query, and whoever sends a cookie `pv` chooses a page version.
fn old(site: Site, memcached: SocketAddr, address: SocketAddr) -> String {
    let origin = site.origin;
    let mut misses = String::new();
    for status in [401, 403, 404, 405, 502] {
        let written = write!(misses, "error_page {status} = @application; ");
        debug_assert!(written.is_ok(), "writing to a String can't fail");
    }
    format!(
        "upstream application {{ server {origin}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen {address} backlog=4096;
    location / {{
      set $page_version \"\";
      if ($http_cookie ~* \"pv=([^;]+)(?:;|$)\") {{ set $page_version $1; }}
      set_md5 $hash_key $http_host$uri&pv=$page_version;
      set $memcached_key ps:1:$hash_key;
      default_type text/html;
      memcached_pass {memcached};
      {misses}
    }}
    location @application {{
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}"
    )
}

/// What `larder nginx-conf` says, with the listener of this run. Larder itself does not run: what is not in Memcached is asked of
/// the application in its place.
fn ours(
    site: Site,
    memcached: SocketAddr,
    address: SocketAddr,
    folder: &Folder,
) -> anyhow::Result<String> {
    let origin = site.origin;
    // The application's own place is taken: nobody is asked at the one that is named.
    let text = format!(
        "upstream = \"http://127.0.0.1:9\"\nhosts = [\"{HOST}\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [listen]\nhttp = [\"{origin}\"]\n\
         [publish.memcached]\nservers = [\"{memcached}\"]\n\
         [[rule]]\nmatch = \"^/\"\naudience = \"all-users\"\nttl = \"1d\"\npublish = \"nginx\"\n"
    );
    let file = folder.write("larder.toml", &text)?;
    let mut command = Command::new(larder::binary()?);
    command.arg("nginx-conf").arg("--config").arg(file).stderr(Stdio::inherit());
    let told = command.output()?;
    if !told.status.success() {
        bail!("{command:?} failed with {}", told.status);
    }
    let mut listens = false;
    let mut out = String::new();
    for line in String::from_utf8(told.stdout)?.lines() {
        if !line.trim_start().starts_with("listen ") {
            out.push_str(line);
            out.push('\n');
        } else if !std::mem::replace(&mut listens, true) {
            let written = writeln!(out, "    listen {address} backlog=4096;");
            debug_assert!(written.is_ok(), "writing to a String can't fail");
        }
    }
    Ok(out)
}

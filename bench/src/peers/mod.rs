//! How each server is started: one file a server, each tuned as its users would tune it for one core.

mod axum;
mod haproxy;
mod larder;
mod memcached;
mod nginx;
mod varnish;

use std::env;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

use crate::process::{Folder, Server, free_address};
use memcached::Recipe;

pub use larder::{binary as larder_binary, profile as larder_profile};

/// Servers that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// The bare epoll loop of [`crate::floor`].
    Floor,
    /// A bare hyper service without timers.
    FloorHyper,
    /// A bare hyper service with a header timer.
    FloorHyperTimer,
    /// An axum application whose handlers answer with the bytes of a hit.
    Axum,
    /// The same application with this project's layer around it.
    AxumLarder,
    /// The same with `http-cache-tower-server` around it, in memory.
    AxumHttpCache,
    /// The same with `axum-response-cache` around it.
    AxumResponseCache,
    /// This project.
    Larder,
    /// The cache of `HAProxy`.
    Haproxy,
    /// nginx `proxy_cache`.
    Nginx,
    /// nginx that reads finished pages from Memcached as `larder nginx-conf` writes it.
    NginxMemcached,
    /// The same as it was usual before: keys by MD5, a connection a request.
    NginxMemcachedOld,
    /// Varnish.
    Varnish,
}

/// What a server can be asked to do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Answers the two fixed pages from memory, and has no origin.
    HitsOnly,
    /// A cache in front of an origin.
    Cache,
}

/// Where a server finds the rest of the world.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The application.
    pub origin: SocketAddr,
    /// The core that the server is kept on.
    pub core: Option<usize>,
    /// How much memory its cache may use.
    pub memory_mib: u64,
    /// Where else it is to listen, if it can.
    pub doors: Option<Doors>,
    /// The Memcached that nginx reads, if it does.
    pub memcached: Option<SocketAddr>,
}

impl Site {
    /// A site with this application and so much memory, and nothing else.
    #[must_use]
    pub const fn behind(origin: SocketAddr, memory_mib: u64) -> Self {
        Self { origin, core: None, memory_mib, doors: None, memcached: None }
    }
}

/// Listeners beside the one for HTTP/1.1 in clear text.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// HTTP/2 in clear text, with prior knowledge.
    pub http2: SocketAddr,
    /// TLS, HTTP/1.1 and HTTP/2 as they agree.
    pub tls: SocketAddr,
}

impl Doors {
    /// Two addresses that are free.
    ///
    /// # Errors
    /// When the machine has no loopback.
    pub fn free() -> anyhow::Result<Self> {
        Ok(Self { http2: free_address()?, tls: free_address()? })
    }
}

/// The certificate that all servers show: its file and its key's.
pub(crate) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    /// Both in one, as `HAProxy` wants it.
    both: PathBuf,
}

impl Certificate {
    /// Puts it into `folder`. The key is of the kind that certificates have today: P-256.
    fn write(folder: &Folder) -> anyhow::Result<Self> {
        static MADE: OnceLock<Option<(String, String)>> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).ok()?;
            Some((made.cert.pem(), made.signing_key.serialize_pem()))
        });
        let (chain, key) = made.as_ref().context("no certificate could be made")?;
        Ok(Self {
            both: folder.write("both.pem", &format!("{chain}{key}"))?,
            chain: folder.write("chain.pem", chain)?,
            key: folder.write("key.pem", key)?,
        })
    }
}

impl Peer {
    /// All that `bench/compare` measures when not told otherwise.
    pub const COMPARED: [Self; 7] = [
        Self::Floor,
        Self::Larder,
        Self::Haproxy,
        Self::Nginx,
        Self::NginxMemcached,
        Self::NginxMemcachedOld,
        Self::Varnish,
    ];

    /// Its name in tables and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorHyper => "floor-hyper",
            Self::FloorHyperTimer => "floor-hyper-timer",
            Self::Axum => "axum",
            Self::AxumLarder => "axum-larder",
            Self::AxumHttpCache => "axum-http-cache",
            Self::AxumResponseCache => "axum-response-cache",
            Self::Larder => "larder",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::NginxMemcached => "nginx-memcached",
            Self::NginxMemcachedOld => "nginx-memcached-old",
            Self::Varnish => "varnish",
        }
    }

    /// What it can do here.
    #[must_use]
    pub const fn ability(self) -> Ability {
        match self {
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder
            | Self::AxumHttpCache
            | Self::AxumResponseCache => Ability::HitsOnly,
            Self::Larder
            | Self::Haproxy
            | Self::Nginx
            | Self::NginxMemcached
            | Self::NginxMemcachedOld
            | Self::Varnish => Ability::Cache,
        }
    }

    /// Whether it speaks TLS and HTTP/2 here.
    #[must_use]
    pub const fn has_doors(self) -> bool {
        match self {
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder
            | Self::AxumHttpCache
            | Self::AxumResponseCache
            | Self::NginxMemcached
            | Self::NginxMemcachedOld
            | Self::Varnish => false,
            Self::Larder | Self::Haproxy | Self::Nginx => true,
        }
    }

    /// What has to be installed, when it is not.
    ///
    /// # Errors
    /// A sentence naming the Debian package or the command that builds it.
    pub fn check(self) -> anyhow::Result<()> {
        match self {
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder => Ok(()),
            Self::AxumHttpCache | Self::AxumResponseCache => axum::binary().map(drop),
            Self::Larder => larder::binary().map(drop),
            Self::Haproxy => program("haproxy", "haproxy").map(drop),
            Self::Nginx => program("nginx", "nginx").map(drop),
            Self::NginxMemcached => memcached::check(Recipe::Ours),
            Self::NginxMemcachedOld => memcached::check(Recipe::Old),
            Self::Varnish => program("varnishd", "varnish").map(drop),
        }
    }

    /// The first line of what it says of its version.
    #[must_use]
    pub fn version(self) -> String {
        let command = match self {
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder => return self.name().into(),
            Self::AxumHttpCache | Self::AxumResponseCache => return axum::version(self),
            Self::Larder => larder::binary().map(|path| (path, "--version")),
            Self::Haproxy => program("haproxy", "haproxy").map(|path| (path, "-v")),
            Self::Nginx | Self::NginxMemcached | Self::NginxMemcachedOld => {
                program("nginx", "nginx").map(|path| (path, "-v"))
            }
            Self::Varnish => program("varnishd", "varnish").map(|path| (path, "-V")),
        };
        let told = command.ok().and_then(|(path, flag)| Command::new(path).arg(flag).output().ok());
        let all = told.map(|told| [told.stdout, told.stderr].concat()).unwrap_or_default();
        String::from_utf8_lossy(&all).lines().next().unwrap_or("unknown").trim().to_owned()
    }

    /// The command that runs it in the foreground, and where it will listen. Its files go to `folder`.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn command(self, site: Site, folder: &Folder) -> anyhow::Result<(Command, SocketAddr)> {
        let address = free_address()?;
        let command = match self {
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder => floor(self, address)?,
            Self::AxumHttpCache | Self::AxumResponseCache => axum::command(self, address)?,
            Self::Larder => larder::command(site, address, folder)?,
            Self::Haproxy => haproxy::command(site, address, folder)?,
            Self::Nginx => nginx::command(site, address, folder)?,
            Self::NginxMemcached => memcached::command(Recipe::Ours, site, address, folder)?,
            Self::NginxMemcachedOld => memcached::command(Recipe::Old, site, address, folder)?,
            Self::Varnish => varnish::command(site, address, folder)?,
        };
        Ok((command, address))
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start(self, site: Site) -> anyhow::Result<Server> {
        // Memory-backed if the machine has it: logs and stores there are not what is measured.
        let folder = Folder::new(self.name(), &[Path::new("/dev/shm")])?;
        let beside = match self {
            Self::NginxMemcached => Some(memcached::start(Recipe::Ours, site)?),
            Self::NginxMemcachedOld => Some(memcached::start(Recipe::Old, site)?),
            Self::Floor
            | Self::FloorHyper
            | Self::FloorHyperTimer
            | Self::Axum
            | Self::AxumLarder
            | Self::AxumHttpCache
            | Self::AxumResponseCache
            | Self::Larder
            | Self::Haproxy
            | Self::Nginx
            | Self::Varnish => None,
        };
        let site = Site { memcached: beside.as_ref().map(|server| server.address), ..site };
        let (mut command, address) = self.command(site, &folder)?;
        let log = File::create(folder.path().join("output.log"))?;
        command.stdout(Stdio::from(log.try_clone()?)).stderr(Stdio::from(log));
        let server = Server::start(&mut command, address, site.core, Some(folder))
            .with_context(|| format!("starting {}", self.name()))?;
        Ok(match beside {
            Some(other) => server.beside(other),
            None => server,
        })
    }
}

/// The hidden first argument with which the programs here start themselves as a floor.
pub const SERVE_FLOOR: &str = "serve-floor";

fn floor(peer: Peer, address: SocketAddr) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(SERVE_FLOOR).arg(peer.name()).arg(address.to_string());
    Ok(command)
}

/// Finds a program on the path or where Debian puts daemons.
pub(crate) fn program(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = places.map(|place| place.join(name)).find(|file| file.is_file());
    match found {
        Some(file) => Ok(file),
        None => bail!("{name} is not installed: apt-get install {package}"),
    }
}

//! Other caches for axum: a program of its own, which nobody compiles who does not measure them (`bench/axum-caches`).

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::Peer;

/// The program with the name by which it knows the cache.
pub(super) fn command(peer: Peer, address: SocketAddr) -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg(name(peer)).arg(address.to_string());
    Ok(command)
}

/// The crate and its version.
pub(super) fn version(peer: Peer) -> String {
    let lock = include_str!("../../axum-caches/Cargo.lock");
    let name = name(peer);
    let found = lock.split("[[package]]").find_map(|package| {
        let package = package.trim_start().strip_prefix(&format!("name = \"{name}\""))?;
        package.trim_start().strip_prefix("version = \"")?.split('"').next()
    });
    format!("{name} {}", found.unwrap_or("unknown"))
}

fn name(peer: Peer) -> &'static str {
    if peer == Peer::AxumHttpCache { "http-cache-tower-server" } else { "axum-response-cache" }
}

/// Beside this program, or in a folder of its own workspace.
pub(super) fn binary() -> anyhow::Result<PathBuf> {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join("axum-caches")));
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("axum-caches/target");
    let built = ["release", "fast"].map(|profile| target.join(profile).join("axum-caches"));
    match beside.into_iter().chain(built).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "no axum-caches: cargo build --release --manifest-path bench/axum-caches/Cargo.toml"
        ),
    }
}

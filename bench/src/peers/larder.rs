//! Larder: as it is out of the box, with one worker where there is one core.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::{Certificate, Site};
use crate::process::Folder;

/// `larder serve` in front of the site's origin. `LARDER_ARGS` adds options.
pub(super) fn command(site: Site, address: SocketAddr, folder: &Folder) -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(["serve", "--admin", "off"]);
    command.arg("--to").arg(format!("http://{}", site.origin));
    command.arg("--memory").arg(format!("{}MiB", site.memory_mib));
    if site.core.is_some() {
        command.args(["--workers", "1"]);
    }
    if let Some(doors) = site.doors {
        let Certificate { chain, key, .. } = Certificate::write(folder)?;
        let text = format!(
            "[listen]\nhttp = [\"{address}\", \"{}\"]\nhttps = \"{}\"\n\
             [[tls.certificate]]\nchain = {chain:?}\nkey = {key:?}\n",
            doors.http2, doors.tls
        );
        command.arg("--config").arg(folder.write("larder.toml", &text)?);
    } else {
        command.arg("--listen").arg(address.to_string());
    }
    let more = env::var("LARDER_ARGS").unwrap_or_default();
    command.args(more.split_whitespace());
    Ok(command)
}

/// The binary that is measured: `LARDER_BIN`, else the one built beside this program, else the
/// workspace's release or fast build.
///
/// # Errors
/// When there is none: the command that builds it.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("LARDER_BIN") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        bail!("LARDER_BIN names {}, which is not a file", path.display());
    }
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join("larder")));
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let built = ["release", "fast"].map(|profile| target.join(profile).join("larder"));
    match beside.into_iter().chain(built).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("no larder binary: cargo build --release (or set LARDER_BIN)"),
    }
}

/// The profile a binary was built with, by the folder cargo put it in.
#[must_use]
pub fn profile(binary: &Path) -> String {
    let folder = binary.parent().and_then(Path::file_name);
    folder.map_or_else(|| "unknown".into(), |name| name.to_string_lossy().into_owned())
}

//! What does this machine offer?
//!
//! The only facts from outside that checking depends on, so they are values that tests can choose.

use std::fs;
use std::thread;

/// The time, by which certificates are judged.
#[cfg(feature = "tls")]
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that asks for the time")]
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Cores and memory, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Cores this process may use, at least one.
    pub cores: usize,
    /// Bytes of memory this process may use: the smaller of the machine's and its control group's.
    pub memory_bytes: Option<usize>,
}

impl Machine {
    /// Asks the system. What it does not say is unknown, never an error.
    #[must_use]
    pub fn here() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let total = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_bytes(&text));
        // In a container the group's limit is what ends a process, whatever the machine has.
        let group = fs::read_to_string("/sys/fs/cgroup/memory.max")
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let memory_bytes = match (total, group) {
            (Some(total), Some(group)) => Some(usize::min(total, group)),
            (known, None) | (None, known) => known,
        };
        Self { cores, memory_bytes }
    }
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB there.
fn total_bytes(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::total_bytes;

    #[test]
    fn memory_is_read_in_kibibytes_and_nonsense_is_unknown() {
        let cases = [
            ("MemTotal:       16 kB\nMemFree: 3 kB\n", Some(16 * 1024)),
            ("MemFree: 3 kB\n", None),
            ("MemTotal: lots\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(total_bytes(text), expected, "{text:?}");
        }
    }
}

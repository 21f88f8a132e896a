//! What the machine says of itself: load, memory, disk.

use blendnet_protocol::Host;
use fs_err as fs;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Load, memory, and the disk that `dir` is on. What can't be read is left out.
pub fn read(dir: &Path) -> Host {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Host { load: parse_load(&load), memory: parse_memory(&memory), disk: disk(dir) }
}

/// This machine's name.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Bytes that a file in `dir` may still grow by.
pub fn free_bytes(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir).map_err(|error| {
        io::Error::new(error.kind(), format!("disk of {}: {error}", dir.display()))
    })?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn parse_load(text: &str) -> [f64; 3] {
    let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
    [(); 3].map(|()| numbers.next().unwrap_or(0.0))
}

fn parse_memory(text: &str) -> BTreeMap<String, f64> {
    let wanted = ["MemTotal", "MemFree", "MemAvailable"];
    let of_line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let kib: f64 = value.split_whitespace().next()?.parse().ok()?;
        wanted.contains(&name).then(|| (name.to_owned(), kib / 1024.0))
    };
    text.lines().filter_map(of_line).collect()
}

fn disk(dir: &Path) -> BTreeMap<String, f64> {
    let Ok(disk) = rustix::fs::statvfs(dir) else { return BTreeMap::new() };
    #[expect(clippy::cast_precision_loss, reason = "shown in whole MB")]
    let mb = |blocks: u64| blocks.saturating_mul(disk.f_frsize) as f64 / f64::from(1 << 20);
    BTreeMap::from([
        ("total".to_owned(), mb(disk.f_blocks)),
        ("available".to_owned(), mb(disk.f_bavail)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_disk() {
        let host = read(Path::new("/"));
        assert!(host.memory.get("MemTotal").is_some_and(|mb| *mb > 0.0));
        assert!(host.disk.get("total") >= host.disk.get("available"));
        assert!(free_bytes(Path::new("/")).is_ok());
    }

    #[test]
    fn texts_of_the_kernel_are_read_and_nonsense_is_left_out() {
        assert!(parse_load("0.5 1.25 2 1/300 4711\n").iter().eq(&[0.5, 1.25, 2.0]));
        assert!(parse_load("").iter().eq(&[0.0, 0.0, 0.0]));
        let memory = parse_memory("MemTotal:  2048 kB\nMemFree: x kB\nBuffers: 5 kB\n");
        assert_eq!(memory, BTreeMap::from([("MemTotal".to_owned(), 2.0)]));
        assert!(free_bytes(Path::new("/no/such/folder")).is_err());
    }
}

//! The one way to write to a film's file, so that tests can end a program at any write.

use fs_err as fs;
use fs_err::os::unix::fs::FileExt as _;
use std::io;

/// Writes all of `bytes` at an offset.
pub(crate) fn write_all_at(file: &fs::File, bytes: &[u8], at: u64) -> io::Result<()> {
    #[cfg(test)]
    if let Some(torn) = faults::cut(bytes) {
        file.write_all_at(torn, at)?;
        return Err(io::Error::other("killed"));
    }
    file.write_all_at(bytes, at)
}

/// A program that is killed in the middle of its writes.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;

    thread_local! {
        static WRITES_LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Lets so many writes through, then half of one, then none; `None`: all.
    pub(crate) fn kill_after(writes: Option<usize>) {
        WRITES_LEFT.set(writes);
    }

    /// Whether all writes were let through.
    pub(crate) fn is_alive() -> bool {
        WRITES_LEFT.get() != Some(usize::MAX)
    }

    /// What a killed program still writes of `bytes`; `None`: all of them.
    pub(super) fn cut(bytes: &[u8]) -> Option<&[u8]> {
        match WRITES_LEFT.get()? {
            usize::MAX => Some(&[]),
            0 => {
                WRITES_LEFT.set(Some(usize::MAX));
                Some(bytes.split_at(bytes.len() / 2).0)
            }
            left => {
                WRITES_LEFT.set(Some(left - 1));
                None
            }
        }
    }
}

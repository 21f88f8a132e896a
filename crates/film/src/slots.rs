//! Where a film's header lies in its file: in two places that are written in turn, so that one of
//! them is whole wherever a program or a machine ends.

use crate::FilmError;
use crate::write_at::write_all_at;
use fs_err as fs;
use fs_err::os::unix::fs::FileExt as _;
use std::io;

/// Room for a header: manifests of cryptomattes can be long.
const SLOT_BYTES: u64 = 4 << 20;

/// Where the planes start.
pub(crate) const PLANES_START: u64 = 2 * SLOT_BYTES;

const MAGIC: u64 = u64::from_le_bytes(*b"BNFILM02");

/// Magic, number of the writing, length and checksum.
const PREFIX_BYTES: usize = 4 * size_of::<u64>();

/// The newest header that is whole, with the number of its writing.
pub(crate) fn read(file: &fs::File) -> Result<Option<(u64, Vec<u8>)>, FilmError> {
    let first = read_slot(file, 0)?;
    let second = read_slot(file, 1)?;
    Ok(first.into_iter().chain(second).max_by_key(|(number, _)| *number))
}

/// Writes a header, for good before anything else is done.
pub(crate) fn write(file: &fs::File, number: u64, header: &[u8]) -> Result<(), FilmError> {
    check_length(file, header)?;
    let words = [MAGIC, number, header.len() as u64, checksum(number, header)];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend_from_slice(header);
    write_all_at(file, &bytes, number % 2 * SLOT_BYTES)?;
    Ok(file.sync_data()?)
}

/// Whether a header has room.
pub(crate) fn check_length(file: &fs::File, header: &[u8]) -> Result<(), FilmError> {
    let needed_bytes = header.len() + PREFIX_BYTES;
    if needed_bytes as u64 <= SLOT_BYTES {
        return Ok(());
    }
    Err(FilmError::HeaderFull { path: file.path().to_owned(), needed_bytes })
}

fn read_slot(file: &fs::File, slot: u64) -> Result<Option<(u64, Vec<u8>)>, FilmError> {
    let start = slot * SLOT_BYTES;
    let mut prefix = [0; PREFIX_BYTES];
    if !read_whole(file, &mut prefix, start)? {
        return Ok(None);
    }
    let (words, _) = prefix.as_chunks::<8>();
    let [magic, number, length, sum] = <[u64; 4]>::try_from(
        words.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>(),
    )
    .unwrap_or_default();
    if magic != MAGIC || length > SLOT_BYTES {
        return Ok(None);
    }
    let mut header = vec![0; usize::try_from(length).unwrap_or(0)];
    let is_whole = read_whole(file, &mut header, start + PREFIX_BYTES as u64)?;
    let is_same = is_whole && checksum(number, &header) == sum && slot == number % 2;
    Ok(is_same.then_some((number, header)))
}

fn read_whole(file: &fs::File, bytes: &mut [u8], start: u64) -> Result<bool, FilmError> {
    match file.read_exact_at(bytes, start) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// FNV-1a.
pub(crate) fn checksum(number: u64, bytes: &[u8]) -> u64 {
    let hash = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let start = number.to_le_bytes().iter().fold(0xcbf2_9ce4_8422_2325, hash);
    bytes.iter().fold(start, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, fs::File) {
        let dir = tempfile::tempdir().unwrap();
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true);
        let file = options.open(dir.path().join("film")).unwrap();
        (dir, file)
    }

    #[test]
    fn the_newest_header_counts() {
        let (_dir, file) = file();
        assert_eq!(read(&file).unwrap(), None);
        for (number, header) in [(1, "one"), (2, "two"), (3, "three")] {
            write(&file, number, header.as_bytes()).unwrap();
            assert_eq!(read(&file).unwrap(), Some((number, header.as_bytes().to_vec())));
        }
    }

    #[test]
    fn a_torn_header_leaves_the_one_before() {
        let (_dir, file) = file();
        write(&file, 1, b"one").unwrap();
        write(&file, 2, b"two").unwrap();
        file.write_all_at(b"X", PREFIX_BYTES as u64 + 1).unwrap();
        assert_eq!(read(&file).unwrap(), Some((1, b"one".to_vec())));
    }

    #[test]
    fn a_header_that_is_too_long_is_refused() {
        let (_dir, file) = file();
        let long = vec![0; usize::try_from(SLOT_BYTES).unwrap()];
        assert!(matches!(write(&file, 1, &long), Err(FilmError::HeaderFull { .. })));
    }
}

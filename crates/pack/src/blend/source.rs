//! The bytes of an unpacked .blend, wherever they are, read a piece at a time.

use super::frames::Frames;
use super::{BlendError, unpack};
use fs_err::File;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

/// The smallest read from disk; doubled while reading goes straight on.
const FIRST_READ: usize = 8 << 10;
/// The largest read ahead.
const LONGEST_READ: usize = 256 << 10;

/// Bytes as they are stored, packed or not.
#[derive(Debug)]
pub(super) enum Raw {
    Memory(Vec<u8>),
    File { file: File, len: u64 },
}

impl Raw {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self::File { file, len })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Fills `buffer`; an error if there is less.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                let part = rest.get(..buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(part);
                Ok(())
            }
            Self::File { file, .. } => read_file_at(file, offset, buffer),
        }
    }
}

#[cfg(unix)]
pub(super) fn read_file_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file.file(), buffer, offset)
}

#[cfg(windows)]
pub(super) fn read_file_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file.file(), buffer, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.split_at_mut(read).1;
        offset += read as u64;
    }
    Ok(())
}

/// Reads stored bytes from the start on.
pub(super) struct RawReader<'a> {
    pub(super) raw: &'a Raw,
    pub(super) at: u64,
}

impl Read for RawReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.raw.len().saturating_sub(self.at);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (part, _) = buffer.split_at_mut(len);
        self.raw.read_at(self.at, part)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// The bytes of an unpacked .blend.
#[derive(Debug)]
pub(super) struct Source {
    store: Store,
    len: u64,
    packing: Packing,
}

/// How a .blend is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

#[derive(Debug)]
enum Store {
    Memory(Raw),
    File { raw: Raw, window: Mutex<Window> },
    Frames(Frames),
}

/// What was read last.
#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Source {
    /// Finds out how it is packed, and unpacks what can't be unpacked piecemeal.
    pub(super) fn new(raw: Raw) -> Result<Self, BlendError> {
        let mut start = [0_u8; 4];
        if raw.len() >= 4 {
            raw.read_at(0, &mut start)?;
        }
        match start {
            [0x1f, 0x8b, ..] => Ok(Self::plain(unpack::gzip(&raw)?, Packing::Gzip)),
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                match Frames::find(raw)? {
                    Ok(frames) => Ok(Self::frames(frames)),
                    Err(raw) => Ok(Self::plain(unpack::zstd(&raw)?, Packing::Zstd)),
                }
            }
            _ => Ok(Self::plain(raw, Packing::None)),
        }
    }

    fn frames(frames: Frames) -> Self {
        Self { len: frames.len(), store: Store::Frames(frames), packing: Packing::Zstd }
    }

    fn plain(raw: Raw, packing: Packing) -> Self {
        let len = raw.len();
        let store = match raw {
            Raw::Memory(_) => Store::Memory(raw),
            Raw::File { .. } => Store::File { raw, window: Mutex::default() },
        };
        Self { store, len, packing }
    }

    pub(super) fn packing(&self) -> Packing {
        self.packing
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer`; an error if there is less.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), BlendError> {
        match &self.store {
            Store::Memory(raw) => Ok(raw.read_at(offset, buffer)?),
            Store::Frames(frames) => frames.read_at(offset, buffer),
            Store::File { raw, window } => {
                let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(window.read_at(raw, offset, buffer)?)
            }
        }
    }
}

impl Window {
    fn read_at(&mut self, raw: &Raw, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.copy(offset, buffer) {
            return Ok(());
        }
        if buffer.len() >= LONGEST_READ {
            return raw.read_at(offset, buffer);
        }
        let end = self.start + self.bytes.len() as u64;
        let goes_on = offset >= self.start && offset <= end + FIRST_READ as u64;
        let ahead = if goes_on { self.bytes.len() * 2 } else { 0 };
        let len = ahead.clamp(FIRST_READ, LONGEST_READ).max(buffer.len());
        let left = usize::try_from(raw.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        self.bytes.resize(len.min(left), 0);
        self.start = offset;
        if let Err(error) = raw.read_at(offset, &mut self.bytes) {
            self.bytes.clear();
            return Err(error);
        }
        if self.copy(offset, buffer) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Whether all of it was there.
    fn copy(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let Some(from) = offset.checked_sub(self.start) else { return false };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        let Some(part) = rest.get(..buffer.len()) else { return false };
        buffer.copy_from_slice(part);
        true
    }
}

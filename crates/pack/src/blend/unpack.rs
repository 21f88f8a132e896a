//! gzip and zstd in one go: to memory, and beyond a bound to a file without a name.

use super::BlendError;
use super::source::{Raw, RawReader};
use flate2::read::MultiGzDecoder;
use fs_err::File;
use std::io::{self, BufReader, Read, Write};

/// Unpacked bytes kept in memory; more go to a temporary file.
pub(super) const IN_MEMORY_BYTES: u64 = 64 << 20;
/// No .blend is larger.
const LARGEST_BYTES: u64 = 64 << 30;
/// No .blend beyond [`IN_MEMORY_BYTES`] shrinks that much.
const HIGHEST_RATIO: u64 = 1_000;

/// Whether that much may come out of that much.
pub(super) fn is_bomb(packed_bytes: u64, unpacked_bytes: u64) -> bool {
    let ratio = packed_bytes.saturating_mul(HIGHEST_RATIO);
    unpacked_bytes > LARGEST_BYTES || unpacked_bytes > IN_MEMORY_BYTES.max(ratio)
}

/// Where unpacked bytes go.
struct Spool {
    format: &'static str,
    memory: Vec<u8>,
    file: Option<File>,
    len: u64,
}

impl Spool {
    fn new(format: &'static str) -> Self {
        Self { format, memory: Vec::new(), file: None, len: 0 }
    }

    fn push(&mut self, bytes: &[u8], packed_bytes: u64) -> Result<(), BlendError> {
        let unpacked_bytes = self.len + bytes.len() as u64;
        if is_bomb(packed_bytes, unpacked_bytes) {
            return Err(BlendError::Bomb { format: self.format, packed_bytes, unpacked_bytes });
        }
        if self.file.is_none() && unpacked_bytes <= IN_MEMORY_BYTES {
            self.memory.extend_from_slice(bytes);
        } else {
            self.spill(bytes)
                .map_err(|source| BlendError::Spool { unpacked_bytes: self.len, source })?;
        }
        self.len = unpacked_bytes;
        Ok(())
    }

    fn spill(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let mut file = unnamed_file()?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        self.file.iter_mut().try_for_each(|file| file.write_all(bytes))
    }

    fn finish(self) -> Raw {
        match self.file {
            Some(file) => Raw::File { file, len: self.len },
            None => Raw::Memory(self.memory),
        }
    }
}

/// A file that is gone when it is closed.
pub(super) fn unnamed_file() -> io::Result<File> {
    Ok(File::from_parts(tempfile::tempfile()?, "the unpacked .blend"))
}

/// Unpacks gzip, as Blender up to 2.93 writes it.
pub(super) fn gzip(raw: &Raw) -> Result<Raw, BlendError> {
    let reader = BufReader::with_capacity(64 << 10, RawReader { raw, at: 0 });
    unpack(MultiGzDecoder::new(reader), Spool::new("gzip"), |reader| reader.get_ref().get_ref().at)
}

/// Unpacks zstd without a table of its frames.
pub(super) fn zstd(raw: &Raw) -> Result<Raw, BlendError> {
    let reader = BufReader::with_capacity(64 << 10, RawReader { raw, at: 0 });
    let spool = Spool::new("zstd");
    match zstd::Decoder::with_buffer(reader) {
        Ok(reader) => unpack(reader, spool, |reader| reader.get_ref().get_ref().at),
        Err(source) => Err(unpack_error(&spool, source)),
    }
}

/// Unpacks to the end; `packed_bytes` says how much was read for that.
fn unpack<R: Read>(
    mut reader: R,
    mut spool: Spool,
    packed_bytes: impl Fn(&R) -> u64,
) -> Result<Raw, BlendError> {
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = reader.read(&mut piece).map_err(|source| unpack_error(&spool, source))?;
        if read == 0 {
            return Ok(spool.finish());
        }
        spool.push(piece.get(..read).unwrap_or_default(), packed_bytes(&reader))?;
    }
}

fn unpack_error(spool: &Spool, source: io::Error) -> BlendError {
    BlendError::Unpack { format: spool.format, unpacked_bytes: spool.len, source }
}

//! Why a .blend can't be read.

use std::io;

/// Why a .blend can't be read. Which file it is, the caller says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlendError {
    /// The file can't be read; the source says why.
    #[error("reading a .blend")]
    Io(#[from] io::Error),
    /// A folder, a pipe or a device.
    #[error("not a file")]
    NotAFile,
    /// No bytes at all.
    #[error("empty: the disk may have been full when it was saved")]
    Empty,
    /// It begins like no .blend.
    #[error("not a .blend: it begins with \"{start}\"")]
    NotABlend {
        /// The first bytes as text.
        start: String,
    },
    /// Neither the header of 2.80–4.x nor that of 5.x.
    #[error("a .blend header that this version can't read: \"{header}\"")]
    UnknownHeader {
        /// The header as text.
        header: String,
    },
    /// The file ends before it says that it does.
    #[error(
        "cut short: {blocks} whole blocks and {read_bytes} bytes, then no end mark; copy or \
         save it once more"
    )]
    Truncated {
        /// How many whole blocks were found.
        blocks: usize,
        /// Where the last whole block ends, unpacked.
        read_bytes: u64,
    },
    /// What should be a block is none.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// Where, in the unpacked file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It has no DNA, or one that contradicts itself.
    #[error("its description of structures (DNA) can't be used: {what}")]
    BadDna {
        /// What is wrong.
        what: &'static str,
    },
    /// The packed data ends early or is damaged.
    #[error("its {format} data can't be unpacked beyond {unpacked_bytes} bytes")]
    Unpack {
        /// gzip or zstd.
        format: &'static str,
        /// How much could be unpacked.
        unpacked_bytes: u64,
        /// What the unpacker says.
        #[source]
        source: io::Error,
    },
    /// It unpacks to more than any scene.
    #[error(
        "unpacks {packed_bytes} bytes of {format} to more than {unpacked_bytes}; no scene does \
         that, so it is refused"
    )]
    Bomb {
        /// gzip or zstd.
        format: &'static str,
        /// How much was read.
        packed_bytes: u64,
        /// How much came out of that.
        unpacked_bytes: u64,
    },
    /// The temporary folder has no room, or can't be written.
    #[error("keeping the unpacked .blend in the temporary folder, at {unpacked_bytes} bytes")]
    Spool {
        /// How much was unpacked.
        unpacked_bytes: u64,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// More blocks than are kept track of.
    #[error("has more than {limit} blocks")]
    TooManyBlocks {
        /// How many are read.
        limit: usize,
    },
    /// Paths of it can't be rewritten: they do not fit, or the file is not the one that was read.
    #[error("its paths can't be rewritten; it was saved in the meantime, or is damaged")]
    CannotEdit,
}

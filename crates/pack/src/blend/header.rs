//! The first bytes of a .blend: its version, its byte order, and how its blocks are headed.

use super::BlendError;
use std::fmt;

/// The Blender version that wrote a file, as in its header: 304 is 3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// 3 of 3.4.
    pub fn major(self) -> u16 {
        self.0 / 100
    }

    /// 4 of 3.4.
    pub fn minor(self) -> u16 {
        self.0 % 100
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}

/// How numbers are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Most significant byte first.
    pub(super) big_endian: bool,
    /// 4 or 8.
    pub(super) pointer_bytes: usize,
}

impl Layout {
    /// The unsigned number in 1, 2, 4 or 8 bytes.
    pub(super) fn unsigned(self, bytes: &[u8]) -> Option<u64> {
        if bytes.is_empty() || bytes.len() > 8 {
            return None;
        }
        let join = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        let little = |bytes: &[u8]| bytes.iter().rev().fold(0, join);
        Some(if self.big_endian { bytes.iter().fold(0, join) } else { little(bytes) })
    }

    /// The signed number in 1, 2, 4 or 8 bytes.
    pub(super) fn signed(self, bytes: &[u8]) -> Option<i64> {
        let unused = 64_u32.checked_sub(u32::try_from(bytes.len()).ok()? * 8)?;
        Some((self.unsigned(bytes)? << unused).cast_signed() >> unused)
    }

    /// A number in `len` bytes, at most 8; higher bytes are cut off.
    pub(super) fn bytes_of(self, number: u64, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(len).collect();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The unsigned number of `len` bytes at `offset`.
    pub(super) fn unsigned_at(self, bytes: &[u8], offset: usize, len: usize) -> Option<u64> {
        self.unsigned(bytes.get(offset..offset.checked_add(len)?)?)
    }

    /// The address at `offset`.
    pub(super) fn pointer_at(self, bytes: &[u8], offset: usize) -> Option<u64> {
        self.unsigned_at(bytes, offset, self.pointer_bytes)
    }
}

/// The three forms of block headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heads {
    /// 32 bit, to 4.x.
    Small4,
    /// 64 bit, to 4.x.
    Small8,
    /// From 5.0, for blocks over 2 GiB.
    Large8,
}

impl Heads {
    /// Bytes before the data of a block.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Small4 => 20,
            Self::Small8 => 24,
            Self::Large8 => 32,
        }
    }

    /// Where the length of the data stands in a head, and in how many bytes.
    pub(super) fn length_field(self) -> (u64, usize) {
        match self {
            Self::Small4 | Self::Small8 => (4, 4),
            Self::Large8 => (16, 8),
        }
    }
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) layout: Layout,
    pub(super) heads: Heads,
    /// Bytes before the first block.
    pub(super) len: u64,
}

/// The longest header.
pub(super) const LONGEST: usize = 17;

impl Header {
    pub(super) fn parse(start: &[u8]) -> Result<Self, BlendError> {
        let text = || start.iter().take(LONGEST).copied().map(printable).collect::<String>();
        let Some(rest) = start.strip_prefix(b"BLENDER") else {
            return Err(BlendError::NotABlend { start: text() });
        };
        parse_rest(rest).ok_or_else(|| BlendError::UnknownHeader { header: text() })
    }
}

fn parse_rest(rest: &[u8]) -> Option<Header> {
    let (heads, order, digits, len) = match rest {
        [b'_', order, digits @ ..] => (Heads::Small4, order, digits.get(..3)?, 12),
        [b'-', order, digits @ ..] => (Heads::Small8, order, digits.get(..3)?, 12),
        [b'1', b'7', b'-', b'0', b'1', order, digits @ ..] => {
            (Heads::Large8, order, digits.get(..4)?, 17)
        }
        _ => return None,
    };
    let big_endian = match order {
        b'v' => false,
        b'V' => true,
        _ => return None,
    };
    let version = Version(std::str::from_utf8(digits).ok()?.parse().ok()?);
    let pointer_bytes = if heads == Heads::Small4 { 4 } else { 8 };
    Some(Header { version, layout: Layout { big_endian, pointer_bytes }, heads, len })
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() { char::from(byte) } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_versions_are_read() {
        let old = Header::parse(b"BLENDER-v304REND").unwrap();
        assert_eq!((old.version, old.heads, old.len), (Version(304), Heads::Small8, 12));
        let big = Header::parse(b"BLENDER_V280REND").unwrap();
        assert_eq!((big.heads, big.layout.big_endian), (Heads::Small4, true));
        let new = Header::parse(b"BLENDER17-01v0500REND").unwrap();
        assert_eq!((new.version, new.heads, new.len), (Version(500), Heads::Large8, 17));
        assert_eq!(new.version.to_string(), "5.0");
    }

    #[test]
    fn other_headers_say_what_they_are() {
        assert!(matches!(Header::parse(b"PK\x03\x04"), Err(BlendError::NotABlend { .. })));
        let newer = Header::parse(b"BLENDER18-02v0700");
        assert!(matches!(newer, Err(BlendError::UnknownHeader { .. })));
        assert!(matches!(Header::parse(b""), Err(BlendError::NotABlend { .. })));
    }

    #[test]
    fn numbers_keep_their_sign_in_both_orders() {
        let little = Layout { big_endian: false, pointer_bytes: 8 };
        let big = Layout { big_endian: true, pointer_bytes: 4 };
        assert_eq!(little.signed(&[0xfe, 0xff]), Some(-2));
        assert_eq!(big.signed(&[0xff, 0xfe]), Some(-2));
        assert_eq!(big.unsigned(&[1, 2]), Some(258));
        assert_eq!(little.signed(&[0; 9]), None);
        assert_eq!(little.signed(&[]), None);
    }
}

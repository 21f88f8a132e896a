//! Reads an OpenEXR file in bands of rows, so that no more of it is in memory.

use crate::FilmError;
use crate::attributes::Attributes;
use crate::band::Band;
use exr::block::reader::ChunksReader as _;
use exr::block::{BlockIndex, UncompressedBlock};
use exr::meta::attribute::{ChannelDescription, SampleType, Text};
use exr::meta::header::Header;
use exr::meta::{BlockDescription, MetaData};
use exr::prelude::{Error, Result as ExrResult, Vec2, f16};
use fs_err as fs;
use std::collections::BTreeSet;
use std::io::BufReader;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Pixels that are decoded at a time: all of most parts, which are then decoded only once.
const BAND_BYTES: usize = 192 << 20;

/// Files that announce more than renders have are refused before memory is set aside for them.
const MAX_HEIGHT_PX: usize = 1 << 17;
/// All channels of a row with 32 bits: 16384 pixels of 512 channels.
const MAX_ROW_BYTES: usize = 32 << 20;
/// What is compressed as one.
const MAX_BLOCK_BYTES: usize = 1 << 30;

/// A file whose header was read: 16 or 32 bits, one part or several, any compression.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// All channels, sorted.
    pub(crate) names: Vec<String>,
    pub(crate) attributes: Attributes,
    /// Index into `names` of each channel of each part of the file.
    places: Vec<Vec<usize>>,
}

impl Part {
    /// Reads the header.
    pub(crate) fn open(path: &Path) -> Result<Self, FilmError> {
        let file = BufReader::new(fs::File::open(path)?);
        let meta = guarded(path, || MetaData::read_from_buffered(file, false))?;
        let bad = |reason: &str| FilmError::bad_image(path, reason);
        let first = meta.headers.first().ok_or_else(|| bad("it has no picture"))?;
        let Vec2(width, height) = first.layer_size;
        if meta.headers.iter().any(|header| header.layer_size != first.layer_size) {
            return Err(bad("its parts have different sizes"));
        }
        if meta.headers.iter().any(is_unusual) {
            return Err(bad("it is deep or subsampled"));
        }
        if meta.headers.iter().any(is_huge) {
            return Err(bad("it announces more pixels than a render has"));
        }
        let of_parts: Vec<Vec<String>> = meta.headers.iter().map(full_names).collect();
        let sorted: BTreeSet<String> = of_parts.iter().flatten().cloned().collect();
        let names: Vec<String> = sorted.into_iter().collect();
        if width.saturating_mul(names.len() * size_of::<f32>()) > MAX_ROW_BYTES {
            return Err(bad("it announces more channels than a render has"));
        }
        if names.is_empty() || names.len() != of_parts.iter().flatten().count() {
            return Err(bad("it has no channels, or one of them twice"));
        }
        let place = |name: &String| names.binary_search(name).unwrap_or(0);
        let places = of_parts.iter().map(|part| part.iter().map(place).collect()).collect();
        let attributes = Attributes::of(&meta.headers);
        Ok(Self { path: path.to_owned(), width, height, names, attributes, places })
    }

    /// Reads the header of a file that must have this size.
    pub(crate) fn open_sized(
        path: &Path,
        (wanted_width, wanted_height): (usize, usize),
    ) -> Result<Self, FilmError> {
        let part = Self::open(path)?;
        let (width, height) = (part.width, part.height);
        if (width, height) == (wanted_width, wanted_height) {
            return Ok(part);
        }
        let path = path.to_owned();
        Err(FilmError::WrongSize { path, width, height, wanted_width, wanted_height })
    }

    /// Where a channel is in a band.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    /// Rows to read at a time.
    pub(crate) fn bands(&self) -> Vec<Range<usize>> {
        bands(self.height, self.width * self.names.len() * size_of::<f32>(), BAND_BYTES)
    }

    /// Decodes rows, counted from the top.
    pub(crate) fn read(&self, rows: Range<usize>) -> Result<Band, FilmError> {
        let file = BufReader::with_capacity(1 << 18, fs::File::open(&self.path)?);
        guarded(&self.path, || {
            let reader = exr::block::read(file, false)?;
            let wanted = |_: &MetaData, _, block: BlockIndex| {
                let Vec2(_, y) = block.pixel_position;
                block.level == Vec2(0, 0)
                    && y < rows.end
                    && y + block.pixel_size.height() > rows.start
            };
            let chunks = reader.filter_chunks(false, wanted)?;
            let mut filling = Filling {
                part: self,
                band: Band::new(rows.clone(), self.width, self.names.len()),
                seen: BTreeSet::new(),
                filled: vec![0; self.places.len()],
            };
            // The reader's threads end the process, or wait for ever, where a block makes them panic.
            chunks.decompress_sequential(false, |meta, block| filling.take(meta, &block))?;
            filling.finish()
        })
    }
}

/// A band that blocks are being put into.
struct Filling<'p> {
    part: &'p Part,
    band: Band,
    /// Part of the file, column and row of the blocks that were taken.
    seen: BTreeSet<(usize, usize, usize)>,
    /// Pixels taken of each part of the file.
    filled: Vec<usize>,
}

impl Filling<'_> {
    fn take(&mut self, meta: &MetaData, block: &UncompressedBlock) -> ExrResult<()> {
        let BlockIndex { layer, pixel_position: Vec2(x, y), pixel_size, .. } = block.index;
        let (Vec2(width, height), part) = (pixel_size, self.part);
        let header = meta.headers.get(layer).zip(part.places.get(layer));
        let (header, places) = header.ok_or_else(|| invalid("a block of an unknown part"))?;
        let bytes = header.channels.bytes_per_pixel * width * height;
        let is_new = self.seen.insert((layer, x, y));
        if !is_new || block.data.len() != bytes || x + width > part.width {
            return Err(invalid("a block of wrong size or place"));
        }
        let mut data = block.data.as_slice();
        for row in y..y + height {
            for (channel, &place) in header.channels.list.iter().zip(places) {
                let line;
                (line, data) = data.split_at(width * channel.sample_type.bytes_per_sample());
                if let Some(to) = self.band.stretch_mut(place, row, x, width) {
                    convert(channel, line, to);
                }
            }
            let rows = &self.band.rows;
            if let Some(filled) = self.filled.get_mut(layer).filter(|_| rows.contains(&row)) {
                *filled += width;
            }
        }
        Ok(())
    }

    fn finish(self) -> ExrResult<Band> {
        let pixels = self.band.rows.len() * self.part.width;
        if self.filled.iter().any(|&filled| filled != pixels) {
            return Err(invalid("some rows are missing"));
        }
        Ok(self.band)
    }
}

#[expect(clippy::cast_precision_loss, reason = "whole numbers in images are small")]
fn convert(channel: &ChannelDescription, line: &[u8], to: &mut [f32]) {
    match channel.sample_type {
        SampleType::F32 => {
            let values = line.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes));
            to.iter_mut().zip(values).for_each(|(to, value)| *to = value);
        }
        SampleType::F16 => {
            let values = line.as_chunks().0.iter().map(|bytes| f16::from_ne_bytes(*bytes));
            to.iter_mut().zip(values).for_each(|(to, value)| *to = value.to_f32());
        }
        SampleType::U32 => {
            let values = line.as_chunks().0.iter().map(|bytes| u32::from_ne_bytes(*bytes));
            to.iter_mut().zip(values).for_each(|(to, value)| *to = value as f32);
        }
    }
}

/// Ranges of rows of about so many bytes. Blocks have up to 32 rows; cut at their edges, none is
/// decoded twice.
pub(crate) fn bands(height: usize, row_bytes: usize, band_bytes: usize) -> Vec<Range<usize>> {
    let rows = (band_bytes / row_bytes.max(1) / 32 * 32).max(32);
    (0..height).step_by(rows).map(|start| start..height.min(start + rows)).collect()
}

fn is_unusual(header: &Header) -> bool {
    let is_subsampled = |channel: &ChannelDescription| channel.sampling != Vec2(1, 1);
    header.deep || header.channels.list.iter().any(is_subsampled)
}

fn is_huge(header: &Header) -> bool {
    let Vec2(width, height) = header.layer_size;
    let pixels = match header.blocks {
        BlockDescription::ScanLines => width * header.compression.scan_lines_per_block(),
        BlockDescription::Tiles(tiles) => tiles.tile_size.0.saturating_mul(tiles.tile_size.1),
    };
    let block_bytes = pixels.saturating_mul(header.channels.bytes_per_pixel);
    height > MAX_HEIGHT_PX || block_bytes > MAX_BLOCK_BYTES
}

/// Channels of a part of a multi-part file may lack the view layer and pass that the part is
/// named for.
fn full_names(header: &Header) -> Vec<String> {
    let decode = |text: &Text| String::from_utf8_lossy(text.as_slice()).into_owned();
    let part = header.own_attributes.layer_name.as_ref().map(decode);
    let full = |channel: &ChannelDescription| match (&part, decode(&channel.name)) {
        (Some(part), name) if !name.contains('.') => format!("{part}.{name}"),
        (_, name) => name,
    };
    header.channels.list.iter().map(full).collect()
}

fn invalid(reason: &'static str) -> Error {
    Error::Invalid(reason.into())
}

/// Runs the reader. It asserts what damaged files break, and a file of another machine must not
/// end this one.
fn guarded<T>(path: &Path, read: impl FnOnce() -> ExrResult<T>) -> Result<T, FilmError> {
    let result = catch_unwind(AssertUnwindSafe(read));
    let result = result.unwrap_or_else(|_| Err(invalid("the reader can't make sense of it")));
    result.map_err(|error| FilmError::of_exr(path, error))
}

//! Writes an OpenEXR file in bands of rows, as Blender's own multilayer files are.

use crate::FilmError;
use crate::attributes::{Attributes, text};
use crate::band::Band;
use crate::part::bands;
use exr::block::writer::{ChunkWriter, ChunksWriter as _};
use exr::block::{BlockIndex, UncompressedBlock};
use exr::meta::attribute::{ChannelDescription, LineOrder, SampleType};
use exr::meta::header::Header;
use exr::meta::{BlockDescription, MetaData};
use exr::prelude::{Compression, Error, Result as ExrResult, Vec2};
use fs_err as fs;
use std::io::{self, BufWriter, Seek, Write};
use std::ops::Range;
use std::path::Path;

/// Pixels that are made at a time.
const BAND_BYTES: usize = 32 << 20;

/// What a file is to be like, besides its pixels.
pub(crate) struct Format<'f> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Sorted, as the format wants it.
    pub(crate) names: &'f [String],
    pub(crate) attributes: &'f Attributes,
    pub(crate) compression: Compression,
}

/// Writes a file of one part with 32 bits. `make` is asked for rows from the top on and gives
/// their channels in the order of the names. What can't be written whole is removed.
pub(crate) fn write_image(
    path: &Path,
    format: &Format<'_>,
    mut make: impl FnMut(Range<usize>) -> Result<Band, FilmError>,
) -> Result<(), FilmError> {
    let file = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let headers = [format.header()].into_iter().collect();
    let mut failed = None;
    let result = exr::block::write(file, headers, false, |meta, writer| {
        let row_bytes = format.width * format.names.len() * size_of::<f32>();
        let bands = bands(format.height, row_bytes, BAND_BYTES).into_iter();
        let bands = bands.map_while(|rows| make(rows).map_err(|error| failed = Some(error)).ok());
        let blocks = bands.flat_map(|band| blocks(&band, &meta)).enumerate();
        write_blocks(blocks, &meta, writer)
    });
    let result = match failed {
        Some(error) => Err(error),
        None => result.map_err(|error| writing(path, format, error)),
    };
    result.inspect_err(|_| drop(fs::remove_file(path)))
}

fn write_blocks<W: Write + Seek>(
    blocks: impl Iterator<Item = (usize, UncompressedBlock)>,
    meta: &MetaData,
    writer: &mut ChunkWriter<W>,
) -> ExrResult<()> {
    if let Some(mut parallel) = writer.parallel_blocks_compressor(meta) {
        for (index, block) in blocks {
            parallel.add_block_to_compression_queue(index, block)?;
        }
        return parallel.write_all_queued_chunks();
    }
    let mut sequential = writer.sequential_blocks_compressor(meta);
    for (index, block) in blocks {
        sequential.compress_block(index, block)?;
    }
    Ok(())
}

/// Cuts a band into what the compression takes at a time.
fn blocks(band: &Band, meta: &MetaData) -> Vec<UncompressedBlock> {
    let lines = meta.headers.first().map_or(1, |h| h.compression.scan_lines_per_block());
    let channel_count = meta.headers.first().map_or(0, |h| h.channels.list.len());
    let mut made = Vec::new();
    for start in band.rows.clone().step_by(lines) {
        let rows = start..band.rows.end.min(start + lines);
        let mut data = Vec::with_capacity(rows.len() * band.width * channel_count * 4);
        for row in rows.clone() {
            for channel in 0..channel_count {
                let values = band.stretch(channel, row, 0, band.width).unwrap_or_default();
                data.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
            }
        }
        let index = BlockIndex {
            layer: 0,
            pixel_position: Vec2(0, start),
            pixel_size: Vec2(band.width, rows.len()),
            level: Vec2(0, 0),
        };
        made.push(UncompressedBlock { index, data });
    }
    made
}

impl Format<'_> {
    fn header(&self) -> Header {
        let channel = |name: &String| ChannelDescription {
            name: text(name),
            sample_type: SampleType::F32,
            quantize_linearly: false,
            sampling: Vec2(1, 1),
        };
        let channels = self.names.iter().map(channel).collect();
        let mut header = Header::new(text(""), (self.width, self.height), channels);
        header.own_attributes.layer_name = None;
        let lines = BlockDescription::ScanLines;
        header = header.with_encoding(self.compression, lines, LineOrder::Increasing);
        self.attributes.put_into(&mut header);
        header
    }

    fn bytes(&self) -> u64 {
        (self.width * self.height * self.names.len() * size_of::<f32>()) as u64
    }
}

fn writing(path: &Path, format: &Format<'_>, error: Error) -> FilmError {
    match error {
        Error::Io(source) if is_disk_full(&source) => {
            FilmError::DiskFull { path: path.to_owned(), needed_bytes: format.bytes(), source }
        }
        error => FilmError::of_exr(path, error),
    }
}

/// Whether the disk, or what one may use of it, is full.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

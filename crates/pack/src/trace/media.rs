//! Movie clips, fonts, sounds, volumes, cache files, texts, cameras: datablocks that are little
//! more than a path.

use super::Kind;
use super::image::is_packed;
use super::pattern::Pattern;
use super::timing::{Beyond, Timing};
use super::uses::{Gather, Sequence, Spread, Written};
use crate::blend::Struct;

const CLIP_IS_SEQUENCE: i64 = 1;
/// A camera whose lens is a script outside of the .blend.
const CAMERA_IS_FILE: i64 = 1;

/// All of them.
pub(super) fn gather(gather: &mut Gather<'_>) {
    movie_clips(gather);
    volumes(gather);
    cache_files(gather);
    for (code, kind) in [("VF", Kind::Font), ("SO", Kind::Sound)] {
        for id in gather.ids(code) {
            let path = Written::path(&id);
            let path = path.filter(|path| path.bytes != b"<builtin>" && !is_packed(&id));
            gather.add(&id, "", kind, path, Spread::File);
        }
    }
    for text in gather.ids("TX") {
        gather.add(&text, "", Kind::Text, Written::path(&text), Spread::File);
    }
    for camera in gather.ids("CA") {
        if camera.int("custom_mode") == Some(CAMERA_IS_FILE) {
            let path = Written::field(&camera, "custom_filepath");
            gather.add(&camera, "", Kind::Script, path, Spread::File);
        }
    }
}

fn movie_clips(gather: &mut Gather<'_>) {
    for clip in gather.ids("MC") {
        let path = Written::path(&clip);
        let spread = if clip.int("source") == Some(CLIP_IS_SEQUENCE) {
            let timing = path.as_ref().and_then(|path| clip_timing(&clip, &path.bytes));
            sequence(gather, timing.into_iter().collect())
        } else {
            Spread::File
        };
        gather.add(&clip, "", Kind::MovieClip, path, spread);
    }
}

/// A clip begins with the picture that its path names.
fn clip_timing(clip: &Struct<'_>, path: &[u8]) -> Option<Timing> {
    let (_, first) = Pattern::of_sequence(path)?;
    let offset = first.checked_add(clip.int("frame_offset")?)?.checked_sub(1)?;
    let (start, len) = (clip.int("start_frame")?, clip.int("len")?);
    (len > 0).then_some(Timing { start, len, offset, beyond: Beyond::Nothing })
}

/// A sequence of which what a frame shows must be there.
fn sequence(gather: &Gather<'_>, timings: Vec<Timing>) -> Spread {
    let timings = if gather.is_animated() { Vec::new() } else { timings };
    Spread::Sequence(Sequence { timings, ..Sequence::default() })
}

fn volumes(gather: &mut Gather<'_>) {
    for volume in gather.ids("VO").filter(|volume| !is_packed(volume)) {
        let spread = if volume.is_set("is_sequence") {
            sequence(gather, volume_timing(&volume).into_iter().collect())
        } else {
            Spread::File
        };
        gather.add(&volume, "", Kind::Vdb, Written::path(&volume), spread);
    }
}

fn volume_timing(volume: &Struct<'_>) -> Option<Timing> {
    let beyond = match volume.int("sequence_mode")? {
        0 => Beyond::Nothing,
        1 => Beyond::FirstAndLast,
        2 => Beyond::Repeat,
        3 => Beyond::PingPong,
        _ => return None,
    };
    let start = volume.int("frame_start")?;
    let (len, offset) = (volume.int("frame_duration")?, volume.int("frame_offset")?);
    Some(Timing { start, len, offset, beyond })
}

fn cache_files(gather: &mut Gather<'_>) {
    for cache in gather.ids("CF") {
        let is_moved = cache.is_set("override_frame")
            || cache.float("frame_offset").is_some_and(|offset| offset != 0.0);
        let spread = || {
            if !cache.is_set("is_sequence") {
                return Spread::File;
            }
            let is_known = !is_moved && !gather.is_animated();
            let timings = is_known.then(Timing::same_as_scene).into_iter().collect();
            // Motion blur also reads what is before and after.
            Spread::Sequence(Sequence { timings, near: 1, may_have_gaps: true })
        };
        let (own, of_layers) = (spread(), cache.structs("layers"));
        let layers = of_layers.iter().map(|layer| (Written::field(layer, "filepath"), spread()));
        let layers: Vec<_> = layers.collect();
        gather.add(&cache, "", Kind::CacheFile, Written::path(&cache), own);
        for (path, spread) in layers {
            gather.add(&cache, ", layer", Kind::CacheFile, path, spread);
        }
    }
}

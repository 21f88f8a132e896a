//! The images, movies and sounds of the video sequencer, in meta strips too.

use super::Kind;
use super::image::is_packed;
use super::uses::{Gather, Spots, Spread, Written};
use crate::blend::Struct;

/// `SEQ_TYPE_*`.
const IMAGE: i64 = 0;
const SCENE: i64 = 2;
const MOVIE: i64 = 3;
const SOUND_RAM: i64 = 4;
const SOUND_FILE: i64 = 5;
const SPEED: i64 = 29;
/// `SEQ_REVERSE_FRAMES`.
const REVERSED: i64 = 1 << 7;
/// `SEQ_AUTO_PLAYBACK_RATE`.
const KEEPS_RATE: i64 = 1 << 17;
/// How deep meta strips nest.
const DEEPEST: usize = 32;

/// The strips of all scenes.
pub(super) fn gather(gather: &mut Gather<'_>) {
    let all: Vec<_> = gather.ids("SC").map(|scene| (strips(&scene), scene)).collect();
    let is_bent = all.iter().flat_map(|(strips, _)| strips).any(bends_time);
    for (strips, scene) in all {
        let suffixes = view_suffixes(&scene);
        for strip in strips {
            one(gather, &scene, &strip, &suffixes, is_bent);
        }
    }
}

/// Whether a scene shows scenes as strips, at frames of their own.
pub(super) fn shows_scenes(scene: &Struct<'_>) -> bool {
    strips(scene).iter().any(|strip| strip.int("type") == Some(SCENE))
}

fn strips<'a>(scene: &Struct<'a>) -> Vec<Struct<'a>> {
    let Some(editing) = scene.pointer("ed") else { return Vec::new() };
    let mut left: Vec<_> = editing.structs("seqbase").into_iter().map(|strip| (strip, 0)).collect();
    let mut all = Vec::new();
    while let Some((strip, depth)) = left.pop() {
        if depth < DEEPEST {
            left.extend(strip.structs("seqbase").into_iter().map(|inner| (inner, depth + 1)));
        }
        all.push(strip);
    }
    all
}

/// Whether what a strip shows when is more than a matter of where it begins.
fn bends_time(strip: &Struct<'_>) -> bool {
    let has_speed = strip.float("speed_factor").is_some_and(|speed| (speed - 1.0).abs() > 1e-6);
    let flag = strip.int("flag").unwrap_or(0);
    let keeps_rate = flag & KEEPS_RATE != 0 && strip.has("media_playback_rate");
    has_speed
        || (keeps_rate && strip.int("type") == Some(IMAGE))
        || flag & REVERSED != 0
        || strip.int("type") == Some(SPEED)
        || strip.float("strobe").is_some_and(|strobe| strobe > 1.0)
        || strip.address("retiming_handles").is_some_and(|handles| handles != 0)
        || strip.address("retiming_keys").is_some_and(|keys| keys != 0)
}

fn one(
    gather: &mut Gather<'_>,
    scene: &Struct<'_>,
    strip: &Struct<'_>,
    suffixes: &[Vec<u8>],
    is_bent: bool,
) {
    let (kind, is_image) = match strip.int("type") {
        Some(IMAGE) => (Kind::Strip, true),
        Some(MOVIE) => (Kind::Strip, false),
        Some(SOUND_RAM | SOUND_FILE) => (Kind::Sound, false),
        _ => return,
    };
    if strip.pointer("sound").is_some_and(|sound| is_packed(&sound)) {
        return;
    }
    let name = strip.text("name").unwrap_or_default();
    let inside = format!(", strip {}", name.get(2..).unwrap_or_default());
    let Some(data) = strip.pointer("strip").or_else(|| strip.pointer("data")) else { return };
    let folder = ["dir", "dirpath"].iter().find_map(|field| Written::field(&data, field));
    let folder = folder.unwrap_or_default();
    let has_views = data_has_views(strip);
    for (index, element) in (0_i64..).zip(data.structs("stripdata")) {
        let name = ["name", "filename"].iter().find_map(|field| Written::field(&element, field));
        let Some(name) = name.filter(|name| !name.bytes.is_empty()) else { continue };
        let shown = if is_image && !is_bent { shown(strip, index) } else { None };
        let spread = shown.map_or(Spread::File, |(first, last)| Spread::During(first, last));
        for other in has_views.then(|| other_views(&name.bytes, suffixes)).into_iter().flatten() {
            let path = joined(&folder.bytes, &other).into();
            gather.add(scene, &inside, kind, Some(path), Spread::IfThere);
        }
        gather.add(scene, &inside, kind, Some(halves(&folder, &name)), spread);
    }
}

/// The first and last frame on which an image of a strip is seen; the outer ones are held.
fn shown(strip: &Struct<'_>, index: i64) -> Option<(i64, i64)> {
    let whole = |field: &str| {
        #[expect(clippy::cast_possible_truncation, reason = "frames; what is beyond saturates")]
        strip.float(field).map(|frame| frame.round() as i64)
    };
    let (start, len) = (whole("start")?, whole("len")?);
    let left = start + whole("startofs")? - whole("startstill").unwrap_or(0);
    let right = start + len - whole("endofs")? + whole("endstill").unwrap_or(0) - 1;
    let index = index - whole("anim_startofs").unwrap_or(0);
    if !(0..len).contains(&index) {
        return Some((1, 0));
    }
    let first = if index == 0 { left } else { left.max(start + index) };
    let last = if index == len - 1 { right } else { right.min(start + index) };
    Some((first, last))
}

/// Whether a strip is stereo, from a file for each eye.
fn data_has_views(strip: &Struct<'_>) -> bool {
    let is_stereo = strip.address("stereo3d_format").is_some_and(|format| format != 0);
    is_stereo && strip.int("views_format") == Some(0)
}

/// `_L`, `_R`, or what else the views of a scene are marked with.
fn view_suffixes(scene: &Struct<'_>) -> Vec<Vec<u8>> {
    let views = scene.structs("r.views");
    let suffixes = views.iter().filter_map(|view| view.bytes("suffix"));
    suffixes.filter(|suffix| !suffix.is_empty()).collect()
}

/// The names of the other views' files.
fn other_views(name: &[u8], suffixes: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    let Some((stem, ending)) = name.split_at_checked(dot) else { return Vec::new() };
    let own = suffixes.iter().find_map(|suffix| Some((stem.strip_suffix(&**suffix)?, suffix)));
    let Some((stem, own)) = own else { return Vec::new() };
    let others = suffixes.iter().filter(|suffix| *suffix != own);
    others.map(|suffix| [stem, suffix, ending].concat()).collect()
}

fn halves(folder: &Written, name: &Written) -> Written {
    let spots = match (folder.spots, name.spots) {
        (Spots::Path(folder), Spots::Path(name)) => Spots::Halves { folder, name },
        _ => Spots::Nowhere,
    };
    Written { bytes: joined(&folder.bytes, &name.bytes), spots }
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let is_whole = folder.is_empty() || folder.ends_with(b"/") || folder.ends_with(b"\\");
    let slash: &[u8] = if is_whole { b"" } else { b"/" };
    [folder, slash, name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_differ_by_their_suffix() {
        let suffixes = [b"_L".to_vec(), b"_R".to_vec()];
        assert_eq!(other_views(b"shot_L.png", &suffixes), [b"shot_R.png".to_vec()]);
        assert_eq!(other_views(b"shot.png", &suffixes), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn folders_of_strips_need_no_slash_at_their_end() {
        assert_eq!(joined(b"//a", b"b.png"), b"//a/b.png");
        assert_eq!(joined(b"//a\\", b"b.png"), b"//a\\b.png");
        assert_eq!(joined(b"", b"b.png"), b"b.png");
    }
}

//! Images: single, sequences, movies, UDIM tiles, views for stereo.

use super::Kind;
use super::brush;
use super::timing::{Beyond, Timing};
use super::uses::{Gather, Sequence, Spread, Written};
use crate::blend::Struct;
use std::collections::HashMap;

/// Where an image comes from: `IMA_SRC_*`.
const SEQUENCE: i64 = 2;
const MOVIE: i64 = 3;
const GENERATED: i64 = 4;
const VIEWER: i64 = 5;
const TILED: i64 = 6;

/// When each image is shown, by its address; `None` if something shows it at times unknown.
type Users = HashMap<u64, Option<Vec<Timing>>>;

/// All images that are neither made by Blender nor packed.
pub(super) fn gather(gather: &mut Gather<'_>) {
    let mut users: Option<Users> = None;
    let of_brushes = brush::images(gather.file);
    for image in gather.ids("IM") {
        if image.owner_index().is_some_and(|index| of_brushes.contains(&index)) {
            continue;
        }
        let source = image.int("source").unwrap_or(1);
        if matches!(source, GENERATED | VIEWER) || is_packed(&image) {
            continue;
        }
        let (kind, spread) = match source {
            SEQUENCE => {
                let users = users.get_or_insert_with(|| image_users(gather));
                let timings = users.get(&image.old_address()).cloned().flatten();
                let timings = timings.unwrap_or_default();
                let sequence = Sequence { timings, ..Sequence::default() };
                (Kind::ImageSequence, Spread::Sequence(sequence))
            }
            MOVIE => (Kind::Movie, Spread::File),
            TILED => {
                let tiles = image.structs("tiles");
                let tiles = tiles.iter().filter_map(|tile| tile.int("tile_number"));
                (Kind::UdimTile, Spread::Tiles(tiles.collect()))
            }
            _ => (Kind::Image, Spread::File),
        };
        let path = Written::path(&image);
        for view in views(&image) {
            let own = Written::field(&view, "filepath");
            let is_path = |own: &Written| path.as_ref().is_some_and(|path| own.bytes == path.bytes);
            let spread = if own.as_ref().is_some_and(is_path) { &spread } else { &Spread::IfThere };
            gather.add(&image, "", kind, own, spread.clone());
        }
        gather.add(&image, "", kind, path, spread);
    }
}

/// Whether the file is inside the .blend.
pub(super) fn is_packed(id: &Struct<'_>) -> bool {
    let has_one = id.address("packedfile").is_some_and(|address| address != 0);
    has_one || !id.structs("packedfiles").is_empty()
}

/// The views of an image that has several, each of which has a file.
fn views<'a>(image: &Struct<'a>) -> Vec<Struct<'a>> {
    let views = image.structs("views");
    let is_named = |view: &Struct<'_>| view.bytes("name").is_some_and(|name| !name.is_empty());
    let has_several = views.len() > 1 || views.first().is_some_and(is_named);
    if has_several { views } else { Vec::new() }
}

fn image_users(gather: &Gather<'_>) -> Users {
    let mut users = Users::new();
    if gather.is_animated() {
        return users;
    }
    let mut add = |image: Option<u64>, timing: Option<Timing>| {
        let all = users.entry(image.unwrap_or(0)).or_insert_with(|| Some(Vec::new()));
        match (all.as_mut(), timing) {
            (Some(all), Some(timing)) => all.push(timing),
            _ => *all = None,
        }
    };
    for node in gather.file.all("bNode") {
        if let Some(image) = node.address("id").filter(|image| *image != 0) {
            let storage = node.pointer("storage");
            add(Some(image), storage.and_then(|storage| timing(&storage)));
        }
    }
    // Geometry nodes choose the frame by a socket.
    for value in gather.file.all("bNodeSocketValueImage") {
        add(value.address("value"), None);
    }
    for texture in gather.file.ids("TE") {
        add(texture.address("ima"), timing(&texture));
    }
    users
}

/// What an image user says, which is inside of textures and of most nodes' storage.
fn timing(holder: &Struct<'_>) -> Option<Timing> {
    let inside = if holder.type_name() == "ImageUser" { "" } else { "iuser." };
    let number = |name: &str| holder.int(&format!("{inside}{name}"));
    let beyond = if number("cycl")? != 0 { Beyond::Repeat } else { Beyond::ZeroAndLast };
    let (start, len) = (number("sfra")?, number("frames")?);
    Some(Timing { start, len, offset: number("offset")?, beyond })
}

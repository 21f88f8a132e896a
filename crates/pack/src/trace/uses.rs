//! What a .blend says that it needs, before anyone looks at the disk.

use super::Kind;
use super::timing::Timing;
use crate::blend::{BlendFile, Spot, Struct};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// A path as a .blend has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spots: Spots,
}

/// Where a path stands in its .blend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spots {
    /// Nowhere: Blender makes it of something else.
    #[default]
    Nowhere,
    Path(Spot),
    /// Its folder and the rest apart.
    Halves {
        folder: Spot,
        name: Spot,
    },
}

impl Written {
    /// What a field has.
    pub(super) fn field(holder: &Struct<'_>, field: &str) -> Option<Self> {
        let spots = holder.spot(field).map_or(Spots::Nowhere, Spots::Path);
        Some(Self { bytes: holder.bytes(field)?, spots })
    }

    /// The path that most datablocks keep under one of two names.
    pub(super) fn path(id: &Struct<'_>) -> Option<Self> {
        Self::field(id, "name").or_else(|| Self::field(id, "filepath"))
    }
}

impl From<Vec<u8>> for Written {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, spots: Spots::Nowhere }
    }
}

/// One path of a .blend, and what to make of it.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) written: Written,
    pub(super) kind: Kind,
    pub(super) users: Vec<String>,
    pub(super) spread: Spread,
    /// The library whose folder the path starts from, for datablocks that are packed with the
    /// path of the library that they come from.
    pub(super) base: Option<Vec<u8>>,
}

/// Which files a path stands for.
#[derive(Debug, Clone)]
pub(super) enum Spread {
    /// Just that one.
    File,
    /// That one, if it is there.
    IfThere,
    /// That one, from one frame to another.
    During(i64, i64),
    /// All files whose number stands where its number does.
    Sequence(Sequence),
    /// The tiles of a UDIM image.
    Tiles(Vec<i64>),
    /// Files of a folder.
    Folder {
        layout: Layout,
        /// Whether it is an error if nothing is there.
        expected: bool,
    },
    /// Files of a folder called `<stem>_<frame>…<ending>`.
    Cache {
        /// The folder is the one that Blender names after the .blend.
        in_default: bool,
        stems: Vec<Vec<u8>>,
        ending: &'static str,
        expected: bool,
        /// Whether the folder is beside the first .blend, not beside this library.
        beside_root: bool,
    },
}

/// A numbered sequence.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    /// When it shows what; without any, nobody knows.
    pub(super) timings: Vec<Timing>,
    /// How many numbers before and after are read as well.
    pub(super) near: i64,
    /// Whether a number that a frame shows may be missing.
    pub(super) may_have_gaps: bool,
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Bakes of geometry nodes.
    Bakes,
    /// The folders of a Mantaflow domain: `data/fluid_data_0012.vdb`.
    Fluid {
        /// Whether a frame needs only the files with its number.
        numbered: bool,
    },
    /// `disp_0012.exr`, of the frames from one to another.
    Ocean { first: i64, last: i64 },
    /// `fluidsurface_final_0012.bobj.gz`, as before 2.82.
    Elbeem,
}

/// Gathers the uses of one .blend.
pub(super) struct Gather<'a> {
    pub(super) file: &'a BlendFile,
    /// The datablocks that count; without them, all do.
    wanted: Option<&'a BTreeSet<u32>>,
    is_animated: OnceCell<bool>,
    pub(super) uses: Vec<Use>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(file: &'a BlendFile, wanted: Option<&'a BTreeSet<u32>>) -> Self {
        Self { file, wanted, is_animated: OnceCell::new(), uses: Vec::new() }
    }

    /// The datablocks of a kind that count.
    pub(super) fn ids(&self, code: &str) -> impl Iterator<Item = Struct<'a>> + use<'a> {
        let wanted = self.wanted;
        self.file.ids(code).filter(move |id| counts(wanted, id))
    }

    /// The structures of that name and the datablocks that they are in, of those that count.
    pub(super) fn all(
        &self,
        type_name: &str,
    ) -> impl Iterator<Item = (Struct<'a>, Struct<'a>)> + use<'a> {
        let wanted = self.wanted;
        let all = self.file.all(type_name).filter(move |one| counts(wanted, one));
        all.filter_map(|one| Some((one.owner()?, one)))
    }

    /// Notes a path that some datablock (or something inside of it) has.
    pub(super) fn add(
        &mut self,
        owner: &Struct<'_>,
        inside: &str,
        kind: Kind,
        written: Option<Written>,
        spread: Spread,
    ) {
        let Some(written) = written.filter(|written| !written.bytes.is_empty()) else { return };
        let users = vec![format!("{}{inside}", user(owner))];
        let base = owner.pointer("id.lib").and_then(|lib| library_path(&lib));
        self.uses.push(Use { written, kind, users, spread, base });
    }

    /// Whether anything animates or drives what tells the frames of sequences, so that they
    /// can't be foretold.
    pub(super) fn is_animated(&self) -> bool {
        let moves_frames = |curve: Struct<'_>| {
            let path = curve.text("rna_path").unwrap_or_default();
            let property = path.rsplit('.').next().unwrap_or_default();
            property.starts_with("frame") || property == "use_cyclic"
        };
        *self.is_animated.get_or_init(|| self.file.all("FCurve").any(moves_frames))
    }
}

fn counts(wanted: Option<&BTreeSet<u32>>, one: &Struct<'_>) -> bool {
    wanted.is_none_or(|wanted| one.owner_index().is_some_and(|owner| wanted.contains(&owner)))
}

/// The path of a library. Next to it older files keep an absolute one, which Blender ignores.
pub(super) fn library_path(library: &Struct<'_>) -> Option<Vec<u8>> {
    Written::path(library).map(|written| written.bytes)
}

/// `Image wood`.
fn user(owner: &Struct<'_>) -> String {
    let name = owner.id_name().unwrap_or_default();
    match kind_name(owner.code()) {
        "" => format!("{} {name}", owner.type_name()),
        kind => format!("{kind} {name}"),
    }
}

/// What a kind of datablocks is called, by its two letters.
pub(super) fn kind_name(code: &str) -> &'static str {
    match code {
        "AC" => "Action",
        "AR" => "Armature",
        "BR" => "Brush",
        "CA" => "Camera",
        "CF" => "Cache file",
        "CU" => "Curve",
        "CV" => "Curves",
        "GD" | "GP" => "Grease pencil",
        "GR" => "Collection",
        "IM" => "Image",
        "LA" => "Light",
        "LI" => "Library",
        "LP" => "Light probe",
        "LS" => "Line style",
        "LT" => "Lattice",
        "MA" => "Material",
        "MB" => "Metaball",
        "MC" => "Movie clip",
        "ME" => "Mesh",
        "MS" => "Mask",
        "NT" => "Node group",
        "OB" => "Object",
        "PA" => "Particle settings",
        "PT" => "Point cloud",
        "SC" => "Scene",
        "SK" => "Speaker",
        "SO" => "Sound",
        "TE" => "Texture",
        "TX" => "Text",
        "VF" => "Font",
        "VO" => "Volume",
        "WO" => "World",
        _ => "",
    }
}

//! What is said between agent and driver: one JSON line each way.

use std::path::{Path, PathBuf};

use blendnet_protocol::{FailureKind, Fault, Overrides, SampleRange, SceneInfo, Tile};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A request to the driver.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Ask<'a> {
    /// Opens a scene. Answers [`Opened`].
    Open {
        /// The .blend.
        blend: &'a Path,
        /// Folder that stands for the root of the artist's disk.
        root: &'a Path,
        /// The user's changes.
        overrides: &'a Overrides,
        /// Seconds that turning on an add-on may take.
        add_on_secs: f64,
    },
    /// Writes the view transform as a lattice. Answers [`Done`].
    Look {
        /// PNG to write.
        path: &'a Path,
    },
    /// Renders a region without denoising and compositor. Answers [`Rendered`].
    Part {
        /// Frame number.
        frame: i32,
        /// `None` is all that is rendered of the frame.
        tile: Option<Tile>,
        /// Which samples.
        samples: SampleRange,
        /// Samples of the whole frame.
        total: u32,
        /// EXR to write.
        path: &'a Path,
    },
    /// Renders a frame with the scene's own settings. Answers [`Rendered`].
    Whole {
        /// Frame number.
        frame: i32,
        /// Lossless EXR to write.
        image: &'a Path,
        /// Folder for the scene's own output.
        out: &'a Path,
    },
    /// Denoises a merged frame. Answers [`Rendered`].
    Denoise {
        /// Merged EXR.
        merged: &'a Path,
        /// Frame number.
        frame: i32,
        /// EXR to write.
        path: &'a Path,
    },
    /// Makes the scene's own output of a merged frame. Answers [`Rendered`].
    Compose {
        /// Merged EXR.
        merged: &'a Path,
        /// Frame number.
        frame: i32,
        /// Folder for the output.
        out: &'a Path,
    },
}

impl Ask<'_> {
    /// The request as a line.
    pub(super) fn line(&self, id: u64) -> serde_json::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Line<'a> {
            id: u64,
            #[serde(flatten)]
            ask: &'a Ask<'a>,
        }
        let mut line = serde_json::to_vec(&Line { id, ask: self })?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The driver's first line.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Such as `3.4.1`.
    pub version: String,
}

/// What the driver may answer when it did what was asked.
pub trait Reply: DeserializeOwned {}

/// To [`Ask::Open`].
#[derive(Clone, Debug, Deserialize)]
pub struct Opened {
    /// What is in the scene.
    pub info: SceneInfo,
    /// Passes that are on only for merging, `layer.pass`.
    #[serde(default)]
    pub extra_passes: Vec<String>,
}

/// To requests that only write what they were told to.
#[derive(Debug, Deserialize)]
pub struct Done {}

/// To requests that render.
#[derive(Debug, Deserialize)]
pub struct Rendered {
    /// Seconds inside the render call.
    #[serde(default)]
    pub render_secs: f64,
    /// Files written to the `out` folder, relative to it.
    #[serde(default)]
    pub composed: Vec<String>,
}

impl Reply for Opened {}
impl Reply for Done {}
impl Reply for Rendered {}

/// The driver's no.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    /// What went wrong.
    pub kind: FailureKind,
    /// Whose fault it is.
    pub fault: Fault,
    /// For people.
    pub message: String,
}

/// The driver, in Python.
const FILES: [(&str, &str); 9] = [
    ("add_ons.py", include_str!("add_ons.py")),
    ("common.py", include_str!("common.py")),
    ("driver.py", include_str!("driver.py")),
    ("files.py", include_str!("files.py")),
    ("finish.py", include_str!("finish.py")),
    ("info.py", include_str!("info.py")),
    ("output.py", include_str!("output.py")),
    ("render.py", include_str!("render.py")),
    ("scene.py", include_str!("scene.py")),
];

/// Writes the driver into `folder`; answers the script to start.
pub fn write(folder: &Path) -> std::io::Result<PathBuf> {
    for (name, text) in FILES {
        fs_err::write(folder.join(name), text)?;
    }
    Ok(folder.join("driver.py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_driver_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/blender");
        let mut names: Vec<String> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, FILES.map(|(name, _)| name));
    }

    #[test]
    fn a_request_is_one_line_with_its_id() {
        let ask = Ask::Part {
            frame: -3,
            tile: Tile::new(1, 2, 3, 4).ok(),
            samples: SampleRange::new(5, 6).unwrap(),
            total: 7,
            path: Path::new("/out/part.exr"),
        };
        let line = String::from_utf8(ask.line(9).unwrap()).unwrap();
        let expected = "{\"id\":9,\"do\":\"part\",\"frame\":-3,\"tile\":[1,2,3,4],\
            \"samples\":[5,6],\"total\":7,\"path\":\"/out/part.exr\"}\n";
        assert_eq!(line, expected);
    }
}

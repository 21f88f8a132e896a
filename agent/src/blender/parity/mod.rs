//! Whether a Blender renders what it should, on what device, and how fast: patches of known colours,
//! 32 px wide, rendered once for each build.
//!
//! It is done beside the work and after everything else (`nice`), so that no picture waits for it, and
//! what came out is kept for all agents of the user until the build's files change. Only colours
//! that are wrong make a Blender unfit: one that can't render at all says so with its first work, in
//! its own words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use blendnet_net::secret::{create_private_dir, write_private};
use blendnet_protocol::Parity;
use serde::Deserialize;

use super::find::Found;
use super::group;
use super::jail::{self, Rules};

/// How long it may take; a machine that does other work is slow.
const LIMIT: Duration = Duration::from_mins(3);
/// Folder with what is known, in files named by [`Found::stamp`].
const FOLDER: &str = "parity";
/// How far a channel may be off: noise, and other ways to round.
const TOLERANCE: f64 = 0.02;
/// The script, in Python.
const SCRIPT: &str = include_str!("patches.py");

/// The colours that `patches.py` sets up.
const EXPECTED: [[f64; 3]; 4] =
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, 0.5, 2.0], [0.8, 0.5, 0.2]];

/// What the script tells.
#[derive(Debug, Deserialize)]
struct Measured {
    patches: Vec<[f64; 3]>,
    device: String,
    pixel_samples_per_sec: u64,
}

#[derive(Deserialize)]
struct Line {
    parity: Measured,
}

/// What is known of a build; `cache` is the folder where it is kept.
pub fn known(cache: &Path, found: &Found) -> Option<Parity> {
    read(&file_of(cache, found))
}

fn file_of(cache: &Path, found: &Found) -> PathBuf {
    cache.join(FOLDER).join(format!("{}.json", found.stamp()))
}

fn read(path: &Path) -> Option<Parity> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

/// Keeps what became known, whoever else keeps something at that time: each build has a file of its own.
pub fn keep(cache: &Path, found: &Found, parity: &Parity) {
    let path = file_of(cache, found);
    let kept = create_private_dir(&cache.join(FOLDER))
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(write_private(&path, &serde_json::to_vec_pretty(parity)?)?));
    if let Err(error) = kept {
        tracing::warn!(%error, "what a Blender renders is not kept");
    }
    forget_the_gone(cache);
}

/// Removes what is known of Blenders that are not there any more.
fn forget_the_gone(cache: &Path) {
    let entries = fs_err::read_dir(cache.join(FOLDER)).into_iter().flatten().flatten();
    let is_gone =
        |file: &PathBuf| read(file).is_some_and(|parity| !Path::new(&parity.path).exists());
    for file in entries.map(|entry| entry.path()).filter(is_gone) {
        let _stays = fs_err::remove_file(file).is_err();
    }
}

/// Renders the patches; `None` if that fails. Files go to a folder below `work`.
pub async fn check(found: &Found, agent_program: &Path, work: &Path) -> Option<Parity> {
    match measured(found, agent_program, work).await {
        Ok(parity) => Some(parity),
        Err(error) => {
            tracing::warn!(path = found.build.path, %error, "it is not known what this renders");
            None
        }
    }
}

/// Renders the patches, and says what they tell. Files go to a folder below `work`.
pub async fn measured(found: &Found, agent_program: &Path, work: &Path) -> std::io::Result<Parity> {
    Ok(judge(found, &measure(found, agent_program, work).await?))
}

async fn measure(found: &Found, agent_program: &Path, work: &Path) -> std::io::Result<Measured> {
    let work = std::path::absolute(work)?;
    fs_err::create_dir_all(&work)?;
    // Goes with the question, however that ends.
    let temporary = tempfile::Builder::new().prefix("parity-").tempdir_in(work)?;
    let folder = temporary.path().to_owned();
    let script = folder.join("patches.py");
    fs_err::write(&script, SCRIPT)?;
    let rules = Rules { run: found.folders.clone(), read: vec![], write: vec![folder.clone()] };
    let mut command = jail::command(agent_program, &rules, Path::new(&found.build.path), &folder);
    if found.build.is_module {
        command.arg("-I");
    } else {
        command.args(["-b", "--factory-startup", "-Y", "-noaudio", "-t", "1"]);
        command.args(["--python-exit-code", "1", "--python"]);
    }
    command.arg(&script).arg("--").arg(&folder);
    let said = group::output(command, LIMIT).await?;
    let answer = said.lines().rev().find_map(|line| serde_json::from_str::<Line>(line).ok());
    answer.map(|line| line.parity).ok_or_else(|| std::io::Error::other("it tells no colours"))
}

fn judge(found: &Found, measured: &Measured) -> Parity {
    Parity {
        version: found.build.version.clone(),
        path: found.build.path.clone(),
        device: measured.device.clone(),
        pixel_samples_per_sec: measured.pixel_samples_per_sec,
        unfit: wrong_color(&measured.patches).map(|wrong| {
            let build = &found.build;
            format!("Blender {} at {} renders wrong colours: {wrong}", build.version, build.path)
        }),
    }
}

/// The first patch that has not its colour, in a sentence.
fn wrong_color(patches: &[[f64; 3]]) -> Option<String> {
    if patches.len() != EXPECTED.len() {
        return Some(format!("{} patches instead of {}", patches.len(), EXPECTED.len()));
    }
    let is_near =
        |found: f64, expected: f64| (found - expected).abs() <= TOLERANCE * expected.max(1.0);
    let mut pairs = patches.iter().zip(EXPECTED);
    let (found, expected) = pairs
        .find(|(found, expected)| !found.iter().zip(expected).all(|(f, e)| is_near(*f, *e)))?;
    let [r, g, b] = found;
    let [red, green, blue] = expected;
    Some(format!("({r:.3}, {g:.3}, {b:.3}) instead of ({red:.3}, {green:.3}, {blue:.3})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_are_right_within_their_noise() {
        let mut patches = EXPECTED;
        assert_eq!(wrong_color(&patches), None);
        patches[3][0] += 0.015;
        patches[2][2] -= 0.03;
        assert_eq!(wrong_color(&patches), None);
    }

    fn tried(folder: &Path, name: &str) -> (Found, Parity) {
        let path = folder.join(name);
        fs_err::write(&path, name).unwrap();
        let path = path.to_string_lossy().into_owned();
        let parity = Parity {
            version: "4.5.1".to_owned(),
            path: path.clone(),
            device: "CPU".to_owned(),
            pixel_samples_per_sec: 1,
            unfit: None,
        };
        (Found::of_test(&path), parity)
    }

    #[test]
    fn what_many_agents_keep_at_once_is_all_kept() {
        let cache = tempfile::tempdir().unwrap();
        let all: Vec<_> = (0..8).map(|n| tried(cache.path(), &format!("blender{n}"))).collect();
        std::thread::scope(|agents| {
            for (found, parity) in &all {
                agents.spawn(|| (0..20).for_each(|_| keep(cache.path(), found, parity)));
            }
        });
        for (found, parity) in &all {
            assert_eq!(known(cache.path(), found).as_ref(), Some(parity));
        }
    }

    #[test]
    fn what_is_known_of_a_blender_goes_with_it() {
        let cache = tempfile::tempdir().unwrap();
        let [(gone, of_gone), (there, of_there)] =
            ["gone", "there"].map(|name| tried(cache.path(), name));
        keep(cache.path(), &gone, &of_gone);
        fs_err::remove_file(&of_gone.path).unwrap();
        keep(cache.path(), &there, &of_there);
        assert_eq!(known(cache.path(), &gone), None);
        assert_eq!(known(cache.path(), &there), Some(of_there));
    }

    #[test]
    fn a_wrong_colour_is_told_with_what_it_should_be() {
        let mut patches = EXPECTED;
        patches[3] = [0.9, 0.73, 0.48];
        let wrong = wrong_color(&patches).unwrap();
        assert!(
            wrong.contains("(0.900, 0.730, 0.480) instead of (0.800, 0.500, 0.200)"),
            "{wrong}"
        );
        for broken in [f64::NAN, f64::INFINITY, -1.0] {
            let mut patches = EXPECTED;
            patches[0][1] = broken;
            assert!(wrong_color(&patches).is_some(), "{broken}");
        }
        assert!(wrong_color(&[]).is_some());
    }
}

//! The renders that were made, one line of JSON for each, newest last.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use blendnet_protocol::{JobId, Split};
use serde::{Deserialize, Serialize};

use super::data_dir::DataDir;
use super::event::Summary;

/// Lines that are kept when the file is shortened.
const MOST: usize = 500;

/// A render that came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its job.
    pub job: JobId,
    /// The .blend's name.
    pub name: String,
    /// When it ended: seconds since 1970.
    pub ended_secs: u64,
    /// Folder of the pictures.
    pub output: PathBuf,
    /// The pictures.
    pub pictures: Vec<PathBuf>,
    /// Frames that are complete.
    pub frames_done: usize,
    /// Frames that were given up.
    pub frames_failed: usize,
    /// Samples of a frame.
    pub total_samples: u32,
    /// Time rendered, pauses left out.
    pub render_secs: f64,
    /// Agents that took part.
    pub agents: usize,
    /// How frames were shared out; renders of older versions don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Seconds that were estimated before, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_secs: Option<f64>,
}

impl Entry {
    /// What is kept of a render that ends now.
    pub fn new(name: &str, summary: &Summary) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            job: summary.job.clone(),
            name: name.to_owned(),
            ended_secs: now.as_secs(),
            output: summary.output.clone(),
            pictures: summary.pictures.clone(),
            frames_done: summary.frames_done,
            frames_failed: summary.frames_failed,
            total_samples: summary.total_samples,
            render_secs: summary.render_secs,
            agents: summary.agents.iter().filter(|agent| agent.share > 0.0).count(),
            split: summary.split,
            estimated_secs: summary.estimated_secs,
        }
    }
}

/// All renders, newest first. Lines that can't be read are left out.
pub fn all(data: &DataDir) -> Vec<Entry> {
    let text = fs_err::read_to_string(path(data)).unwrap_or_default();
    let mut entries: Vec<Entry> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    entries.reverse();
    entries
}

/// Adds a render. It is no reason to fail that this can't be written.
pub fn add(data: &DataDir, entry: &Entry) {
    if let Err(error) = append(&path(data), entry) {
        tracing::debug!("history: {error}");
    }
}

fn append(path: &Path, entry: &Entry) -> std::io::Result<()> {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let line = serde_json::to_string(entry)?;
    if text.lines().count() < 2 * MOST {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        return file.write_all(format!("{line}\n").as_bytes());
    }
    let kept: Vec<&str> = text.lines().skip(text.lines().count() - MOST).collect();
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(format!("{}\n{line}\n", kept.join("\n")).as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn path(data: &DataDir) -> PathBuf {
    data.root().join("history.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry {
            job: "a1".parse().unwrap(),
            name: "shot.blend".to_owned(),
            ended_secs: number,
            output: "/out".into(),
            pictures: vec!["/out/shot0001.png".into()],
            frames_done: 1,
            frames_failed: 0,
            total_samples: 64,
            render_secs: 10.5,
            agents: 2,
            split: Some(Split::Samples),
            estimated_secs: Some(9.0),
        }
    }

    #[test]
    fn the_newest_render_comes_first_and_broken_lines_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        add(&data, &entry(1));
        let mut file = fs_err::OpenOptions::new().append(true).open(path(&data)).unwrap();
        file.write_all(b"{\"half\":\n").unwrap();
        add(&data, &entry(2));
        assert_eq!(all(&data), [entry(2), entry(1)]);
    }

    #[test]
    fn a_long_history_is_shortened() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let line = serde_json::to_string(&entry(0)).unwrap();
        fs_err::write(path(&data), format!("{line}\n").repeat(2 * MOST)).unwrap();
        add(&data, &entry(7));
        let kept = all(&data);
        assert_eq!((kept.len(), kept[0].ended_secs), (MOST + 1, 7));
    }
}

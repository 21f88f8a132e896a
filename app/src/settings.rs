//! What the window keeps between runs, as TOML in the platform's folder for settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::workflow::problem::{Problem, ProblemKind};

/// Most files that are remembered.
const MOST_RECENT: usize = 8;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As Blender.
    #[default]
    Dark,
    /// For bright rooms.
    Light,
}

/// Settings of the window. Unknown and missing ones are no error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Agents on this machine; 0: as many as suit it.
    pub agents: u32,
    /// Threads of each agent; 0: the processors, shared evenly.
    pub threads_per_agent: u32,
    /// A Blender beside those that agents find; empty: none.
    pub blender: String,
    /// Who lends the agents' machines; empty: this computer.
    pub lender: String,
    /// What lenders were told, by their names and the names of their settings.
    pub lenders: BTreeMap<String, BTreeMap<String, String>>,
    /// What an hour of an agent costs, in millionths of a dollar; 0: nothing.
    pub usd_micros_per_hour: u64,
    /// Folder that gets one for the pictures of each scene; empty: beside the .blend.
    pub output: String,
    /// Size of all that is drawn, in percent; 0: as the display wants it.
    pub scale_percent: u32,
    /// No notifications of the desktop.
    pub quiet: bool,
    /// Scenes that were opened, newest first.
    pub recent: Vec<PathBuf>,
}

impl Settings {
    /// Reads them; a file that is not there or broken gives the defaults.
    pub fn load(path: &Path) -> Self {
        let text = fs_err::read_to_string(path).unwrap_or_default();
        toml::from_str(&text).unwrap_or_else(|error| {
            tracing::debug!("settings {}: {error}", path.display());
            Self::default()
        })
    }

    /// Writes them, as a whole or not at all.
    pub fn store(&self, path: &Path) -> Result<(), Problem> {
        let fail = |e: std::io::Error| Problem::local_file(&e, ProblemKind::Input);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder).map_err(fail)?;
        let text = toml::to_string(self).map_err(|e| fail(std::io::Error::other(e)))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(fail)?;
        file.persist(path).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// The lender, if it is another one than this computer.
    pub fn other_lender(&self) -> Option<&str> {
        Some(self.lender.as_str()).filter(|lender| !lender.is_empty())
    }

    /// What a lender was told, `NAME=VALUE`.
    pub fn told(&self, lender: &str) -> Vec<String> {
        let told = self.lenders.get(lender).into_iter().flatten();
        let told = told.filter(|(_, value)| !value.trim().is_empty());
        told.map(|(name, value)| format!("{name}={}", value.trim())).collect()
    }

    /// Puts a scene in front of those that were opened.
    pub fn remember(&mut self, scene: &Path) {
        self.recent.retain(|known| known != scene);
        self.recent.insert(0, scene.to_owned());
        self.recent.truncate(MOST_RECENT);
    }
}

/// Where the settings are: beside a data folder that was named, else in the platform's folder.
pub fn path(data_dir: Option<&Path>) -> PathBuf {
    let folder = match data_dir {
        Some(dir) => Some(dir.to_owned()),
        None => directories::ProjectDirs::from("", "", "blendnet")
            .map(|dirs| dirs.config_dir().to_owned()),
    };
    folder.unwrap_or_default().join("settings.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(Some(dir.path()));
        let mut settings = Settings { theme: Theme::Light, agents: 3, ..Settings::default() };
        settings.remember(Path::new("/a/ß \"x\".blend"));
        settings.lender = "slurm".to_owned();
        let told = [("partition", "night"), ("gres", " ")];
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
        settings.lenders.insert("slurm".to_owned(), told.into());
        settings.store(&path).unwrap();
        assert_eq!(Settings::load(&path), settings);
        assert_eq!(settings.told("slurm"), ["partition=night"]);
        assert!(settings.told("aws").is_empty());
    }

    #[test]
    fn broken_settings_are_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(Some(dir.path()));
        fs_err::write(&path, "theme = 7\n[[").unwrap();
        assert_eq!(Settings::load(&path), Settings::default());
    }

    #[test]
    fn the_newest_scene_is_in_front_and_no_scene_twice() {
        let mut settings = Settings::default();
        for number in 0..20 {
            settings.remember(Path::new(&format!("/{}.blend", number % 10)));
        }
        assert_eq!(settings.recent.len(), MOST_RECENT);
        assert_eq!(settings.recent[0], Path::new("/9.blend"));
    }
}

//! What this app remembers of the jobs it submitted, one file for each.

use std::path::{Path, PathBuf};

use blendnet_protocol::JobId;
use serde::{Deserialize, Serialize};

use super::data_dir::DataDir;
use super::problem::{Problem, ProblemKind};

/// A job that this app submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id on the farm.
    pub job: JobId,
    /// The .blend.
    pub blend: PathBuf,
    /// Folder of the pictures.
    pub output: PathBuf,
    /// What the names of pictures begin with.
    pub stem: String,
    /// Whether all its pictures are on the disk, so that the farm need not keep them.
    #[serde(default)]
    pub saved: bool,
}

impl Record {
    /// Writes the record, as a whole or not at all.
    pub fn store(&self, data: &DataDir) -> Result<(), Problem> {
        let fail = |e: std::io::Error| Problem::local_file(&e, ProblemKind::Input);
        let json = serde_json::to_vec_pretty(self).map_err(|e| fail(e.into()))?;
        let mut file = tempfile::NamedTempFile::new_in(data.jobs_dir()).map_err(fail)?;
        std::io::Write::write_all(&mut file, &json).map_err(fail)?;
        file.persist(path(data, &self.job)).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// The record of a job; `None` if it is not ours or can't be read.
    pub fn load(data: &DataDir, job: &JobId) -> Option<Self> {
        read(&path(data, job))
    }

    /// Forgets a job.
    pub fn remove(data: &DataDir, job: &JobId) {
        drop(fs_err::remove_file(path(data, job)));
    }

    /// All records, by file name.
    pub fn all(data: &DataDir) -> Vec<Self> {
        let Ok(entries) = fs_err::read_dir(data.jobs_dir()) else { return Vec::new() };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| read(path)).collect()
    }
}

fn path(data: &DataDir, job: &JobId) -> PathBuf {
    data.jobs_dir().join(format!("{job}.json"))
}

fn read(path: &Path) -> Option<Record> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_damaged_ones_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let record = Record {
            job: JobId::new("shot-1").unwrap(),
            blend: "/home/ann/shot.blend".into(),
            output: "/home/ann/render".into(),
            stem: "shot".to_owned(),
            saved: false,
        };
        record.store(&data).unwrap();
        fs_err::write(data.jobs_dir().join("broken.json"), b"{").unwrap();
        assert_eq!(Record::load(&data, &record.job), Some(record.clone()));
        assert_eq!(Record::all(&data), std::slice::from_ref(&record));
        Record::remove(&data, &record.job);
        assert_eq!(Record::load(&data, &record.job), None);
    }
}

//! `--moved FROM=TO`: where files are that are not where the .blend says.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::workflow::scene_files::Moved;

/// What went where.
#[derive(Args, Clone, Debug)]
pub(super) struct MovedArgs {
    /// What is missing below FROM is looked for below TO; files or folders, may be given several times
    #[arg(long = "moved", value_name = "FROM=TO", value_parser = pair)]
    pairs: Vec<(PathBuf, PathBuf)>,
}

impl MovedArgs {
    /// As the workflow wants them.
    pub(super) fn moved(&self) -> Moved {
        self.pairs.iter().cloned().collect()
    }
}

fn pair(written: &str) -> Result<(PathBuf, PathBuf), String> {
    let (from, to) = written.split_once('=').ok_or("two paths with = between them are expected")?;
    let to = std::path::absolute(to).map_err(|e| format!("{to}: {e}"))?;
    if !to.exists() {
        return Err(format!("{} is not there", to.display()));
    }
    // A path of another system stays as it is listed.
    let from = if Path::new(from).exists() { std::path::absolute(from) } else { Ok(from.into()) };
    Ok((from.map_err(|e| e.to_string())?, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_that_are_there_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().display();
        let taken = pair(&format!("C:/shots/tex={to}")).unwrap();
        assert_eq!(taken, ("C:/shots/tex".into(), dir.path().to_owned()));
        assert!(pair(&format!("/old={to}/nothing")).is_err());
        assert!(pair("/old").is_err());
    }
}

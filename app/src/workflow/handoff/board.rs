//! How far each hand-over is: written by what runs for the window, read through the door.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Handoff;
use crate::workflow::event::{Event, Summary};
use crate::workflow::problem::Problem;

/// How far a hand-over is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Standing {
    /// The window has it.
    HandedOver,
    /// The scene stands in the window.
    Shown,
    /// The file can't be shown.
    Refused {
        /// Why.
        message: String,
    },
    /// It is being rendered.
    Rendering {
        /// Share of all frames, 0 to 1.
        done: f64,
        /// Until the end, at the measured speed.
        remaining_secs: Option<f64>,
        /// The picture so far.
        preview: Option<PathBuf>,
    },
    /// The render was stopped, or failed.
    Ended {
        /// Why.
        message: String,
    },
    /// All frames came to their end.
    Rendered {
        /// Pictures of the scene's own output.
        pictures: Vec<PathBuf>,
        /// Frames that were given up.
        frames_failed: usize,
    },
}

#[derive(Debug, Default)]
struct Known {
    /// By id: the copy, and how far it is.
    all: BTreeMap<String, (PathBuf, Standing)>,
    /// Ids of those that are being rendered, by the window's keys of renders.
    rendering: BTreeMap<u64, String>,
}

/// The board. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Known>>);

impl Board {
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        // Plain values: there is no half of a change to be afraid of.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in a hand-over; `false`: this one came before.
    pub fn take(&self, handoff: &Handoff) -> bool {
        self.with(|known| {
            let is_new = !known.all.contains_key(&handoff.id);
            if is_new {
                let entry = (handoff.blend.clone(), Standing::HandedOver);
                known.all.insert(handoff.id.clone(), entry);
            }
            is_new
        })
    }

    /// How far one is.
    pub fn standing(&self, id: &str) -> Option<Standing> {
        self.with(|known| known.all.get(id).map(|(_, standing)| standing.clone()))
    }

    /// A file was read for the window.
    pub fn read(&self, blend: &Path, problem: Option<&Problem>) {
        let standing = match problem {
            None => Standing::Shown,
            Some(problem) => Standing::Refused { message: problem.message.clone() },
        };
        self.with(|known| {
            let mut all = known.all.values_mut();
            let waits = |(path, standing): &&mut (PathBuf, Standing)| {
                path == blend && *standing == Standing::HandedOver
            };
            if let Some((_, now)) = all.find(waits) {
                *now = standing;
            }
        });
    }

    /// A render begins; perhaps of a file that was handed over.
    pub fn render_begins(&self, key: u64, blend: &Path) {
        self.with(|known| {
            let found = known.all.iter().find(|(_, (path, _))| path == blend);
            if let Some(id) = found.map(|(id, _)| id.clone()) {
                known.rendering.insert(key, id);
            }
        });
        self.rendering(key, |_| {
            Some(Standing::Rendering { done: 0.0, remaining_secs: None, preview: None })
        });
    }

    /// Something happened in the render.
    pub fn step(&self, key: u64, step: &Event) {
        self.rendering(key, |now| {
            let Standing::Rendering { done, remaining_secs, preview } = now else { return None };
            let (mut done, mut remaining_secs, mut preview) =
                (*done, *remaining_secs, preview.clone());
            match step {
                Event::Progress(report) => {
                    (done, remaining_secs) = (report.done, report.remaining_secs);
                }
                Event::Preview(saved) => preview = Some(saved.path.clone()),
                _ => {}
            }
            Some(Standing::Rendering { done, remaining_secs, preview })
        });
    }

    /// The render ended.
    pub fn render_ended(&self, key: u64, ended: Result<&Summary, &Problem>) {
        self.rendering(key, |_| {
            Some(match ended {
                Ok(summary) => Standing::Rendered {
                    pictures: summary.pictures.clone(),
                    frames_failed: summary.frames_failed,
                },
                Err(problem) => Standing::Ended { message: problem.message.clone() },
            })
        });
        self.with(|known| known.rendering.remove(&key));
    }

    fn rendering(&self, key: u64, next: impl FnOnce(&Standing) -> Option<Standing>) {
        self.with(|known| {
            let id = known.rendering.get(&key);
            if let Some((_, standing)) = id.and_then(|id| known.all.get_mut(id))
                && let Some(next) = next(standing)
            {
                *standing = next;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::event::PreviewSaved;
    use crate::workflow::handoff::tests::described;

    fn handoff(id: &str) -> Handoff {
        Handoff { id: id.to_owned(), blend: format!("/{id}/a.blend").into(), said: described() }
    }

    #[test]
    fn a_hand_over_goes_from_the_window_to_its_pictures() {
        let board = Board::default();
        let (one, other) = (handoff("1"), handoff("2"));
        assert!(board.take(&one) && board.take(&other) && !board.take(&one), "once is enough");
        board.read(&one.blend, None);
        assert_eq!(board.standing("1"), Some(Standing::Shown));
        assert_eq!(board.standing("2"), Some(Standing::HandedOver));
        board.render_begins(1, &one.blend);
        board.render_begins(2, &other.blend);
        let path = PathBuf::from("/p.png");
        board.step(1, &Event::Preview(PreviewSaved { frame: 1, number: 1, path: path.clone() }));
        let Some(Standing::Rendering { preview, .. }) = board.standing("1") else { panic!() };
        assert_eq!(preview, Some(path));
        board.render_ended(1, Err(&Problem::farm("stopped")));
        assert_eq!(board.standing("1"), Some(Standing::Ended { message: "stopped".to_owned() }));
    }

    #[test]
    fn renders_of_other_files_are_not_told_to_blender() {
        let board = Board::default();
        board.take(&handoff("1"));
        board.render_begins(7, Path::new("/another.blend"));
        board.render_ended(7, Err(&Problem::farm("stopped")));
        assert_eq!(board.standing("1"), Some(Standing::HandedOver));
        assert_eq!(board.standing("unknown"), None);
    }

    #[test]
    fn a_file_that_can_not_be_read_is_told_with_the_reason() {
        let board = Board::default();
        board.take(&handoff("1"));
        board.read(Path::new("/1/a.blend"), Some(&Problem::input("no .blend")));
        let refused = Standing::Refused { message: "no .blend".to_owned() };
        assert_eq!(board.standing("1"), Some(refused));
    }
}

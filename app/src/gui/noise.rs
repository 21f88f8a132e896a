//! The noise map of the frame in work, right of its picture.

use std::path::{Path, PathBuf};

use blendnet_protocol::{JobId, Split};
use egui::ColorImage;

use super::command::Command;
use super::running::Running;
use super::shown::Shown;
use super::state::State;
use crate::workflow::problem::Problem;

/// Among the pictures, maps lie in a folder of this name; files have absolute paths.
const FOLDER: &str = "noise";

/// The noise that the brightest colour of a map stands for.
const WHITE: f64 = 0.1;

/// What the map of a frame is called among the pictures.
pub fn noise_picture(job: &JobId, frame: i32) -> PathBuf {
    Path::new(FOLDER).join(job.as_str()).join(frame.to_string())
}

/// Whether a picture is such a map.
pub fn is_noise(picture: &Path) -> bool {
    picture.starts_with(FOLDER)
}

/// The noise that a map tells at a place, as shares of its width and height. Colours go from black over
/// red and yellow to white.
pub fn noise_at(map: &ColorImage, (x, y): (f32, f32)) -> Option<f64> {
    let [width, height] = map.size;
    let color = map.pixels.get(place(y, height)? * width + place(x, width)?)?;
    let level = f64::from(color.r()) + f64::from(color.g()) + f64::from(color.b());
    (color.a() > 0).then_some(level / (3.0 * 255.0) * WHITE)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a length"
)]
fn place(share: f32, length: usize) -> Option<usize> {
    let at = (share * length as f32).floor();
    (at >= 0.0 && at < length as f32).then_some(at as usize)
}

impl Running {
    /// The frame whose map can be shown now, or why there is none.
    pub fn noise(&self) -> Result<(JobId, i32), &'static str> {
        let split = self.scene.as_ref().and_then(|scene| scene.split.as_ref());
        if split.is_some_and(|plan| plan.split != Split::Samples) {
            return Err("Frames that are split by samples tell it, this one is not");
        }
        if !self.is_going() {
            return Err("It is told while a frame is rendered");
        }
        if self.looked_at.is_some() {
            return Err("The frame in work tells it: Follow goes back there");
        }
        let mut in_work = self.progress.iter().flat_map(|progress| &progress.in_work);
        let told =
            in_work.find(|frame| frame.noise.is_some() && self.newest_frame == Some(frame.frame));
        let frame = told.map(|frame| frame.frame);
        let known = self.job.clone().zip(frame);
        known.ok_or("Two parts of a frame tell it; they come soon")
    }
}

impl State {
    /// Whether a noise map is shown, or on its way.
    pub fn shows_noise(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| is_noise(&beside.path))
    }

    /// Shows the noise map, or no more.
    pub fn switch_noise(&mut self) -> Option<Command> {
        if self.shows_noise() {
            self.beside = None;
            return None;
        }
        // Nothing of another picture stays in its place meanwhile.
        self.beside = None;
        self.ask_noise()
    }

    /// Asks for the map of the frame in work, if one is there; the one before stays until it comes.
    fn ask_noise(&mut self) -> Option<Command> {
        let (job, frame) = self.render()?.noise().ok()?;
        let _not_a_file = Shown::begin(&mut self.beside, noise_picture(&job, frame));
        Some(Command::LoadNoise(job, frame))
    }

    /// There is a new preview: its map is wanted too, where the one before is shown.
    pub(super) fn renew_noise(&mut self) -> Option<Command> {
        if self.shows_noise() { self.ask_noise() } else { None }
    }

    /// Something else than the frame in work is looked at.
    pub(super) fn put_noise_away(&mut self) {
        self.beside.take_if(|beside| is_noise(&beside.path));
    }

    /// A map did not come. The one before stays, and where there is none that is said.
    pub(super) fn no_noise(&mut self, map: &Path, problem: &Problem) {
        let Some(beside) = self.beside.as_mut().filter(|beside| beside.path == map) else { return };
        if let Some(before) = beside.picture.value().cloned() {
            beside.picture.take(Ok(before));
        } else {
            self.beside = None;
            self.note = Some(problem.message.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Color32;

    #[test]
    fn colours_of_the_map_tell_the_noise() {
        let mut map = ColorImage::filled([2, 2], Color32::BLACK);
        map.pixels[1] = Color32::from_rgb(255, 0, 0);
        map.pixels[2] = Color32::TRANSPARENT;
        map.pixels[3] = Color32::WHITE;
        assert_eq!(noise_at(&map, (0.1, 0.1)), Some(0.0));
        assert!((noise_at(&map, (0.6, 0.4)).unwrap() - 0.1 / 3.0).abs() < 1e-9);
        assert_eq!(noise_at(&map, (0.4, 0.6)), None, "nothing is known there");
        assert!((noise_at(&map, (0.99, 0.99)).unwrap() - 0.1).abs() < 1e-9);
        assert_eq!(noise_at(&map, (1.0, 0.5)), None);
    }
}

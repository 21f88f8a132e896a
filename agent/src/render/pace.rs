//! How many samples a step of a part has.
//!
//! What is rendered when an agent goes is lost unless it was handed in before. But a render call
//! costs something whatever its size, so steps are not smaller than they need be.

use blendnet_protocol::SceneId;

/// Fewest samples of a step, unless these take too long.
const FEWEST: u32 = 8;
/// Samples of the first step when nothing is known.
const FIRST: u32 = 2;
/// Steps grow by this factor while the speed is being learned: a first one also builds the scene.
const GROWTH: u32 = 8;

/// How fast a scene was rendered last.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    scene: SceneId,
    secs_per_pixel_sample: f64,
    samples: u32,
}

impl Pace {
    /// From a render call that took `secs` for `samples` of `pixels`.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn of(scene: &SceneId, pixels: u64, samples: u32, secs: f64) -> Self {
        let secs_per_pixel_sample = secs / (pixels.max(1) as f64 * f64::from(samples.max(1)));
        Self { scene: scene.clone(), secs_per_pixel_sample, samples }
    }

    /// Seconds for one sample of `pixels`; `None`: of that scene nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn sample_secs(&self, scene: &SceneId, pixels: u64) -> Option<f64> {
        (self.scene == *scene).then_some(self.secs_per_pixel_sample * pixels as f64)
    }
}

/// The next step of a part, and how long it should take where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) samples: u32,
    pub(super) expected_secs: Option<f64>,
}

/// The next step of a part that has `rest` samples left.
pub(super) fn next_step(
    pace: Option<&Pace>,
    (scene, pixels): (&SceneId, u64),
    rest: u32,
    save_secs: f64,
) -> Step {
    let known = pace.and_then(|pace| Some((pace.sample_secs(scene, pixels)?, pace.samples)));
    let samples = match known {
        Some((sample_secs, last)) => {
            let most = last.saturating_mul(GROWTH).max(FEWEST);
            evenly(rest, wanted(sample_secs, save_secs).min(most))
        }
        None => FIRST.min(rest),
    };
    let expected_secs = known.map(|(sample_secs, _)| sample_secs * f64::from(samples));
    Step { samples, expected_secs }
}

/// Samples that take about `save_secs`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of samples; casts of floats saturate"
)]
fn wanted(sample_secs: f64, save_secs: f64) -> u32 {
    let fits = (save_secs / sample_secs.max(1e-9)) as u32;
    let fewest_take_too_long = sample_secs * f64::from(FEWEST) > 2.0 * save_secs;
    fits.max(if fewest_take_too_long { 1 } else { FEWEST })
}

/// A share of `rest`, so that steps of about `wanted` leave no small last one.
fn evenly(rest: u32, wanted: u32) -> u32 {
    let wanted = wanted.max(1);
    let steps = (rest.saturating_add(wanted / 2) / wanted).max(1);
    rest.div_ceil(steps).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(letter: &str) -> SceneId {
        SceneId::new(letter.repeat(64)).unwrap()
    }

    fn step(pace: Option<(u32, f64)>, rest: u32, save_secs: f64) -> u32 {
        let scene = scene("a");
        let pace = pace.map(|(samples, secs)| Pace::of(&scene, 100, samples, secs));
        next_step(pace.as_ref(), (&scene, 100), rest, save_secs).samples
    }

    #[test]
    fn a_step_takes_about_as_long_as_may_be_lost() {
        assert_eq!(step(Some((100, 10.0)), 1000, 5.0), 50);
        assert_eq!(step(Some((100, 10.0)), 10_000, 1e9), 770, "an eighth or more of the next");
    }

    #[test]
    fn the_first_step_is_short_and_the_following_ones_grow() {
        assert_eq!(step(None, 1000, 5.0), 2);
        assert_eq!(step(None, 1, 5.0), 1);
        assert_eq!(step(Some((2, 0.01)), 1000, 1000.0), 16);
        let (a, b) = (scene("a"), scene("b"));
        let other = Pace::of(&a, 100, 50, 1.0);
        let step = next_step(Some(&other), (&b, 100), 1000, 5.0);
        assert_eq!(step, Step { samples: 2, expected_secs: None }, "of another scene");
    }

    #[test]
    fn steps_are_not_small_unless_samples_are_slow() {
        assert_eq!(step(Some((8, 8.0)), 1000, 5.0), 8);
        assert_eq!(step(Some((8, 80.0)), 1000, 5.0), 1);
        assert_eq!(step(Some((8, 16.0)), 1000, 5.0), 2);
    }

    #[test]
    fn no_small_step_is_left_over() {
        assert_eq!(step(Some((100, 10.0)), 51, 5.0), 51);
        assert_eq!(step(Some((100, 10.0)), 80, 5.0), 40);
        assert_eq!(step(Some((100, 10.0)), 1, 5.0), 1);
    }

    #[test]
    fn what_a_step_takes_is_foretold() {
        let scene = scene("a");
        let pace = Pace::of(&scene, 100, 100, 10.0);
        let step = next_step(Some(&pace), (&scene, 200), 25, 5.0);
        assert_eq!(step, Step { samples: 25, expected_secs: Some(5.0) });
    }
}

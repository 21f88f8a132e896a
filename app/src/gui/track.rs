//! How a render went over time, in few enough points to be drawn.

/// Points that are kept; when there are more, every second one is left out.
const MOST: usize = 512;
/// Moments that are left then.
const LEAST_LEFT: f64 = 256.0;

/// A moment of a render.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Seconds rendered, pauses left out.
    pub secs: f64,
    /// Share of all frames, 0 to 1.
    pub done: f64,
    /// Samples of a whole frame a second, of all agents together.
    pub samples_per_sec: f64,
    /// What was spent, in dollars.
    pub spent_usd: f64,
}

/// Moments of a render, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Track {
    moments: Vec<Moment>,
    /// Least seconds between two of them; doubles whenever they are thinned out.
    least_secs: f64,
}

impl Track {
    /// The moments, oldest first.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// Adds a moment, unless it follows the one before too closely.
    pub fn add(&mut self, moment: Moment) {
        let before = self.moments.last().map_or(f64::NEG_INFINITY, |before| before.secs);
        if moment.secs <= before || moment.secs - before < self.least_secs {
            return;
        }
        self.moments.push(moment);
        if self.moments.len() > MOST {
            let mut keep = false;
            self.moments.retain(|_| {
                keep = !keep;
                keep
            });
            let secs = self.moments.last().map_or(0.0, |moment| moment.secs);
            self.least_secs = secs / LEAST_LEFT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_render_keeps_few_moments_from_its_beginning_to_its_end() {
        let mut track = Track::default();
        for second in 0..100_000 {
            let secs = f64::from(second);
            track.add(Moment { secs, done: secs / 1e5, samples_per_sec: 2.0, spent_usd: 0.0 });
        }
        let moments = track.moments();
        assert!((MOST / 4..=MOST).contains(&moments.len()), "{}", moments.len());
        assert!(moments[0].secs < 1.0 && moments.last().unwrap().secs > 99_000.0);
        assert!(moments.windows(2).all(|pair| pair[0].secs < pair[1].secs));
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_adds_nothing() {
        let mut track = Track::default();
        for secs in [1.0, 1.0, 0.5, 2.0] {
            track.add(Moment { secs, done: 0.5, samples_per_sec: 1.0, spent_usd: 0.0 });
        }
        assert_eq!(track.moments().len(), 2);
    }
}

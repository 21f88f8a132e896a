//! How long an agent takes, learned from what it rendered.

/// Line through an agent's measurements of one scene: `overhead + pixel samples × each`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    overhead_secs: f64,
    secs_per_pixel_sample: f64,
    /// The measurement before: pixel samples and seconds.
    last: (f64, f64),
}

/// How much a new measurement counts against the older ones.
const NEW: f64 = 0.5;

impl Speed {
    /// From a first measurement.
    ///
    /// It includes opening the scene and building its BVH, so it says little of the next ones.
    pub fn first(pixel_samples: u64, secs: f64) -> Self {
        let (units, secs) = sane(pixel_samples, secs);
        Self { overhead_secs: 0.0, secs_per_pixel_sample: secs / units, last: (units, secs) }
    }

    /// Takes one more measurement.
    #[must_use]
    pub fn updated(self, pixel_samples: u64, secs: f64) -> Self {
        let (units, secs) = sane(pixel_samples, secs);
        let (last_units, last_secs) = self.last;
        let differ = units.max(last_units) >= 1.5 * units.min(last_units);
        let slope = (secs - last_secs) / (units - last_units);
        let (overhead, each) = if differ && slope > 0.0 {
            let overhead = (secs - slope * units).max(0.0);
            (overhead, (secs - overhead) / units)
        } else {
            let overhead = self.overhead_secs.min(secs / 2.0);
            (overhead, (secs - overhead) / units)
        };
        Self {
            overhead_secs: NEW * overhead + (1.0 - NEW) * self.overhead_secs,
            secs_per_pixel_sample: if differ && slope > 0.0 {
                each
            } else {
                NEW * each + (1.0 - NEW) * self.secs_per_pixel_sample.min(each * 4.0)
            },
            last: (units, secs),
        }
    }

    /// What this says of an agent that is so many times as fast.
    #[must_use]
    pub fn of_other(self, times_as_fast: f64) -> Self {
        let overhead_secs = self.overhead_secs / times_as_fast;
        let secs_per_pixel_sample = self.secs_per_pixel_sample / times_as_fast;
        Self { overhead_secs, secs_per_pixel_sample, ..self }
    }

    /// Seconds for a piece of work.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn secs_for(self, pixel_samples: u64) -> f64 {
        self.overhead_secs + self.secs_per_pixel_sample * pixel_samples as f64
    }

    /// Pixel samples that fit into some seconds.
    pub fn pixel_samples_in(self, secs: f64) -> f64 {
        (secs - self.overhead_secs).max(0.0) / self.secs_per_pixel_sample
    }

    /// Pixel samples a second, in the long run.
    pub fn rate(self) -> f64 {
        1.0 / self.secs_per_pixel_sample
    }

    /// Seconds that each piece costs whatever its size.
    pub fn overhead_secs(self) -> f64 {
        self.overhead_secs
    }

    /// Pixel samples of the last measurement.
    pub fn last_pixel_samples(self) -> f64 {
        self.last.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn sane(pixel_samples: u64, secs: f64) -> (f64, f64) {
    let secs = if secs.is_finite() { secs.max(1e-3) } else { 1e-3 };
    (pixel_samples.max(1) as f64, secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn the_slow_first_range_is_told_from_the_cost_of_samples() {
        let cost = |units: u64| 0.2 + 0.01 * units as f64;
        let mut speed = Speed::first(1, 3.0);
        for units in [3, 12, 48, 48, 100] {
            speed = speed.updated(units, cost(units));
        }
        assert!((speed.secs_for(100) - cost(100)).abs() < 0.15, "{speed:?}");
    }

    #[test]
    fn no_measurement_makes_an_estimate_infinite() {
        let mut speed = Speed::first(0, 0.0);
        for (units, secs) in [(10, f64::NAN), (0, f64::INFINITY), (5, -1.0), (5, 1e9), (5, 0.0)] {
            speed = speed.updated(units, secs);
            assert!(speed.secs_for(1000).is_finite() && speed.rate() > 0.0, "{speed:?}");
        }
    }
}

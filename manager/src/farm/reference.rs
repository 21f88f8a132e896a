//! How fast an agent rendered the reference scene, for the scheduler.

use blendnet_protocol::{AgentReport, Parity};

/// Pixel samples a second with all that the agent renders with: of the Blender that it takes first, as
/// far as that one was tried.
pub(super) fn of(report: &AgentReport) -> Option<u64> {
    let first = report.blenders.first().map(|build| build.path.as_str());
    let tried = || report.parity.iter().filter(|parity| parity.unfit.is_none());
    let parity: &Parity = tried().find(|p| Some(p.path.as_str()) == first).or(tried().next())?;
    // It was one thread that rendered it; a graphics chip works as one.
    let threads = if parity.device == "CPU" { u64::from(report.threads.max(1)) } else { 1 };
    Some(parity.pixel_samples_per_sec.saturating_mul(threads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::BlenderBuild;

    fn parity(path: &str, device: &str, pixel_samples_per_sec: u64, unfit: bool) -> Parity {
        let unfit = unfit.then(|| "red".to_owned());
        let (version, path, device) = ("4.5.1".to_owned(), path.to_owned(), device.to_owned());
        Parity { version, path, device, pixel_samples_per_sec, unfit }
    }

    fn report(first: &str, parity: Vec<Parity>) -> AgentReport {
        AgentReport {
            generation: 1,
            version: "1".to_owned(),
            threads: 8,
            isolation: "landlock".to_owned(),
            blenders: vec![BlenderBuild {
                version: "4.5.1".to_owned(),
                path: first.to_owned(),
                is_module: false,
            }],
            host: blendnet_protocol::Host::default(),
            blender_pid: None,
            away: None,
            leaving_secs: None,
            parity,
            works: vec![],
        }
    }

    #[test]
    fn the_blender_that_is_taken_first_counts_with_all_its_threads() {
        let both = vec![parity("/old", "CPU", 10, false), parity("/new", "CPU", 20, false)];
        assert_eq!(of(&report("/new", both.clone())), Some(160));
        assert_eq!(of(&report("/untried", both)), Some(80), "another says more than nothing");
        let chip = parity("/new", "OPTIX: a chip", 1000, false);
        assert_eq!(of(&report("/new", vec![chip])), Some(1000));
        assert_eq!(of(&report("/new", vec![parity("/new", "CPU", 20, true)])), None);
        assert_eq!(of(&report("/new", vec![])), None);
    }
}

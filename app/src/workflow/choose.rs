//! Which job the artist means. Pure.

use blendnet_protocol::{JobId, JobState, JobView};

use super::problem::Problem;
use super::records::Record;

/// The job called `wanted`; or the only one that is paused, or else the only one that is not
/// done or whose pictures were not saved.
pub fn job<'a>(
    jobs: &'a [JobView],
    wanted: Option<&JobId>,
    records: &[Record],
) -> Result<&'a JobView, Problem> {
    if let Some(wanted) = wanted {
        return jobs.iter().find(|job| job.id == *wanted).ok_or_else(|| {
            Problem::input(format!("the farm has no job {wanted}"))
                .hint("`blendnet jobs` lists those that it has")
                .in_window("render its scene again; Results (Ctrl+4) lists what is kept")
        });
    }
    let paused: Vec<&JobView> = jobs.iter().filter(|job| job.state == JobState::Paused).collect();
    let open: Vec<&JobView> = jobs.iter().filter(|job| is_open(job, records)).collect();
    let candidates = if paused.is_empty() { open } else { paused };
    match candidates.as_slice() {
        [one] => Ok(one),
        [] => Err(Problem::input("there is no paused job")
            .hint("`blendnet render FILE.blend` starts a new one")),
        several => Err(Problem::input(format!("{} jobs could be meant", several.len()))
            .hint("name one of them: blendnet resume JOB")
            .details(several.iter().map(|job| in_words(job)).collect())),
    }
}

/// Whether a render of ours was cut off from this job.
fn is_open(job: &JobView, records: &[Record]) -> bool {
    let ours = records.iter().find(|record| record.job == job.id);
    match job.state {
        JobState::Queued | JobState::Running | JobState::Failed => ours.is_some(),
        JobState::Completed => ours.is_some_and(|record| !record.saved),
        JobState::Inspecting | JobState::Ready | JobState::Paused => false,
    }
}

fn in_words(job: &JobView) -> String {
    format!("{}: {}, {} %", job.id, job.name, (job.done * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::problem::ProblemKind;
    use crate::workflow::recorded;

    fn named(id: &str, state: JobState) -> JobView {
        let mut job = recorded::job(state, 0.34, Vec::new());
        job.id = JobId::new(id).unwrap();
        job
    }

    fn record(id: &str, saved: bool) -> Record {
        Record {
            job: JobId::new(id).unwrap(),
            blend: "/a.blend".into(),
            output: "/render".into(),
            stem: "a".to_owned(),
            saved,
        }
    }

    #[test]
    fn the_only_paused_job_is_meant() {
        let jobs = [named("a", JobState::Completed), named("b", JobState::Paused)];
        assert_eq!(job(&jobs, None, &[]).unwrap().id.as_str(), "b");
    }

    #[test]
    fn several_paused_jobs_are_listed() {
        let jobs = [named("a", JobState::Paused), named("b", JobState::Paused)];
        let problem = job(&jobs, None, &[]).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Input);
        assert_eq!(problem.details, ["a: shot.blend, 34 %", "b: shot.blend, 34 %"]);
    }

    #[test]
    fn a_job_cut_off_from_us_is_meant_when_none_is_paused() {
        let jobs = [named("a", JobState::Completed), named("b", JobState::Completed)];
        let records = [record("a", true), record("b", false)];
        assert_eq!(job(&jobs, None, &records).unwrap().id.as_str(), "b");
        assert!(job(&jobs, None, &[]).is_err());
    }

    #[test]
    fn a_job_is_found_by_name_in_any_state() {
        let jobs = [named("a", JobState::Failed)];
        assert!(job(&jobs, Some(&JobId::new("a").unwrap()), &[]).is_ok());
        assert!(job(&jobs, Some(&JobId::new("x").unwrap()), &[]).is_err());
    }
}

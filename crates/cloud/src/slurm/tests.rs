use super::command::{partition_check, understood};
use super::*;
use crate::{AgentProgram, Verdict};

fn request(dir: &Path) -> LaunchRequest {
    for name in BUNDLE {
        fs::write(dir.join(name), format!("secret {name}")).unwrap();
    }
    LaunchRequest {
        token: LaunchToken("agent-1a-7".to_owned()),
        farm: FarmTag("0123456789ab".to_owned()),
        choices: vec![],
        agent: AgentProgram {
            program: PathBuf::from("/opt/it's here/blendnet-agent"),
            dir: dir.to_owned(),
            threads: 4,
            blenders: vec![PathBuf::from("/opt/blender 4/blender")],
        },
    }
}

#[test]
fn a_job_gets_its_secrets_from_private_files_and_from_nowhere_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = format!("folder={}", dir.path().join("shared").display());
    let slurm = SlurmProvider::new([folder.as_str(), "partition=night", "gres=gpu:1"]).unwrap();
    let place = slurm.lay_out(&request(dir.path())).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("in"))), (0o700, 0o700));
    assert!(BUNDLE.iter().all(|name| mode(&place.join("in").join(name)) == 0o600));
    let script = fs::read_to_string(place.join("job.sh")).unwrap();
    assert!(!script.contains("secret"), "{script}");
    for line in [
        "#SBATCH --partition=night",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --time=04:00:00",
        "#SBATCH --signal=B:TERM@60",
        "#SBATCH --no-requeue",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --export=HOME,PATH,USER",
    ] {
        assert!(script.lines().any(|has| has == line), "{line} in {script}");
    }
    assert!(script.contains(r"exec '/opt/it'\''s here/blendnet-agent' --dir"), "{script}");
    let checked = std::process::Command::new("sh").arg("-n").arg(place.join("job.sh")).status();
    assert!(checked.unwrap().success(), "the shell understands it");
}

#[test]
fn settings_that_would_end_up_as_something_else_are_refused() {
    for bad in ["partition=a b", "walltime=1;rm", "partition=--wrap=x", "folder=here", "size=1"] {
        assert!(matches!(SlurmProvider::new([bad]), Err(ProviderError::Setting { .. })), "{bad}");
    }
}

#[test]
fn what_slurm_prints_is_read() {
    let text = "12|RUNNING|night|blendnet.0123456789ab.agent-1a-7\n13|PENDING|a|x|y\nnonsense\n\
                14|COMPLETING|a|blendnet.conformance-0.life\n";
    let jobs = parse::jobs(text);
    assert_eq!(jobs.len(), 3);
    assert_eq!(jobs[0].state, InstanceState::Running);
    let owner =
        |farm: &str, token: &str| Some((FarmTag(farm.to_owned()), LaunchToken(token.to_owned())));
    assert_eq!(jobs[0].owner(), owner("0123456789ab", "agent-1a-7"));
    assert_eq!((jobs[1].name.as_str(), jobs[1].owner()), ("x|y", None));
    assert_eq!(jobs[2].owner(), owner("conformance-0", "life"));
    assert_eq!(jobs[2].state, InstanceState::Ended);
    assert_eq!(parse::listening("12 node7 40001\n", "12"), Some(("node7".to_owned(), 40001)));
    assert_eq!(parse::listening("11 node7 40001\n", "12"), None, "an earlier life");
    let node = "NodeName=node7 Arch=x86_64 NodeAddr=10.1.1.7 NodeHostName=node7";
    assert_eq!(parse::node_address(node), Some("10.1.1.7"));
}

#[test]
fn checks_say_what_to_do_about_partitions_and_controllers() {
    let sinfo = "day*|up|2+|7000+|(null)\nnight|down|64|250000|gpu:a100:4\n";
    let check = |wanted| partition_check(Ok(parse::partitions(sinfo)), wanted);
    assert_eq!(check(None).verdict, Verdict::Passed);
    assert_eq!(check(Some("day")).verdict, Verdict::Passed);
    let down = check(Some("night"));
    assert!(down.verdict == Verdict::Failed && down.found.contains("is down"), "{down:?}");
    let missing = check(Some("dawn"));
    assert!(missing.remedy.unwrap().contains("day, night"));
    let none = partition_check(Ok(vec![]), None);
    assert!(none.verdict == Verdict::Failed && none.found.contains("no partition"));
    let denied =
        understood("listing partitions", "slurm_load_partitions: Access/permission denied");
    assert!(partition_check(Err(denied), None).remedy.unwrap().contains("administrators"));
    let offers: Vec<Offer> = parse::partitions(sinfo).into_iter().map(|p| p.offer(0)).collect();
    assert_eq!((offers[0].vcpus, offers[0].memory_mib, &offers[0].gpu), (2, 7000, &None));
    assert_eq!(offers[1].gpu.as_deref(), Some("gpu:a100:4"));
}

#[test]
fn words_of_slurm_become_errors_that_say_who_can_help() {
    let of = |said: &str| understood("submitting a job", said);
    let partition = of("sbatch: error: invalid partition specified: dawn");
    assert!(matches!(partition, ProviderError::Setting { name, .. } if name == "partition"));
    let limit = of("sbatch: error: AssocMaxSubmitJobLimit");
    assert!(matches!(limit, ProviderError::Quota { .. }));
    let denied = of("sbatch: error: Batch job submission failed: Access/permission denied");
    assert!(matches!(denied, ProviderError::Denied { .. }));
    let away = of("Unable to contact slurm controller (connect failure)");
    assert!(away.is_transient());
    assert!(matches!(of("something else"), ProviderError::Failed { .. }));
}

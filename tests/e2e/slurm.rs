//! A farm on a real Slurm cluster of one machine.

use crate::exactness::{ROUNDING, assert_equal};
use blendnet_protocol::AgentState;
use blendnet_tests::{Farm, Render, compare_exr, system_blender};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Exit code of the script where there can be no cluster.
const SKIPPED: i32 = 77;

/// The cluster of `tests/slurm/cluster.sh`; ends with its stdin.
pub(crate) struct Cluster {
    script: Child,
    pub(crate) conf: String,
}

impl Cluster {
    pub(crate) fn start(dir: &Path) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm/cluster.sh");
        let mut command = Command::new(script);
        command.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let mut conf = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut conf).unwrap();
        if conf.is_empty() {
            assert_eq!(script.wait().unwrap().code(), Some(SKIPPED), "the cluster does not start");
            return None;
        }
        Some(Self { script, conf: conf.trim().to_owned() })
    }

    /// A program of Slurm's; what it prints.
    pub(crate) fn run(&self, program: &str, options: &[&str]) -> String {
        let output =
            Command::new(program).args(options).env("SLURM_CONF", &self.conf).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _reaped = self.script.wait();
    }
}

#[tokio::test]
async fn agents_that_are_slurm_jobs_render_the_image_of_one_machine_although_one_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cluster) = Cluster::start(&folder.path().join("cluster")) else { return };
    let scene = folder.path().join("scene.blend");
    let blender = system_blender();
    blender.make_scene("glossy", &scene, &["--samples", "400"]);
    let alone = blender.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    let shared = format!("folder={}", folder.path().join("shared").display());
    let conf = format!("conf={}", cluster.conf);
    let mut options = vec!["--agents", "2", "--threads-per-agent", "1", "--provider", "slurm"];
    for setting in [shared.as_str(), conf.as_str(), "walltime=30"] {
        options.extend(["--provider-set", setting]);
    }
    let mut render = Render::start(&scene, folder.path(), &options);
    render.wait_for_event("farm");
    let farm = Farm::of(folder.path());
    let both_render = |view: &blendnet_protocol::FarmView| {
        let busy = |a: &&blendnet_protocol::AgentView| {
            a.state == AgentState::Online && a.rendering.is_some()
        };
        view.agents.iter().filter(busy).count() == 2
    };
    farm.wait_until("both agents to render", both_render).await;
    let jobs = cluster.run("squeue", &["--noheader", "--format=%A %T"]);
    let job = jobs.split_whitespace().next().unwrap();
    assert_eq!(jobs.matches("RUNNING").count(), 2, "{jobs}");
    cluster.run("scancel", &[job]);

    let rendered = render.finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert_equal(&compare_exr(&rendered.exr(1), &alone), ROUNDING);
    let left = cluster.run("squeue", &["--noheader", "--states=PENDING,RUNNING"]);
    assert_eq!(left.trim(), "", "no job outlives its farm");
}

//! The window on a real Slurm cluster: its settings tested and rendered with, by mouse and keyboard.

use crate::slurm::Cluster;
use crate::window::{BAD, count_of};
use blendnet_tests::{Window, system_blender, wait_for};
use std::ffi::OsStr;
use std::time::Duration;

#[test]
fn the_window_tests_the_connection_to_a_cluster_and_renders_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cluster) = Cluster::start(&folder.path().join("cluster")) else { return };
    let size = ["--size", "320", "180", "--samples", "32"];
    let blend = folder.path().join("scene.blend");
    let scene = system_blender().make_scene("glossy", &blend, &size);
    let shared = folder.path().join("shared");
    let settings = format!(
        "agents = 2\nthreads_per_agent = 1\nlender = \"slurm\"\n[lenders.slurm]\nfolder = {shared:?}\n\
         conf = {:?}\nwalltime = \"30\"\n",
        cluster.conf
    );
    fs_err::create_dir(folder.path().join("data")).unwrap();
    fs_err::write(folder.path().join("data/settings.toml"), settings).unwrap();
    let window = Window::open(folder.path(), &[OsStr::new("open"), scene.as_os_str()]);
    window.finds("Button", "Render");
    window.key("ctrl+2");
    window.press("Test connection");
    // Each check in its words: how many green pixels they have depends on the name of the folder.
    window.reads("slurm-wlm");
    window.reads("is up");
    window.reads("is writable");
    let seen = window.keep("farm");
    assert_eq!(count_of(&seen, &[BAD]), 0, "no check failed");
    window.key("F12");
    let picture = folder.path().join("render/scene_0001.exr");
    wait_for("the picture", Duration::from_mins(4), || picture.is_file());
    let history = folder.path().join("data/history.jsonl");
    wait_for("the end of the render", Duration::from_mins(4), || history.is_file());
    wait_for("the end of the jobs", Duration::from_mins(1), || {
        cluster.run("squeue", &["--noheader", "--states=PENDING,RUNNING"]).trim().is_empty()
    });
}

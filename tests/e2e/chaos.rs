//! Processes of a farm are killed and stopped at random, its connections cut and its disk filled, and every
//! frame is the one of one machine.
//!
//! `BLENDNET_CHAOS_KILLS=100` hurts it more often, `BLENDNET_CHAOS_SEED=7` otherwise, `BLENDNET_CHAOS_SLOW=1` a
//! larger scene with longer pauses, whose lost seconds mean something. The job is rendered again and again
//! until all blows are dealt; each is told on stderr with what was lost by it.

use crate::failures::Disk;
use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{AgentView, FarmView};
use blendnet_tests::{
    Blender, Farm, Render, Rendered, compare_exr, is_running, naming, system_blender, wait_for,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const FRAMES: std::ops::RangeInclusive<i32> = 1..=3;
const SIZE: [&str; 7] = ["--size", "160", "90", "--samples", "96", "--frames", "3"];
const SLOW_SIZE: [&str; 7] = ["--size", "480", "270", "--samples", "128", "--frames", "3"];
/// The farm's disk, in megabytes.
const DISK_MB: u32 = 600;
const AGENTS: [&str; 4] = ["--agents", "2", "--threads-per-agent", "1"];
/// For all programs: hand in often, and end soon when the manager does not come back.
const SETTINGS: [(&str, &str); 2] =
    [("BLENDNET_SAVE_SECS", "1"), ("BLENDNET_MANAGER_TIMEOUT_SECS", "30")];

/// Whom a blow hits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Agent,
    Blender,
    Manager,
    /// All connections of an agent, or of the manager.
    Wires,
    Disk,
}

/// The farm, hurt by lot.
struct Chaos {
    dice: StdRng,
    left: u32,
    dealt: u32,
    lost_secs: Vec<f64>,
    folder: PathBuf,
    /// Holds the farm's data; `None`: this user may mount none.
    disk: Option<Disk>,
    slow: bool,
}

/// Cuts all connections of a port, whoever has them; whether there were any.
fn cut(address: &str) -> bool {
    let Some((_, port)) = address.rsplit_once(':') else { return false };
    let filter = format!("( sport = :{port} or dport = :{port} )");
    let cut = Command::new("ss").args(["-K", "-t", "-n", "-H", &filter]).output();
    cut.is_ok_and(|output| !output.stdout.is_empty())
}

fn setting(name: &str, usual: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

fn say(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}

/// Samples that an agent has rendered and not handed in, and the seconds that they took.
fn at_risk(view: &FarmView, agent: &AgentView) -> Option<(u32, f64)> {
    let (doing, progress) = (agent.rendering.as_ref()?, agent.progress.as_ref()?);
    let samples = doing.region.samples;
    let job = view.jobs.iter().find(|job| job.id == doing.job)?;
    let frame = job.frames.iter().find(|frame| frame.frame == doing.frame)?;
    let merged = frame.covered.iter().map(|region| {
        let end = samples.end().min(region.samples.end());
        end.saturating_sub(samples.start().max(region.samples.start()))
    });
    let lost = progress.samples_done.saturating_sub(merged.sum());
    Some((lost, f64::from(lost) / agent.samples_per_sec?))
}

impl Chaos {
    /// Until the render is over: a blow now and then. Answers how it ended.
    async fn hurt(&mut self, mut render: Render) -> Rendered {
        while !render.has_ended() {
            let pauses = if self.slow { 1000..7000 } else { 500..2500 };
            let pause = self.dice.random_range(pauses);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.left > 0 && !render.has_ended() {
                self.blow().await;
            }
        }
        render.finish()
    }

    async fn blow(&mut self) {
        let Some(farm) = Farm::found(&self.folder) else { return };
        let Ok(view) = farm.view().await else { return };
        let victim = match self.dice.random_range(0..14) {
            0 | 1 => Victim::Manager,
            2..=5 => Victim::Agent,
            6..=9 => Victim::Blender,
            10..=12 => Victim::Wires,
            _ => Victim::Disk,
        };
        let agent = match view.agents.len() {
            0 => None,
            count => view.agents.get(self.dice.random_range(0..count)),
        };
        let pid = match victim {
            Victim::Wires => {
                let ours = self.dice.random_bool(0.3).then_some(&farm.address);
                return self.cut_wires(ours.or(agent.map(|agent| &agent.address)));
            }
            Victim::Disk => return self.fill_disk().await,
            Victim::Manager => Some(farm.manager),
            Victim::Agent => agent.and_then(|agent| agent.pid),
            Victim::Blender => agent.and_then(|agent| agent.blender_pid),
        };
        let stops = self.dice.random_range(0..4) == 0;
        let Some(pid) = pid.filter(|&pid| is_running(pid)) else { return };
        let risk = agent.filter(|_| victim != Victim::Manager && !stops);
        let risk = risk.and_then(|agent| at_risk(&view, agent));
        self.left -= 1;
        self.dealt += 1;
        let number = self.dealt;
        if stops {
            let millis = self.dice.random_range(300..3000);
            say(&format!("{number}: {victim:?} {pid} is stopped for {millis} ms"));
            farm.try_signal(pid, "STOP");
            tokio::time::sleep(Duration::from_millis(millis)).await;
            farm.try_signal(pid, "CONT");
        } else {
            let lost = risk.map_or("nothing known to be".to_owned(), |(samples, secs)| {
                format!("{samples} samples, {secs:.2} s")
            });
            say(&format!("{number}: {victim:?} {pid} is killed; {lost} lost"));
            self.lost_secs.push(risk.map_or(0.0, |(_, secs)| secs));
            farm.try_signal(pid, "KILL");
        }
    }

    fn cut_wires(&mut self, address: Option<&String>) {
        if let Some(address) = address.filter(|address| cut(address)) {
            self.left -= 1;
            self.dealt += 1;
            say(&format!("{}: all connections of {address} are cut", self.dealt));
        }
    }

    async fn fill_disk(&mut self) {
        let Some(disk) = &self.disk else { return };
        let millis = self.dice.random_range(300..2000);
        self.left -= 1;
        self.dealt += 1;
        say(&format!("{}: the disk is full for {millis} ms", self.dealt));
        disk.fill();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        disk.free();
    }

    /// Renders all frames, whatever happens.
    async fn round(&mut self, scene: &Path) -> Rendered {
        let frames = format!("{}-{}", FRAMES.start(), FRAMES.end());
        let options = [&AGENTS[..], &["--frames", &frames, "--split", "samples"]].concat();
        let mut render = Render::start_with(scene, &self.folder, &options, &SETTINGS);
        let mut job = None;
        loop {
            let rendered = self.hurt(render).await;
            if rendered.code == 0 {
                return rendered;
            }
            let why = rendered.events.last().map(ToString::to_string).unwrap_or_default();
            say(&format!("render ended with {}: {why}", rendered.code));
            // A job that was not sent completely is rendered from the start.
            if rendered.events.iter().any(|event| event["event"] == "progress") {
                let taken = rendered.events.iter().find_map(|event| event["job"].as_str());
                job = taken.map(str::to_owned).or(job);
            }
            render = match &job {
                Some(job) => {
                    let resume = [&["resume", job], &AGENTS[..]].concat();
                    Render::command_with(&self.folder, &resume, &SETTINGS)
                }
                None => Render::start_with(scene, &self.folder, &options, &SETTINGS),
            };
        }
    }
}

fn references(blender: &Blender, scene: &Path, folder: &Path) -> Vec<(i32, PathBuf)> {
    let one_go =
        |frame: i32| blender.one_go(scene, &folder.join(format!("one_{frame}.exr")), frame);
    FRAMES.map(|frame| (frame, one_go(frame))).collect()
}

#[tokio::test]
async fn whatever_is_killed_stopped_cut_or_filled_at_random_every_frame_is_the_one_machines() {
    let blender = system_blender();
    let temp = tempfile::tempdir().unwrap();
    let slow = std::env::var_os("BLENDNET_CHAOS_SLOW").is_some();
    let size = if slow { SLOW_SIZE } else { SIZE };
    let scene = blender.make_scene("animation", &temp.path().join("scene.blend"), &size);
    let disk = Disk::mount(&temp.path().join("data"), DISK_MB);
    let wanted = references(&blender, &scene, temp.path());
    let seed = setting("BLENDNET_CHAOS_SEED", 1);
    let mut chaos = Chaos {
        dice: StdRng::seed_from_u64(seed.into()),
        left: setting("BLENDNET_CHAOS_KILLS", 8),
        dealt: 0,
        lost_secs: Vec::new(),
        folder: temp.path().to_owned(),
        disk,
        slow,
    };
    let mut rounds = 0;
    while chaos.left > 0 {
        rounds += 1;
        let rendered = chaos.round(&scene).await;
        for (frame, one_go) in &wanted {
            assert_equal_nearly_everywhere(&compare_exr(&rendered.exr(*frame), one_go));
        }
        say(&format!(
            "round {rounds}: {} frames equal, {} blows so far",
            wanted.len(),
            chaos.dealt
        ));
    }
    wait_for("the end of all processes", Duration::from_mins(2), || {
        naming(&temp.path().join("data")).is_empty()
    });
    let (sum, most) = chaos.lost_secs.iter().fold((0.0, 0.0_f64), |(s, m), &l| (s + l, m.max(l)));
    let kills = chaos.lost_secs.len();
    say(&format!(
        "seed {seed}: {} blows, {kills} of them kills, in {rounds} jobs; {sum:.1} s of work known to be lost, {most:.2} s at most",
        chaos.dealt
    ));
}

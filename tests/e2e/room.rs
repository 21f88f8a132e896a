//! Machines of the room, on another address of this one: paired by code, remembered, let go.

use crate::exactness::{ROUNDING, assert_equal};
use blendnet_tests::{Render, cache_home, command, compare_exr, program, system_blender, wait_for};
use fs_err as fs;
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(1);

/// An agent that shows a code. Killed when dropped.
struct Machine {
    child: Child,
    dir: PathBuf,
}

impl Machine {
    fn start(dir: &Path, options: &[&str]) -> Self {
        fs::create_dir_all(dir).unwrap();
        let log = fs::File::create(dir.join("test.log")).unwrap();
        let mut command = command("blendnet-agent");
        command.arg("--dir").arg(dir).args(["--threads", "1"]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.into_file());
        Self { child: command.spawn().unwrap(), dir: dir.to_owned() }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("test.log")).unwrap()
    }

    fn wait_for(&self, said: &str) -> String {
        wait_for(said, LIMIT, || self.log().contains(said));
        self.log()
    }

    /// Its code and its address, as its user reads them.
    fn shown(&self) -> (String, String) {
        let log = self.wait_for("blendnet farm pair 127.0.0.2:");
        let after = |mark: &str| {
            let rest = log.split(mark).nth(1).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        (after("The code of this machine is "), after("blendnet farm pair "))
    }

    fn ended(&mut self) -> bool {
        let mut status = None;
        wait_for("the end of the agent", LIMIT, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.is_some_and(|status| status.success())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `blendnet farm ARGUMENTS`, with a line on stdin. Gives the exit code and what was said.
fn farm(folder: &Path, arguments: &[&str], line: &str) -> (i32, Value) {
    let mut command = command("blendnet");
    command.arg("farm").args(arguments).arg("--json").arg("--data-dir").arg(folder.join("data"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), serde_json::from_str(said.trim()).unwrap_or(said.into()))
}

#[test]
fn a_machine_of_the_room_is_paired_renders_after_a_restart_of_the_farm_and_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    let blender = system_blender();
    blender.make_scene("glossy", &scene, &["--samples", "16"]);
    let alone = blender.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    let mut machine =
        Machine::start(&folder.path().join("room"), &["--pair", "--listen", "127.0.0.2:0"]);
    let (code, address) = machine.shown();

    let (exit, said) = farm(folder.path(), &["pair", &address], "0000 0000");
    assert!(exit != 0 && said.to_string().contains("2 tries are left"), "{said}");
    let (exit, said) = farm(folder.path(), &["pair", "127.0.0.3:1"], &code);
    assert!(exit != 0 && said.to_string().contains("blendnet-agent --pair"), "{said}");
    let (exit, said) = farm(folder.path(), &["pair", &address, "--name", "north"], &code);
    assert_eq!((exit, said["name"].as_str()), (0, Some("north")), "{said}");

    // The manager that paired has ended; the one of this render knows the machine.
    let rendered = Render::start(&scene, folder.path(), &["--agents", "1"]).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert_equal(&compare_exr(&alone, &rendered.exr(1)), ROUNDING);
    let told = rendered.events.iter().any(|event| event.to_string().contains("north"));
    assert!(told, "who renders what: {:#?}", rendered.events);

    // Nothing that grants access is readable by others, or in the log.
    let password = fs::read_to_string(machine.dir.join("password")).unwrap();
    assert!(!machine.log().contains(&password));
    let kept = folder.path().join("data/farm/room/north.json");
    assert!(fs::read_to_string(&kept).unwrap().contains(&password), "the farm knows it");

    let (exit, said) = farm(folder.path(), &["unpair", "south"], "");
    assert!(exit != 0 && said.to_string().contains("south"), "{said}");
    let (exit, said) = farm(folder.path(), &["unpair", "north"], "");
    assert_eq!((exit, &said["untold"]), (0, &Value::Null), "{said}");
    assert!(machine.ended(), "it ends well: {}", machine.log());
    assert!(!kept.exists() && !machine.dir.join("password").exists());
}

#[test]
fn three_wrong_codes_end_the_pairing_even_for_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut machine =
        Machine::start(&folder.path().join("room"), &["--pair", "--listen", "127.0.0.2:0"]);
    let (code, address) = machine.shown();
    for left in ["2 tries are left", "1 try is left", "no try is left"] {
        let (_, said) = farm(folder.path(), &["pair", &address], "0000 0000");
        assert!(said.to_string().contains(left), "{said}");
    }
    assert!(!machine.ended() && machine.log().contains("start again with --pair"));
    let (exit, said) = farm(folder.path(), &["pair", &address], &code);
    assert!(exit != 0 && said.to_string().contains("can't be reached"), "{said}");
}

#[test]
fn a_machine_outside_its_hours_or_in_use_says_so_and_gets_no_work() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("glossy", &scene, &["--samples", "2"]);
    // Some minutes that are half a day away.
    let hour = Command::new("date").args(["--date=12 hours", "+%H:00-%H:59"]).output().unwrap();
    let hours = String::from_utf8_lossy(&hour.stdout).trim().to_owned();
    let options = ["--pair", "--listen", "127.0.0.2:0", "--hours", &hours];
    let resting = Machine::start(&folder.path().join("resting"), &options);
    let options = ["--pair", "--listen", "127.0.0.2:0", "--when-unused"];
    let used = Machine::start(&folder.path().join("used"), &options);
    let _somebody = Machine {
        child: Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap(),
        dir: PathBuf::new(),
    };
    for (name, machine) in [("resting", &resting), ("used", &used)] {
        let (code, address) = machine.shown();
        let (exit, said) = farm(folder.path(), &["pair", &address, "--name", name], &code);
        assert_eq!(exit, 0, "{said}");
    }
    used.wait_for("somebody uses it");
    let rendered = Render::start(&scene, folder.path(), &["--agents", "1"]).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    let done = rendered.event("done");
    let shares = done["agents"].as_array().unwrap();
    assert!(shares.iter().all(|share| share["id"] != "resting" && share["id"] != "used"), "{done}");

    let (exit, _) = farm(folder.path(), &["start", "--agents", "1"], "");
    assert_eq!(exit, 0);
    let away = |name: &str| {
        let (_, status) = farm(folder.path(), &["status"], "");
        let agents = status["farm"]["agents"].as_array().cloned().unwrap_or_default();
        let found = agents.into_iter().find(|agent| agent["id"] == name);
        found.and_then(|agent| agent["away"].as_str().map(str::to_owned)).unwrap_or_default()
    };
    wait_for("word of the resting machine", LIMIT, || away("resting").contains(&hours));
    wait_for("word of the used machine", LIMIT, || away("used").contains("somebody"));
    farm(folder.path(), &["stop"], "");
}

/// Two machines and a cable: network namespaces, removed when dropped.
struct Cable([String; 2]);

impl Cable {
    /// `None`, and a message, where the system allows no namespaces.
    fn lay() -> Option<Self> {
        let [a, b] = ["a", "b"].map(|end| format!("blendnet-{}-{end}", std::process::id()));
        let cable = Self([a.clone(), b.clone()]);
        let wires = [format!("link add v0 netns {a} type veth peer name v0 netns {b}")];
        let ends = [(&a, "10.77.9.1"), (&b, "10.77.9.2")].map(|(name, ip)| {
            let add = format!("-n {name} addr add {ip}/24 dev v0");
            [add, format!("-n {name} link set lo up"), format!("-n {name} link set v0 up")]
        });
        let namespaces = [&a, &b].map(|name| format!("netns add {name}"));
        let steps = namespaces.into_iter().chain(wires).chain(ends.into_iter().flatten());
        for step in steps {
            let ran = Command::new("ip").args(step.split(' ')).stderr(Stdio::null()).status();
            if !ran.is_ok_and(|status| status.success()) {
                let skipped = format!("SKIPPED: no network namespaces here (ip {step})\n");
                std::io::stderr().write_all(skipped.as_bytes()).unwrap();
                return None;
            }
        }
        Some(cable)
    }

    fn at(&self, end: usize, name: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0[end]]).arg(program(name));
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", cache_home());
        command
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.0 {
            let _gone = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

#[test]
fn two_machines_on_a_cable_find_each_other_without_an_address_and_pair() {
    let Some(cable) = Cable::lay() else { return };
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("agent");
    fs::create_dir_all(&dir).unwrap();
    let log = fs::File::create(dir.join("test.log")).unwrap();
    let mut command = cable.at(1, "blendnet-agent");
    command.arg("--dir").arg(&dir).arg("--pair").stderr(log.into_file());
    let machine = Machine { child: command.spawn().unwrap(), dir };
    let mut command = cable.at(0, "blendnet-manager");
    command.arg("--dir").arg(folder.path().join("manager")).args(["--listen", "0.0.0.0:8443"]);
    let _manager = Machine { child: command.spawn().unwrap(), dir: PathBuf::new() };
    let data = folder.path().join("data");
    let discovered = |from: usize| {
        let mut command = cable.at(from, "blendnet");
        command.args(["farm", "discover", "--json", "--data-dir"]).arg(&data);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let knows = |found: &Value, kind: &str, address: &str| {
        let all = found.as_array().cloned().unwrap_or_default();
        all.iter().any(|one| one["kind"] == kind && one["address"] == address)
    };
    wait_for("the agent to be found", LIMIT, || {
        knows(&discovered(0), "waits_to_be_paired", "10.77.9.2:9443")
    });
    wait_for("the manager to be found", LIMIT, || {
        knows(&discovered(1), "manager", "10.77.9.1:8443")
    });
    machine.wait_for("blendnet farm pair");
    let log = machine.log();
    let code = log.split("this machine is ").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut command = cable.at(0, "blendnet");
    command.args(["farm", "pair", "10.77.9.2", "--json", "--data-dir"]).arg(&data);
    let mut pairing = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(pairing.stdin.take().unwrap(), "{code}").unwrap();
    let said = pairing.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    machine.wait_for("belongs to the farm now");
    wait_for("the agent to wait no more", LIMIT, || {
        knows(&discovered(0), "agent", "10.77.9.2:9443")
    });
}

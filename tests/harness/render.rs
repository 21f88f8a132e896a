//! `blendnet render`, as a script would use it.

use crate::command;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// No event for this long is a failure.
const PATIENCE: Duration = Duration::from_secs(240);

/// A running `blendnet` command with `--json`.
pub struct Render {
    child: Child,
    events: mpsc::Receiver<Value>,
    /// All events so far.
    pub seen: Vec<Value>,
    output: PathBuf,
}

/// What a command said and made.
#[derive(Debug)]
pub struct Rendered {
    /// Its exit code.
    pub code: i32,
    /// All its events.
    pub events: Vec<Value>,
    /// Folder of the pictures.
    pub output: PathBuf,
}

impl Render {
    /// Starts `blendnet render SCENE OPTIONS`, with its data and pictures below `folder`.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn start(scene: &Path, folder: &Path, options: &[&str]) -> Self {
        Self::start_with(scene, folder, options, &[])
    }

    /// [`Self::start`], with environment variables for all programs.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn start_with(
        scene: &Path,
        folder: &Path,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let output = folder.join("pictures");
        let mut all = vec!["render", scene.to_str().expect("a readable path")];
        all.extend(["--output", output.to_str().expect("a readable path")]);
        all.extend(options);
        Self::run(folder, &all, variables)
    }

    /// Starts `blendnet` with some arguments, its data below `folder`.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn command(folder: &Path, arguments: &[&str]) -> Self {
        Self::run(folder, arguments, &[])
    }

    /// [`Self::command`], with environment variables for all programs.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn command_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::run(folder, arguments, variables)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command("blendnet");
        command.envs(variables.iter().copied());
        command.args(arguments).arg("--json").arg("--data-dir").arg(folder.join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("blendnet starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, events) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        Self { child, events, seen: Vec::new(), output: folder.join("pictures") }
    }

    /// Waits for an event that fits.
    ///
    /// # Panics
    /// If the command ends, or says nothing for long, before it comes.
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self
                .events
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("waiting for {what}: {error}; {:#?}", self.seen));
            self.seen.push(event.clone());
            if fits(&event) {
                return event;
            }
        }
    }

    /// Waits for an event by its name.
    pub fn wait_for_event(&mut self, name: &str) -> Value {
        self.wait_for(name, |event| event["event"] == name)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `INT`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it can't be awaited.
    pub fn finish(mut self) -> Rendered {
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            self.seen.push(event);
        }
        let status = self.child.wait().expect("the command ends");
        Rendered {
            code: status.code().unwrap_or(-1),
            events: std::mem::take(&mut self.seen),
            output: std::mem::take(&mut self.output),
        }
    }
}

/// Sends a process a signal, such as `KILL`.
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(try_signal(pid, name), "process {pid} is there to be sent {name}");
}

/// Sends a process a signal; whether it is there.
pub(crate) fn try_signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    sent.is_ok_and(|status| status.success())
}

impl Rendered {
    /// The first event of a name.
    ///
    /// # Panics
    /// If there is none.
    pub fn event(&self, name: &str) -> &Value {
        let found = self.events.iter().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no event `{name}` in {:#?}", self.events))
    }

    /// The lossless image of a frame.
    ///
    /// # Panics
    /// If the frame did not complete.
    pub fn exr(&self, frame: i32) -> PathBuf {
        self.files(frame)[0].clone()
    }

    /// The scene's own output of a frame.
    ///
    /// # Panics
    /// If the frame did not complete.
    pub fn composed(&self, frame: i32) -> PathBuf {
        self.files(frame)[1].clone()
    }

    fn files(&self, frame: i32) -> Vec<PathBuf> {
        let done = |e: &&Value| e["event"] == "frame" && e["frame"] == frame;
        let event = self.events.iter().find(done);
        let event = event.unwrap_or_else(|| panic!("frame {frame} is done: {:#?}", self.events));
        let files = event["files"].as_array().expect("files of a completed frame");
        files.iter().map(|file| PathBuf::from(file.as_str().expect("a path"))).collect()
    }
}

impl Drop for Render {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

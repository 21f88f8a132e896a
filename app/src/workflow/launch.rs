//! Starts the manager of a local farm.
//!
//! A farm that is started for a render has to end when nobody uses it any more, whatever ends
//! the programs that do. So its stdin is a named pipe that each user holds open for writing:
//! when the last one is gone, the kernel closes the pipe, and the manager (`--exit-with-parent`)
//! ends itself.

use fs_err::os::unix::fs::OpenOptionsExt;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::blenders;
use super::data_dir::DataDir;
use super::farm::Alive;
use super::problem::{Problem, ProblemKind};
use super::programs;

/// How long a manager may take until it listens; the first start makes keys.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A log longer than this is begun anew.
const MAX_LOG_BYTES: u64 = 4 * 1024 * 1024;

/// What a farm is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Agents to launch: on this machine, unless another provider lends them.
    pub agents: u32,
    /// Threads of each; `None` shares the processors evenly.
    pub threads_per_agent: Option<u32>,
    /// Blenders beside those that agents find.
    pub blenders: Vec<PathBuf>,
    /// End after so long without work; `None` is the manager's own choice.
    pub idle: Option<Duration>,
    /// Who lends the machines; `None` is this machine itself.
    pub provider: Option<String>,
    /// Settings of the provider, `NAME=VALUE`.
    pub provider_settings: Vec<String>,
    /// What an hour of an agent costs, in millionths of a dollar; `None`: nothing that is counted.
    pub usd_micros_per_hour: Option<u64>,
}

/// When a farm ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// With the last program that uses it.
    WhileUsed,
    /// When it had no work for long.
    Detached,
}

/// A manager that listens.
#[derive(Debug)]
pub struct Launched {
    /// Where.
    pub address: String,
    /// Whether it still runs.
    pub alive: Alive,
    /// Keeps it running, for [`Lifetime::WhileUsed`].
    pub user: Option<fs_err::File>,
}

/// The one line that a manager prints.
#[derive(Deserialize)]
struct Announced {
    listening: String,
}

/// Starts a manager and waits until it listens.
pub async fn launch(
    data: &DataDir,
    options: &StartOptions,
    lifetime: Lifetime,
) -> Result<Launched, Problem> {
    let manager = programs::find("blendnet-manager")?;
    let agent = programs::find("blendnet-agent")?;
    let log = Log::open(&data.farm_log()).map_err(|e| start_failed(&e))?;
    let mut command = Command::new(&manager);
    command.args(arguments(data, options, &agent)).current_dir(data.root());
    // Its own group, so that Ctrl-C reaches us alone and we can pause the job first.
    command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(log.stdio().map_err(|e| start_failed(&e))?);
    let user = match lifetime {
        Lifetime::Detached => {
            command.stdin(Stdio::null());
            None
        }
        Lifetime::WhileUsed => {
            let (stdin, user) = users_pipe(&data.farm_users()).map_err(|e| start_failed(&e))?;
            command.arg("--exit-with-parent").stdin(Stdio::from(stdin.into_parts().0));
            Some(user)
        }
    };
    let mut child = command.spawn().map_err(|e| {
        start_failed(&std::io::Error::new(e.kind(), format!("{}: {e}", manager.display())))
    })?;
    // Closes our copy of the pipe's reading end.
    drop(command);
    let announced = tokio::time::timeout(START_LIMIT, announcement(&mut child)).await;
    let Ok(Some(announced)) = announced else {
        drop(child.start_kill());
        return Err(not_listening(announced.is_err(), &log));
    };
    Ok(Launched { address: announced.listening, alive: Alive::child(child, log), user })
}

fn arguments(data: &DataDir, options: &StartOptions, agent: &Path) -> Vec<std::ffi::OsString> {
    let own = if options.provider.is_some() { 0 } else { even_threads(options.agents) };
    let threads = options.threads_per_agent.unwrap_or(own);
    let mut arguments: Vec<std::ffi::OsString> = vec![
        "--dir".into(),
        data.farm_dir().into(),
        "--listen".into(),
        "127.0.0.1:0".into(),
        "--agents".into(),
        options.agents.to_string().into(),
        "--threads-per-agent".into(),
        threads.to_string().into(),
        "--agent-program".into(),
        agent.into(),
    ];
    for blender in options.blenders.iter().chain(&blenders::own(data)) {
        arguments.extend(["--blender".into(), blender.into()]);
    }
    arguments.extend(["--shelf".into(), blenders::shelf::folder(data).into()]);
    if let Some(provider) = &options.provider {
        arguments.extend(["--provider".into(), provider.into()]);
    }
    for setting in &options.provider_settings {
        arguments.extend(["--provider-set".into(), setting.into()]);
    }
    if let Some(micros) = options.usd_micros_per_hour {
        let usd = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        arguments.extend(["--usd-per-hour".into(), usd.into()]);
    }
    if let Some(idle) = options.idle {
        for option in ["--idle-secs", "--agent-idle-secs"] {
            arguments.extend([option.into(), idle.as_secs().to_string().into()]);
        }
    }
    arguments
}

/// A Blender that the artist named, if there is a file.
pub fn named_blender(path: &Path) -> Result<PathBuf, Problem> {
    let refuse = |why: &str| {
        Err(Problem::input(format!("the Blender {} {why}", path.display()))
            .hint("name the executable `blender`, or a Python that can `import bpy`"))
    };
    match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_dir() => refuse("is a folder"),
        Ok(_) => std::path::absolute(path)
            .map_err(|e| Problem::input(format!("the Blender {}: {e}", path.display()))),
        Err(_) => refuse("does not exist"),
    }
}

/// Processors that this process may use.
pub fn processor_count() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

fn even_threads(agents: u32) -> u32 {
    processor_count().div_ceil(agents.max(1))
}

async fn announcement(child: &mut Child) -> Option<Announced> {
    let stdout = child.stdout.take()?;
    let mut line = String::new();
    BufReader::new(stdout.take(64 * 1024)).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

fn start_failed(error: &std::io::Error) -> Problem {
    let mut problem = Problem::local_file(error, ProblemKind::Farm);
    problem.message = format!("the farm can't be started: {error}");
    problem
}

fn not_listening(too_slow: bool, log: &Log) -> Problem {
    let message = if too_slow {
        format!("the farm's manager does not listen after {} s", START_LIMIT.as_secs())
    } else {
        "the farm's manager ended before it listened".to_owned()
    };
    Problem::farm(message)
        .hint(format!("its last lines are above; all of them are in {}", log.path.display()))
        .details(log.tail())
}

/// Makes the pipe. Gives the reading end, for the manager, and a writing end, for us.
fn users_pipe(path: &Path) -> std::io::Result<(fs_err::File, fs_err::File)> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
    // Without NONBLOCK opening a pipe waits for its other end.
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = fs_err::OpenOptions::new();
    options.read(true).custom_flags(nonblock);
    let reader = options.open(path)?;
    let writer = fs_err::OpenOptions::new().write(true).open(path)?;
    rustix::fs::fcntl_setfl(&reader, OFlags::empty())?;
    Ok((reader, writer))
}

/// Becomes a user of a running farm; `None` when it does not end with its users.
pub fn use_farm(data: &DataDir) -> Option<fs_err::File> {
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    // Without a manager at the other end this fails at once.
    let mut options = fs_err::OpenOptions::new();
    options.write(true).custom_flags(nonblock);
    options.open(data.farm_users()).ok()
}

/// A manager's log, from where it began.
#[derive(Clone, Debug)]
pub struct Log {
    path: PathBuf,
    start_bytes: u64,
}

impl Log {
    fn open(path: &Path) -> std::io::Result<Self> {
        let log = Self { path: path.to_owned(), start_bytes: 0 };
        let file = log.file()?;
        let length_bytes = file.metadata()?.len();
        if length_bytes > MAX_LOG_BYTES {
            file.set_len(0)?;
            return Ok(log);
        }
        Ok(Self { start_bytes: length_bytes, ..log })
    }

    /// A log that is only read.
    pub fn of(path: PathBuf) -> Self {
        let start_bytes = fs_err::metadata(&path).map_or(0, |m| m.len());
        Self { path, start_bytes }
    }

    fn file(&self) -> std::io::Result<fs_err::File> {
        let mut options = fs_err::OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(&self.path)
    }

    fn stdio(&self) -> std::io::Result<Stdio> {
        Ok(Stdio::from(self.file()?.into_parts().0))
    }

    /// The last lines since the manager was started.
    pub fn tail(&self) -> Vec<String> {
        let mut bytes = Vec::new();
        let read = fs_err::File::open(&self.path).and_then(|mut file| {
            let end_bytes = file.metadata()?.len();
            let from = self.start_bytes.max(end_bytes.saturating_sub(16 * 1024)).min(end_bytes);
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        if read.is_err() {
            return Vec::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(10)).map(|line| (*line).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_of_the_pipe_sees_its_end_when_the_last_user_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        assert!(use_farm(&data).is_none(), "there is no farm yet");
        let (mut reader, first) = users_pipe(&data.farm_users()).unwrap();
        let second = use_farm(&data).unwrap();
        drop(first);
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).unwrap();
        let waits = reader.read(&mut [0]).unwrap_err();
        assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
        drop(second);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        drop(reader);
        assert!(use_farm(&data).is_none(), "its reader is gone");
    }

    #[test]
    fn a_log_shows_what_came_since_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("farm.log");
        fs_err::write(&path, "old\n").unwrap();
        let log = Log::open(&path).unwrap();
        assert_eq!(log.tail(), Vec::<String>::new());
        fs_err::write(&path, "old\nnew\n").unwrap();
        assert_eq!(log.tail(), ["new"]);
    }

    #[test]
    fn options_reach_the_manager() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let options = StartOptions {
            agents: 3,
            threads_per_agent: Some(2),
            blenders: vec!["/opt/blender/blender".into()],
            idle: Some(Duration::from_mins(1)),
            provider: Some("slurm".to_owned()),
            provider_settings: vec!["partition=night".to_owned()],
            usd_micros_per_hour: Some(1_050_000),
        };
        let arguments = arguments(&data, &options, Path::new("/bin/blendnet-agent"));
        let text: Vec<&str> = arguments.iter().map(|a| a.to_str().unwrap()).collect();
        let value = |option: &str| text[text.iter().position(|a| *a == option).unwrap() + 1];
        assert_eq!(value("--agents"), "3");
        assert_eq!(value("--threads-per-agent"), "2");
        assert_eq!(value("--blender"), "/opt/blender/blender");
        assert_eq!(value("--idle-secs"), "60");
        assert_eq!(value("--provider"), "slurm");
        assert_eq!(value("--provider-set"), "partition=night");
        assert_eq!(value("--usd-per-hour"), "1.050000");
        assert_eq!(value("--agent-idle-secs"), "60");
    }
}

//! A manager or an agent by itself, as somebody starts it by hand, and curl to talk to it.

use crate::render::signal;
use crate::{Farm, command};
use fs_err as fs;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A server that takes longer to start, or to end, does not.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `blendnet-manager` or `blendnet-agent`; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its `--dir`.
    pub dir: PathBuf,
    /// Such as `127.0.0.1:41234`.
    pub address: String,
}

/// What curl got.
#[derive(Debug)]
pub struct Reply {
    /// curl's own exit code; 60 is a certificate that it does not trust.
    pub code: i32,
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The body as JSON; the text itself where it is none.
    pub body: Value,
}

impl Server {
    /// Starts a manager that launches no agents, or an agent, on a free port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(name: &str, dir: &Path, options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", name, dir, options)
    }

    /// Starts it on a port of its own.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_at(listen: &str, name: &str, dir: &Path, options: &[&str]) -> Self {
        let mut command = command(name);
        command.arg("--dir").arg(dir).args(["--listen", listen]).args(options);
        Self::spawn(command, dir)
    }

    fn spawn(mut command: Command, dir: &Path) -> Self {
        fs::create_dir_all(dir).expect("a folder");
        let log = fs::File::create(dir.join("test.log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.into_file());
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, line) = mpsc::channel();
        std::thread::spawn(move || {
            let line = BufReader::new(stdout).lines().next();
            let _nobody_waits = sender.send(line.and_then(Result::ok).unwrap_or_default());
        });
        let line = line.recv_timeout(PATIENCE).unwrap_or_default();
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        let log = || fs::read_to_string(dir.join("test.log")).unwrap_or_default();
        let address = line["listening"].as_str().unwrap_or_else(|| panic!("no start: {}", log()));
        Self { address: address.to_owned(), dir: dir.to_owned(), child }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `KILL`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn ended(&mut self) {
        let mut status = None;
        wait_for("the end of the server", PATIENCE, || {
            status = self.child.try_wait().expect("it can be awaited");
            status.is_some()
        });
    }

    /// Its password.
    ///
    /// # Panics
    /// If it has none.
    pub fn password(&self) -> String {
        let password = fs::read_to_string(self.dir.join("password")).expect("a password");
        password.trim().to_owned()
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("test.log")).unwrap_or_default()
    }

    /// A URL of its API.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}/api/v1/{path}", self.address)
    }

    /// `curl OPTIONS URL` with its authority and password.
    pub fn curl(&self, path: &str, options: &[&str]) -> Reply {
        let user = format!("blendnet:{}", self.password());
        let mut all = vec!["--user", user.as_str()];
        all.extend(options);
        self.curl_as(path, &all)
    }

    /// `curl OPTIONS URL` with its authority and whatever user the options name.
    ///
    /// # Panics
    /// If there is no curl.
    pub fn curl_as(&self, path: &str, options: &[&str]) -> Reply {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--path-as-is", "--max-time", "60"]);
        command.args(["--write-out", "\n%{http_code}"]);
        command.arg("--cacert").arg(self.dir.join("ca.pem")).args(options).arg(self.url(path));
        let output = command.output().expect("curl is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = if body.is_empty() { said } else { body.to_owned() };
        Reply {
            code: output.status.code().unwrap_or(-1),
            status: status.trim().parse().unwrap_or(0),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// `curl --request PUT --data JSON`, which must be taken.
    ///
    /// # Panics
    /// If it is refused.
    pub fn put(&self, path: &str, body: &Value) -> Value {
        let reply = self.curl(path, &["--request", "PUT", "--data", &body.to_string()]);
        assert_eq!(reply.status, 200, "PUT {path}: {}", reply.body);
        reply.body
    }

    /// `curl`, which must be answered well; gives the data.
    ///
    /// # Panics
    /// If it is refused.
    pub fn get(&self, path: &str) -> Value {
        let reply = self.curl(path, &[]);
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.body);
        assert_eq!(reply.body["success"], true, "GET {path}: {}", reply.body);
        reply.body["data"].clone()
    }

    /// Uploads a file as 0.3's clients do, with its SHA-1.
    pub fn upload(&self, path: &str, file: &Path) -> Reply {
        let header = format!("X-Checksum-Sha1: {}", sha1(file));
        let file = file.to_str().expect("a readable path");
        self.curl(path, &["--header", &header, "--upload-file", file])
    }

    /// Downloads to a file.
    ///
    /// # Panics
    /// If it is refused.
    pub fn download(&self, path: &str, to: &Path) {
        let to = to.to_str().expect("a readable path");
        let reply = self.curl(path, &["--fail", "--output", to]);
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.body);
    }

    /// The farm, for a manager.
    pub fn farm(&self) -> Farm {
        Farm::in_dir(&self.dir)
    }

    /// Polls `path` until its data fit; the farm says when something changed.
    ///
    /// # Panics
    /// If they never do.
    pub async fn poll(&self, path: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let farm = self.farm();
        let until = Instant::now() + 2 * PATIENCE;
        loop {
            let generation = farm.view().await.expect("the farm answers").generation;
            let data = self.get(path);
            if fits(&data) {
                return data;
            }
            assert!(Instant::now() < until, "waiting for {what}: {data}");
            farm.changed(generation).await;
        }
    }

    /// Adds an agent that was started by hand and has its own authority.
    pub fn add_agent(&self, name: &str, agent: &Self) {
        let (host, port) = agent.address.rsplit_once(':').expect("address and port");
        let port: u16 = port.parse().expect("a port");
        let ca = fs::read_to_string(agent.dir.join("ca.pem")).expect("an authority");
        let config = serde_json::json!({
            "address": host, "port": port, "auth_user": "blendnet",
            "auth_password": agent.password(), "ca_pem": ca,
        });
        self.put(&format!("agent/{name}/config"), &config);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(40);
            let last = log.lines().skip(skipped).collect::<Vec<_>>().join("\n");
            let _unheard = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("--- {}\n{last}\n", self.dir.display()).as_bytes(),
            );
        }
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// SHA-1 of a file, as sha1sum prints it.
///
/// # Panics
/// If it can't be read.
pub fn sha1(file: &Path) -> String {
    let output = Command::new("sha1sum").arg(file).output().expect("sha1sum is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().next().expect("a checksum").to_owned()
}

/// Waits for a condition of the system that nothing reports, such as the end of a process.
///
/// # Panics
/// If it does not come true in time.
pub fn wait_for(what: &str, limit: Duration, mut is_true: impl FnMut() -> bool) {
    let until = Instant::now() + limit;
    while !is_true() {
        assert!(Instant::now() < until, "waiting for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Whether a process is there and not merely waiting to be reaped.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// All processes whose command line names a folder: those of a farm there, whoever started them.
pub fn naming(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().expect("a readable path");
    let named = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder) && is_running(*pid)
    };
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(named).collect()
}

/// All processes of a parent, and theirs.
pub fn descendants(parent: u32) -> Vec<u32> {
    let stats = fs::read_dir("/proc").expect("processes").flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()?;
        Some((pid, parent))
    });
    let all: Vec<(u32, u32)> = stats.collect();
    let mut found = vec![parent];
    let mut at = 0;
    while let Some(&next) = found.get(at) {
        found.extend(all.iter().filter(|(_, parent)| *parent == next).map(|(pid, _)| *pid));
        at += 1;
    }
    found.remove(0);
    found
}

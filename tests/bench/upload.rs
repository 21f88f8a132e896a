//! Uploads over loopback TLS, against nginx (PUT) and curl where this machine has them.

use blendnet_app::workflow::event::Events;
use blendnet_app::workflow::hashes::Hashes;
use blendnet_app::workflow::manager::Manager;
use blendnet_app::workflow::upload;
use blendnet_protocol::PackPath;
use blendnet_tests::{Server, wait_for};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const MIB: u64 = 1 << 20;
/// Size of the large file.
const LARGE_BYTES: u64 = 2048 * MIB;
/// How often it is sent.
const ROUNDS: u8 = 3;
/// Number of the small ones.
const SMALL_FILES: u32 = 10_000;

/// nginx that takes PUT below a folder, with the manager's certificate.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    /// `None`: there is no nginx here.
    fn start(folder: &Path, identity: &Path) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let dir = folder.join("nginx");
        fs_err::create_dir_all(dir.join("root")).expect("a folder");
        let (dir, identity) = (dir.display(), identity.display());
        let config = format!(
            "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log; events {{}}
            http {{ access_log off; client_body_temp_path {dir}/body; server {{
            listen 127.0.0.1:{port} ssl; ssl_certificate {identity}/server.pem;
            ssl_certificate_key {identity}/server.key; client_max_body_size 0; root {dir}/root;
            location / {{ dav_methods PUT; }} }} }}"
        );
        let path = folder.join("nginx.conf");
        fs_err::write(&path, config).expect("a configuration");
        let child =
            Command::new("nginx").arg("-c").arg(&path).stderr(Stdio::null()).spawn().ok()?;
        let nginx = Self { child, port };
        let limit = std::time::Duration::from_secs(10);
        wait_for("nginx", limit, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Bytes that don't repeat.
fn random(file: &mut impl std::io::Write, bytes: u64, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut block = vec![0_u8; 65536];
    let mut left = bytes;
    while left > 0 {
        for chunk in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        let count = left.min(block.len() as u64);
        let count = usize::try_from(count).expect("at most a block");
        file.write_all(block.get(..count).expect("at most a block")).expect("room on the disk");
        left -= count as u64;
    }
}

fn curl(ca: &Path) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--cacert"]).arg(ca).stdout(Stdio::null());
    command
}

fn secs(mut command: Command) -> f64 {
    let started = Instant::now();
    assert!(command.status().is_ok_and(|status| status.success()), "{command:?}");
    started.elapsed().as_secs_f64()
}

/// Hashes and sends files as a render does, and says how long that took.
async fn ours(manager: &Manager, hashes: &Hashes, files: &BTreeMap<PackPath, PathBuf>) -> f64 {
    let (events, mut listener) = Events::channel();
    let ignored = tokio::spawn(async move { while listener.recv().await.is_some() {} });
    let started = Instant::now();
    let named = upload::hash_all(hashes, files.clone()).await.expect("readable files");
    upload::send(manager, &named, &events).await.expect("an upload");
    let secs = started.elapsed().as_secs_f64();
    ignored.abort();
    secs
}

fn files_in(folder: &Path) -> BTreeMap<PackPath, PathBuf> {
    let entries = fs_err::read_dir(folder).expect("a folder");
    let path = |entry: std::io::Result<fs_err::DirEntry>| entry.expect("an entry").path();
    let place =
        |path: &PathBuf| PackPath::new(path.file_name().unwrap_or_default().to_string_lossy());
    entries.map(path).map(|path| (place(&path).expect("a name"), path)).collect()
}

/// All of it.
pub(super) fn run() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::start("blendnet-manager", &folder.path().join("manager"), &[]);
        let farm = server.farm();
        let manager = Manager::new(farm.client.clone(), farm.address.clone());
        large(folder.path(), &server, &manager).await;
        small(folder.path(), &server, &manager).await;
    });
}

/// By turns, each after what was written before has reached the disk; medians.
async fn large(folder: &Path, server: &Server, manager: &Manager) {
    let path = folder.join("large");
    fs_err::create_dir(&path).expect("a folder");
    let file = path.join("large.vdb");
    random(&mut fs_err::File::create(&file).expect("a file"), LARGE_BYTES, 1);
    let nginx = Nginx::start(folder, &server.dir);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Another content each time: what the server has is not sent again.
        let mut open = fs_err::OpenOptions::new().write(true).open(&file).expect("our file");
        open.write_all(&[round; 64]).expect("our file");
        ours.push(send_large(manager, &path).await);
        let Some(nginx) = &nginx else { continue };
        on_the_disk();
        let mut put = curl(&server.dir.join("ca.pem"));
        put.arg("--upload-file").arg(&file);
        put.arg(format!("https://127.0.0.1:{}/large.vdb", nginx.port));
        theirs.push(secs(put));
    }
    let mib = |secs: f64| f64::from(u32::try_from(LARGE_BYTES / MIB).unwrap_or(0)) / secs;
    let ours = median(ours);
    let mut line = format!("upload of 2 GiB: {:.0} MiB/s", mib(ours));
    if nginx.is_some() {
        let theirs = median(theirs);
        let (speed, ratio) = (mib(theirs), theirs / ours);
        let _told = write!(line, ", nginx {speed:.0} MiB/s, ratio {ratio:.2} (at least 0.8)");
    }
    super::say(&line);
    fs_err::remove_file(&file).expect("our file");
}

async fn send_large(manager: &Manager, path: &Path) -> f64 {
    let named =
        upload::hash_all(&Hashes::default(), files_in(path)).await.expect("a readable file");
    let (events, mut listener) = Events::channel();
    let ignored = tokio::spawn(async move { while listener.recv().await.is_some() {} });
    on_the_disk();
    let started = Instant::now();
    upload::send(manager, &named, &events).await.expect("an upload");
    let secs = started.elapsed().as_secs_f64();
    ignored.abort();
    secs
}

fn on_the_disk() {
    drop(Command::new("sync").status());
}

fn median(mut secs: Vec<f64>) -> f64 {
    secs.sort_by(f64::total_cmp);
    secs.get(secs.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn small(folder: &Path, server: &Server, manager: &Manager) {
    let path = folder.join("small");
    fs_err::create_dir(&path).expect("a folder");
    let mut list = String::new();
    let password = server.password();
    for number in 0..SMALL_FILES {
        let file = path.join(format!("{number}.png"));
        let bytes = 1024 + u64::from(number) * 7919 % 9216;
        random(&mut fs_err::File::create(&file).expect("a file"), bytes, u64::from(number) + 2);
        let url = server.url(&format!("task/curl/file/{number}.png"));
        let _told = writeln!(list, "url = \"{url}\"\nupload-file = \"{}\"", file.display());
    }
    let config = folder.join("curl.txt");
    let user = format!("user = \"blendnet:{password}\"\n");
    fs_err::write(&config, user + &list).expect("a file");
    // What was written just now is not trusted to stay as it is.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let hashes = Hashes::default();
    let files = files_in(&path);
    let first = ours(manager, &hashes, &files).await;
    let again = ours(manager, &hashes, &files).await;
    let other = Server::start("blendnet-manager", &folder.join("other"), &[]);
    let list = list.replace(&server.url(""), &other.url(""));
    fs_err::write(&config, format!("user = \"blendnet:{}\"\n{list}", other.password()))
        .expect("a file");
    let mut each = curl(&other.dir.join("ca.pem"));
    each.arg("--config").arg(&config);
    let each = secs(each);
    super::say(&format!(
        "upload of 10,000 small files: {first:.2} s, curl one by one {each:.1} s, {:.1} times ours \
         (at least 5); once more {again:.3} s, {:.3} of the first time (under 0.1)",
        each / first,
        again / first
    ));
    let _shown = std::io::stdout().flush();
}

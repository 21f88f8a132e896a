//! Who may speak to the servers, what they take, and that nothing of ours outlives its starter.

use blendnet_net::client::Client;
use blendnet_net::secret::Password;
use blendnet_protocol::FarmView;
use blendnet_tests::{Farm, Render, Server, descendants, is_running, system_blender, wait_for};
use fs_err as fs;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Slack for what should take a second.
const SOON: Duration = Duration::from_secs(5);

const PROGRAMS: [&str; 2] = ["blendnet-manager", "blendnet-agent"];

#[tokio::test]
async fn without_the_password_or_the_authority_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        assert_eq!(server.curl("status", &[]).status, 200);
        assert_eq!(server.curl_as("status", &[]).status, 401);
        assert_eq!(server.curl_as("status", &["--user", "blendnet:wrong"]).status, 401);
        assert_eq!(server.curl_as("status", &["--user", "blendnet:"]).status, 401);
        let other_user = format!("None:{}", server.password());
        assert_eq!(server.curl_as("status", &["--user", &other_user]).status, 401);
        assert_eq!(server.curl_as("job/../../../etc/passwd", &[]).status, 401);
        assert_eq!(server.curl("status", &[]).status, 200, "after wrong ones the right one is");

        let foreign = folder.path().join("foreign");
        fs::create_dir_all(&foreign).unwrap();
        blendnet_net::init_crypto();
        let authority = blendnet_net::ca::CertificateAuthority::load_or_create(&foreign).unwrap();
        let ca = foreign.join("ca.pem");
        let refused = server.curl("status", &["--cacert", ca.to_str().unwrap()]);
        assert_eq!((refused.code, refused.status), (60, 0), "{}", refused.body);
        let password = Password::load(&server.dir.join("password")).unwrap();
        let client = Client::new(&server.address, authority.cert_pem(), &password).unwrap();
        let error = client.get::<serde_json::Value>("status").await.unwrap_err().to_string();
        assert!(error.contains("our CA did not sign"), "{error}");
        let own_system = server.curl("status", &["--cacert", "/etc/ssl/certs/ca-certificates.crt"]);
        assert_ne!(own_system.code, 0);
    }
}

#[test]
fn a_connection_that_never_speaks_hinders_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        let mute: Vec<TcpStream> =
            (0..20).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
        let mut slow = TcpStream::connect(&server.address).unwrap();
        slow.write_all(b"\x16\x03\x01").unwrap();
        let reply = server.curl("status", &["--max-time", "5"]);
        assert_eq!(reply.status, 200, "{}", reply.body);
        drop(mute);
    }
}

/// An upload that is killed on its way.
fn cut_upload(server: &Server, path: &str, file: &Path) {
    let config = format!("user = \"blendnet:{}\"\n", server.password());
    let mut curl = std::process::Command::new("curl")
        .args(["--silent", "--http1.1", "--config", "-", "--limit-rate", "4M", "--cacert"])
        .arg(server.dir.join("ca.pem"))
        .arg("--upload-file")
        .arg(file)
        .arg(server.url(path))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    curl.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    let blobs = server.dir.join("blobs");
    wait_for("the upload's first bytes", SOON, || files_below(&blobs).iter().any(|(_, n)| *n > 0));
    curl.kill().unwrap();
    curl.wait().unwrap();
}

/// Paths and sizes.
fn files_below(folder: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files_below(&entry.path())),
            Ok(metadata) => found.push((entry.path(), metadata.len())),
            Err(_) => {}
        }
    }
    found
}

#[test]
fn an_upload_that_is_cut_leaves_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        let file = folder.path().join("file.bin");
        fs::write(&file, vec![7; 32 << 20]).unwrap();
        cut_upload(&server, "task/cut/file/a.bin", &file);
        let blobs = server.dir.join("blobs");
        wait_for("the end of the half file", SOON, || files_below(&blobs).is_empty());
        let listed = server.curl("task/cut/file", &[]);
        assert!(!listed.body.to_string().contains("a.bin"), "{}", listed.body);
        assert_eq!(server.upload("task/cut/file/a.bin", &file).status, 200);
        assert_eq!(server.get("task/cut/file/a.bin")["path"], "a.bin");
    }
}

#[test]
fn uploads_that_lie_are_refused_and_later_ones_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.bin");
    fs::write(&file, "content").unwrap();
    let path = file.to_str().unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        let put = |to: &str, header: &str| {
            server.curl(to, &["--http1.1", "--header", header, "--upload-file", path])
        };
        let zeros = format!("X-Checksum-Sha1: {}", "0".repeat(40));
        let reply = put("task/a/file/a.bin", &zeros);
        assert_eq!(reply.status, 409, "a wrong checksum: {}", reply.body);
        for checksum in [": ../../password", ": /etc/passwd", ": abc", ";"] {
            let reply = put("task/a/file/a.bin", &format!("X-Checksum-Sha1{checksum}"));
            assert_eq!(reply.status, 400, "{checksum}: {}", reply.body);
        }
        let reply = put("task/a/file/a.bin", "Content-Length: 1000000000000000");
        assert!([413, 507].contains(&reply.status), "{} {}", reply.status, reply.body);
        let blob = format!("blob/{}", "0".repeat(64));
        let reply = put(&blob, "Content-Length: 1000000000000000");
        assert!([413, 507].contains(&reply.status), "{} {}", reply.status, reply.body);
        assert_eq!(put(&blob, "X-A: b").status, 409, "content that is not the blob's");
        let chunked = put("task/a/file/a.bin", "Transfer-Encoding: chunked");
        assert_eq!(chunked.status, 411, "{}", chunked.body);
        assert!(server.dir.join("password").is_file());
        assert!(files_below(&server.dir.join("blobs")).is_empty(), "nothing was kept");
        assert_eq!(server.upload("task/a/file/a.bin", &file).status, 200);
    }
}

#[test]
fn names_that_are_paths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.bin");
    fs::write(&file, "content").unwrap();
    let path = file.to_str().unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        for bad in [
            "task/a/file/../../../../evil",
            "task/a/file/x/..%2F..%2F..%2Fevil",
            "task/a/file/..%5C..%5Cevil",
            "task/a/file/%2e%2e/evil",
            "task/..%2Fevil/file/a",
            "task/%2e%2e/file/a",
            "task/a/file/a%00b",
            "blob/..%2Fpassword",
            "blob/../password",
        ] {
            let reply = server.curl(bad, &["--upload-file", path]);
            assert!(
                [400, 404, 405].contains(&reply.status),
                "{bad}: {} {}",
                reply.status,
                reply.body
            );
        }
        for bad in ["blob/..%2Fpassword", "blob/%2Fetc%2Fpasswd", "task/..%2F..%2Fpassword"] {
            let reply = server.curl(bad, &[]);
            assert!([400, 404].contains(&reply.status), "{bad}: {} {}", reply.status, reply.body);
            assert!(!reply.body.to_string().contains(&server.password()), "{bad}");
        }
        let evil = |(path, _): &(std::path::PathBuf, u64)| path.to_string_lossy().contains("evil");
        assert!(!files_below(folder.path()).iter().any(evil), "nothing was written");
        assert!(files_below(&server.dir.join("blobs")).is_empty());

        // An absolute path is one of the artist's: only inside of the folders of the config.
        let config = json!({ "project": "a.blend", "project_path": "/srv/p", "cwd_path": "/srv" });
        server.put("task/a/config", &config);
        let reply = server.curl("task/a/file//etc/cron.d/evil", &["--upload-file", path]);
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(!Path::new("/etc/cron.d/evil").exists());
    }
    let manager = Server::start("blendnet-manager", &folder.path().join("again"), &[]);
    for bad in ["job/..%2Fpassword", "job/%2e%2e", "job/a%2Fb/frame/1/image", "agent/..%2Fx/log"] {
        let reply = manager.curl(bad, &[]);
        assert!([400, 404].contains(&reply.status), "{bad}: {} {}", reply.status, reply.body);
        let reply = manager.curl(bad, &["--request", "DELETE"]);
        assert!([400, 404, 405].contains(&reply.status), "{bad}: {} {}", reply.status, reply.body);
    }
    assert!(manager.dir.join("password").is_file());
}

#[test]
fn configs_that_are_too_large_or_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.json");
    fs::write(&large, format!("{{\"project\":\"{}\"}}", "x".repeat(600 << 10))).unwrap();
    for name in PROGRAMS {
        let server = Server::start(name, &folder.path().join(name), &[]);
        let put = |body: &str| server.curl("task/a/config", &["--request", "PUT", "--data", body]);
        let reply = put(&format!("@{}", large.display()));
        assert_eq!(reply.status, 413, "{}", reply.body);
        for (bad, status) in [
            ("not json", 400),
            ("{\"samples\": 23", 400),
            ("{\"samples\": 0}", 422),
            ("{\"samples\": \"many\"}", 422),
            ("{\"frame\": 1.5}", 422),
            ("{\"project\": \"../x.blend\"}", 400),
            ("{\"cwd_path\": \"relative\"}", 400),
        ] {
            let reply = put(bad);
            assert_eq!(reply.status, status, "{bad}: {}", reply.body);
            assert!(reply.body["message"].as_str().is_some_and(|m| !m.is_empty()), "{bad}");
        }
        let run = server.curl("task/a/run", &[]);
        assert!([400, 404].contains(&run.status), "nothing to run: {}", run.body);
        let site = ["--header", "Sec-Fetch-Site: cross-site"];
        assert_eq!(server.curl("task/a/run", &site).status, 403);
    }
    let manager = Server::start("blendnet-manager", &folder.path().join("again"), &[]);
    let agent =
        |body: &str| manager.curl("agent/a/config", &["--request", "PUT", "--data", body]).status;
    assert_eq!(agent(&format!("@{}", large.display())), 413);
    for bad in ["{}", "{\"address\":\"http://x/\",\"auth_password\":\"p\"}"] {
        assert!([400, 422].contains(&agent(bad)), "{bad}");
    }
}

/// A farm in the middle of a long render: its manager, and all processes below the command. Its
/// agents wait 3 s for a manager that is gone.
async fn rendering(folder: &Path) -> (Render, u32, Vec<u32>) {
    let scene = folder.join("scene.blend");
    let size = ["--size", "1280", "720", "--samples", "1024"];
    system_blender().make_scene("combined_only", &scene, &size);
    let options = ["--agents", "2", "--threads-per-agent", "1"];
    let patience = [("BLENDNET_MANAGER_TIMEOUT_SECS", "3")];
    let mut render = Render::start_with(&scene, folder, &options, &patience);
    render.wait_for_event("preview");
    let farm = Farm::of(folder);
    let manager = farm.manager;
    let busy = |view: &FarmView| {
        view.agents.len() == 2 && view.agents.iter().all(|a| a.blender_pid.is_some())
    };
    let view = farm.wait_until("two Blenders", busy).await;
    let mut all = vec![manager];
    all.extend(descendants(manager));
    for agent in &view.agents {
        assert!(all.contains(&agent.pid.unwrap()) && all.contains(&agent.blender_pid.unwrap()));
    }
    (render, manager, all)
}

fn assert_gone(all: &[u32]) {
    wait_for("the end of all processes", 2 * SOON, || !all.iter().any(|&pid| is_running(pid)));
}

#[tokio::test]
async fn a_killed_manager_leaves_neither_agents_nor_blenders_for_longer_than_they_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (render, manager, all) = rendering(folder.path()).await;
    assert!(all.len() >= 5, "a manager, two agents, two Blenders: {all:?}");
    Farm::of(folder.path()).kill(manager);
    wait_for("the manager's end", SOON, || !is_running(manager));
    assert!(all.iter().any(|&pid| is_running(pid)), "agents wait for a manager: {all:?}");
    assert_gone(&all);
    let rendered = render.finish();
    assert_eq!(rendered.code, 4, "{:#?}", rendered.events);
    let error = rendered.event("error").to_string();
    assert!(error.contains("resume"), "what is rendered can be gone on with: {error}");
}

#[tokio::test]
async fn a_killed_command_leaves_no_farm() {
    let folder = tempfile::tempdir().unwrap();
    let (render, _manager, all) = rendering(folder.path()).await;
    assert_no_secrets(folder.path(), &all);
    render.signal("KILL");
    assert_gone(&all);
}

/// No secret in arguments, environments of Blenders, or logs; folders and files are private.
fn assert_no_secrets(folder: &Path, all: &[u32]) {
    let farm = folder.join("data/farm");
    let private =
        |path: &Path| ["password", "server.key", "ca.key"].iter().any(|n| path.ends_with(n));
    let files = files_below(&folder.join("data"));
    let secrets: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.ends_with("password"))
        .map(|(path, _)| fs::read_to_string(path).unwrap().trim().to_owned())
        .collect();
    assert!(secrets.len() >= 3, "of the manager and two agents");
    for pid in all {
        for what in ["cmdline", "environ"] {
            let mut said = Vec::new();
            let file = fs::File::open(format!("/proc/{pid}/{what}"));
            let _some = file.and_then(|mut file| file.read_to_end(&mut said));
            let said = String::from_utf8_lossy(&said);
            assert!(!secrets.iter().any(|s| said.contains(s.as_str())), "{what} of {pid}: {said}");
        }
    }
    let mut seen = 0;
    for (path, _) in &files {
        let mode = fs::metadata(path).map(|m| m.permissions().mode() & 0o777);
        if private(path) {
            assert_eq!(mode.unwrap(), 0o600, "{}", path.display());
            seen += 1;
        } else if path.extension().is_some_and(|e| e == "log" || e == "json") {
            let text = fs::read_to_string(path).unwrap_or_default();
            let tells = secrets.iter().any(|s| text.contains(s.as_str()));
            assert!(!tells && !text.contains("PRIVATE KEY"), "{}", path.display());
        }
    }
    assert!(seen >= 7, "the manager's password and two keys, a password and a key of each agent");
    for dir in [&farm, &farm.join("agents"), &farm.join("jobs"), &farm.join("blobs")] {
        let mode = fs::metadata(dir).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", dir.display());
    }
}

#[tokio::test]
async fn a_server_ends_at_the_first_signal_and_at_the_second_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        let mut server = Server::start(name, &folder.path().join(name), &[]);
        assert_eq!(server.curl("status", &[]).status, 200);
        let below = descendants(server.pid());
        server.signal("TERM");
        server.ended();
        assert_gone(&below);
    }
    // With a render under way, both signals.
    let (render, manager, all) = rendering(folder.path()).await;
    let farm = Farm::of(folder.path());
    farm.signal(manager, "TERM");
    if is_running(manager) {
        let _may_have_ended = std::process::Command::new("kill")
            .args(["-TERM", &manager.to_string()])
            .stderr(std::process::Stdio::null())
            .status();
    }
    assert_gone(&all);
    drop(render);
}

//! Who may use the window's door: requests as programs, strangers and pages in browsers make them.

use blendnet_tests::{Window, command, wait_for};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// An open window's door, and all that the user has to open it.
struct Door {
    folder: tempfile::TempDir,
    _window: Window,
    address: String,
    login: String,
}

impl Door {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let window = Window::open(folder.path(), &[]);
        let files = folder.path().join("data/door");
        wait_for("the door", SOON, || files.join("door.json").is_file());
        let sign: Value =
            serde_json::from_slice(&fs_err::read(files.join("door.json")).unwrap()).unwrap();
        let address = sign["address"].as_str().unwrap().to_owned();
        let password = fs_err::read_to_string(files.join("password")).unwrap();
        Self { folder, _window: window, address, login: format!("blendnet:{password}") }
    }

    /// As a program that knows the authority; options are to follow.
    fn status(&self, body: &str, options: &[&str]) -> String {
        let ca = self.folder.path().join("data/door/ca.pem");
        let first = ["--cacert", ca.to_str().unwrap(), "-d", body];
        ask(&self.url("door"), &[&first, options].concat()).0
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}/api/v1/{path}", self.address)
    }

    /// A scene as Blender leaves it, that nobody has handed over yet, and its id.
    fn scene(&self) -> (PathBuf, String) {
        let mut handoff = command("blendnet");
        let data = self.folder.path().join("data");
        let output = handoff.arg("--data-dir").arg(data).args(["--json", "handoff"]).output();
        let said: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let folder = Path::new(said["folder"].as_str().unwrap()).to_owned();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/demo.blend");
        fs_err::copy(demo, folder.join("shot.blend")).unwrap();
        let json = serde_json::json!({"format": said["format"], "blend": "shot.blend", "frame": 1,
            "frame_start": 1, "frame_end": 1, "frame_step": 1});
        fs_err::write(folder.join("handoff.json"), json.to_string()).unwrap();
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        (folder.join("handoff.json"), id)
    }
}

/// curl; the answer's status, and the answer with its head.
fn ask(url: &str, options: &[&str]) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-i", "-w", "\n%{http_code}", "--max-time", "60"]).args(options);
    let output = curl.arg(url).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let (answer, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), answer.to_owned())
}

#[test]
fn programs_of_the_user_may_use_the_door_and_strangers_may_not() {
    let door = Door::open();
    let json = "Content-Type: application/json";
    let right = ["-u", door.login.as_str(), "-H", json];
    let asked = |options: &[&str]| door.status("\"window\"", options);
    assert_eq!(asked(&right), "200");
    assert_eq!(asked(&["-H", json]), "401", "nobody without the password");
    assert_eq!(asked(&["-u", "blendnet:wrong", "-H", json]), "401");
    assert_eq!(door.status("{\"handoff\": \"/etc/passwd\"}", &right), "422");
    // Who does not know our authority gets no further than the handshake, and nothing is said in the clear.
    assert_eq!(ask(&door.url("door"), &[]).0, "000");
    let plain = ask(&door.url("door").replace("https", "http"), &["-H", json, "-d", "{}"]);
    assert_ne!(plain.0, "200", "{}", plain.1);
}

/// What browsers send of themselves, as chromium and firefox do, and older ones that send less. Even where
/// the user has let the browser trust the certificate, and the page has the password.
#[test]
fn no_page_in_a_browser_can_hand_over_or_read_anything() {
    let door = Door::open();
    let (scene, id) = door.scene();
    let body = serde_json::json!({ "handoff": scene }).to_string();
    // A form of text/plain makes JSON of any names: `{"handoff": "…", "a": "` = `"}`.
    let form = serde_json::json!({ "handoff": scene, "a": "=" }).to_string();
    let fields = format!("handoff={}", scene.display());
    let origin = "Origin: https://page.example";
    let modern = |mode: &'static str, dest: &'static str| {
        let site = ["-H", "Sec-Fetch-Site: cross-site", "-H"];
        [&site[..], &[mode, "-H", dest, "-H", origin]].concat()
    };
    let navigate = modern("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document");
    let no_cors = modern("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: empty");
    let cors = modern("Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty");
    let old = vec!["-H", origin];
    let sandboxed = vec!["-H", "Origin: null"];
    let none = Vec::new();
    let same = vec!["-H", "Sec-Fetch-Site: same-origin"];
    let rebound = vec!["-H", "Host: page.example"];
    let json = "Content-Type: application/json";
    let text = "Content-Type: text/plain;charset=UTF-8";
    let encoded = "Content-Type: application/x-www-form-urlencoded";
    let post = |body: &str, kind: &str, of: &[&str]| {
        let first = ["--insecure", "-u", &door.login, "-d", body, "-H", kind];
        ask(&door.url("door"), &[&first, of].concat())
    };
    for (what, body, kind, of, status) in [
        ("a form of text/plain", &form, text, &navigate, "403"),
        ("a form", &fields, encoded, &navigate, "403"),
        ("fetch without CORS", &body, text, &no_cors, "403"),
        ("a beacon", &body, text, &no_cors, "403"),
        ("fetch with CORS", &body, json, &cors, "403"),
        ("a form of an older browser", &form, text, &old, "403"),
        ("a sandboxed frame or a file", &body, json, &sandboxed, "403"),
        ("a form of a browser that sends no origin", &form, text, &none, "415"),
        ("fields of a browser that sends no origin", &fields, encoded, &none, "415"),
        ("a page of this very address", &body, json, &same, "403"),
        ("a name that was bound to this machine", &body, json, &rebound, "403"),
    ] {
        let (found, answer) = post(body, kind, of);
        assert_eq!(found, status, "{what}: {answer}");
        assert!(!answer.contains("access-control-"), "{what}: {answer}");
    }
    let preflight = [
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
        "Access-Control-Request-Private-Network: true",
    ];
    let preflight = preflight.map(|header| ["-H", header]).concat();
    for of in [&cors, &old] {
        let (found, answer) = ask(
            &door.url("door"),
            &[&["--insecure", "-X", "OPTIONS"], &preflight[..], of].concat(),
        );
        assert_eq!(found, "403", "{answer}");
        assert!(!answer.contains("access-control-"), "{answer}");
    }
    let standing = door.url(&format!("door/{id}"));
    for (of, status) in [(&navigate, "403"), (&none, "401")] {
        assert_eq!(ask(&standing, &[&["--insecure"], &of[..]].concat()).0, status);
    }

    let login = ["--insecure", "-u", &door.login];
    assert_eq!(ask(&standing, &login).0, "404", "nothing came in by all that");
    assert_eq!(post(&body, json, &none).0, "200", "the user's own program would have");
    assert_eq!(ask(&standing, &login).0, "200");
    assert_eq!(post(&body, json, &none).0, "409", "and once only");
}

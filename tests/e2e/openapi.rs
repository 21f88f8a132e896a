//! The description of both servers' interfaces: what is served, kept beside the code, and true.

use blendnet_tests::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};

const METHODS: [&str; 4] = ["GET", "PUT", "POST", "DELETE"];

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi").join(format!("{name}.json"))
}

fn described(server: &Server) -> Value {
    let reply = server.curl("openapi.json", &[]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["openapi"], "3.1.0");
    reply.body
}

/// A change of the interface shows in the review: run with `BLENDNET_SNAPSHOT=1` to take it.
fn assert_kept(name: &str, api: &Value) {
    let text = serde_json::to_string_pretty(api).unwrap() + "\n";
    if std::env::var_os("BLENDNET_SNAPSHOT").is_some() {
        fs_err::create_dir_all(kept(name).parent().unwrap()).unwrap();
        fs_err::write(kept(name), &text).unwrap();
    }
    let kept = fs_err::read_to_string(kept(name)).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi/{name}.json is not what is served: BLENDNET_SNAPSHOT=1 takes it"
    );
}

/// What axum allows on each path is what is described, no more and no less.
fn assert_methods(server: &Server, api: &Value) {
    for (path, item) in api["paths"].as_object().unwrap() {
        let path = path.trim_start_matches('/').replace(['{', '}'], "");
        let reply = server.curl(&path, &["--request", "PATCH", "--include"]);
        assert_eq!(reply.status, 405, "PATCH {path}: {}", reply.body);
        let head = reply.body.as_str().unwrap().to_lowercase();
        let allow = head.lines().find_map(|line| line.strip_prefix("allow:")).unwrap();
        for method in METHODS {
            let is_allowed = allow.split(',').any(|one| one.trim().eq_ignore_ascii_case(method));
            let is_described = item[method.to_lowercase()].is_object();
            assert_eq!(is_allowed, is_described, "{method} {path}: allowed are {allow}");
        }
    }
}

fn assert_described(program: &str, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program, folder.path(), &[]);
    let api = described(&server);
    assert_kept(name, &api);
    assert_methods(&server, &api);
    let page = server.curl("docs", &[]);
    let page = page.body.as_str().unwrap();
    assert!(page.contains("openapi.json") && !page.contains("://"), "nothing from elsewhere");
    assert_eq!(server.curl_as("openapi.json", &[]).status, 401, "it is behind the password");
}

#[test]
fn the_managers_description_is_served_kept_and_true() {
    assert_described("blendnet-manager", "manager");
}

#[test]
fn the_agents_description_is_served_kept_and_true() {
    assert_described("blendnet-agent", "agent");
}

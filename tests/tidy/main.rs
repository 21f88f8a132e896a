//! House rules that neither compiler nor clippy checks.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use fs_err as fs;
use std::path::{Path, PathBuf};

/// Lines of a file without its tests.
const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || name == "render" {
            continue;
        }
        if path.is_dir() {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn all_files(ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&root(), ending, &mut found);
    assert!(!found.is_empty(), "there are files that end in {ending}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Whether a file has nothing but tests.
fn is_tests(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.ends_with("/tests.rs") || text.contains("/src/tests/") || text.contains("/tests/e2e/")
}

/// What a package may depend on of ours.
fn allowed(package: &str) -> &'static [&'static str] {
    match package {
        "blendnet-protocol" | "blendnet-cloud" | "blendnet-pack" => &[],
        "blendnet-scheduler" | "blendnet-film" | "blendnet-net" => &["protocol"],
        "blendnet-tasks" => &["protocol", "net"],
        "blendnet-cloud-aws" => &["cloud"],
        "blendnet-tests" => &["protocol", "net", "scheduler"],
        "blendnet-agent" => &["protocol", "net", "film", "tasks"],
        "blendnet-manager" => &["protocol", "net", "film", "tasks", "scheduler", "cloud"],
        "blendnet" => &["protocol", "net", "pack", "film", "scheduler"],
        other => panic!("say in this test what `{other}` may depend on"),
    }
}

#[test]
fn dependencies_run_one_way() {
    for (path, text) in all_files("Cargo.toml") {
        let Some(name) = text.lines().find_map(|line| line.strip_prefix("name = \"blendnet"))
        else {
            continue;
        };
        let package = format!("blendnet{}", name.trim_end_matches('"'));
        let dependencies = text.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            if let Some(ours) = line.strip_prefix("blendnet-") {
                let ours = ours.split(['.', ' ', '=']).next().unwrap_or_default();
                let fits = allowed(&package).contains(&ours);
                assert!(fits, "{package} may not depend on {ours} ({})", path.display());
            }
        }
    }
}

#[test]
fn no_program_waits_for_the_sdk_of_a_cloud() {
    for program in ["blendnet", "blendnet-manager", "blendnet-agent"] {
        let mut tree = std::process::Command::new(env!("CARGO"));
        tree.args([
            "tree",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "-p",
            program,
        ]);
        let output = tree.current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let names = String::from_utf8(output.stdout).unwrap();
        assert!(names.lines().any(|line| line.starts_with("blendnet-protocol ")), "{names}");
        let sdk = names.lines().find(|line| line.starts_with("aws-sdk-"));
        assert_eq!(sdk, None, "of {program}");
    }
}

#[test]
fn only_net_names_rustls_and_makes_clients() {
    for (path, text) in all_files("Cargo.toml") {
        if path.ends_with("crates/net/Cargo.toml") || path == root().join("Cargo.toml") {
            continue;
        }
        for name in ["rustls", "reqwest", "hyper", "rcgen"] {
            let names = text.lines().any(|line| line.starts_with(name));
            assert!(!names, "{} names {name}; only crates/net may", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in all_files(".rs") {
        assert!(is_tests(&path) || text.starts_with("//!"), "{} has no `//!`", path.display());
    }
}

#[test]
fn no_file_needs_scrolling_to_understand() {
    for (path, text) in all_files(".rs").into_iter().chain(all_files(".py")) {
        if is_tests(&path) {
            continue;
        }
        let own = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        assert!(own <= LONGEST_FILE, "{} has {own} lines", path.display());
    }
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    let marks = ["TO", "FIX", "XX"].iter().zip(["DO", "ME", "X"]);
    let marks: Vec<String> = marks.map(|(a, b)| format!("{a}{b}")).collect();
    for (path, text) in all_files(".rs").into_iter().chain(all_files(".py")) {
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} has a {mark}", path.display());
        }
    }
}

#[test]
fn names_of_tests_are_sentences() {
    for (path, text) in all_files(".rs") {
        let named = text.lines().find(|line| line.trim().starts_with("fn test_"));
        assert!(named.is_none(), "{}: {named:?} should be a sentence", path.display());
    }
}

#[test]
fn every_route_of_the_servers_is_described() {
    for folder in ["manager/src", "agent/src", "crates/tasks/src", "crates/net/src/blobs"] {
        let mut found = Vec::new();
        files(&root().join(folder), ".rs", &mut found);
        for path in found.into_iter().filter(|path| !is_tests(path)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(".route("), "{}: use `.routes(..)`", path.display());
        }
    }
}

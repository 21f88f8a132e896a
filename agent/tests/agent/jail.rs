//! The jail, with ordinary programs in place of Blender.

use std::path::Path;
use std::process::Output;

use blendnet_agent::blender::jail::{self, Rules};

use crate::fake::agent_program;

/// An agent's folder with a secret, what Blender may read, and what it may write.
struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { temp: tempfile::tempdir().unwrap() };
        for folder in ["work/1/in", "work/1/own"] {
            fs_err::create_dir_all(place.path(folder)).unwrap();
        }
        fs_err::write(place.path("password"), "secret").unwrap();
        fs_err::write(place.path("work/1/in/shot.blend"), "scene").unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.temp.path().join(name)
    }

    /// Runs a shell script as Blender would run.
    fn run(&self, script: &str) -> Output {
        let rules = Rules {
            run: Vec::new(),
            read: vec![self.path("work/1/in")],
            write: vec![self.path("work/1/own")],
        };
        let own = self.path("work/1/own");
        let mut command = jail::command(&agent_program(), &rules, Path::new("/bin/sh"), &own);
        command.arg("-c").arg(script).current_dir(own).output().unwrap()
    }

    fn is_jailed(&self) -> bool {
        let jailed = jail::isolation(self.temp.path(), &[]).starts_with("landlock");
        assert!(jailed || std::env::var_os("CI_WITHOUT_LANDLOCK").is_some());
        jailed
    }
}

#[test]
fn blender_cannot_read_the_agents_password_nor_list_its_folder() {
    let place = Place::new();
    if !place.is_jailed() {
        return;
    }
    let password = place.path("password");
    let output = place.run(&format!("cat {}", password.display()));
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"");
    let dir = place.temp.path().display();
    assert!(!place.run(&format!("ls {dir}")).status.success());
    assert!(!place.run(&format!("cp {dir}/work/1/in/shot.blend {dir}/x")).status.success());
    // Nor by a link that it makes in its own folder.
    assert!(!place.run(&format!("ln -s {dir}/password p && cat p")).status.success());
    assert!(!place.run(&format!("ln {dir}/password p && cat p")).status.success());
    assert!(!place.run("cat /etc/shadow /root/.ssh/* /home/*/.ssh/*").status.success());
}

#[test]
fn blender_reads_its_scene_without_changing_it_and_writes_in_its_own_folder() {
    let place = Place::new();
    let blend = place.path("work/1/in/shot.blend");
    let blend = blend.display();
    let output = place.run(&format!("cat {blend} && mkdir a && echo hi > a/b && mv a/b c"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"scene");
    assert_eq!(fs_err::read_to_string(place.path("work/1/own/c")).unwrap(), "hi\n");
    if !place.is_jailed() {
        return;
    }
    assert!(!place.run(&format!("echo changed > {blend}")).status.success());
    assert!(!place.run(&format!("rm {blend}")).status.success());
    assert!(!place.run(&format!("ln {blend} mine && echo changed > mine")).status.success());
    assert_eq!(fs_err::read_to_string(place.path("work/1/in/shot.blend")).unwrap(), "scene");
}

#[test]
fn blender_has_no_secret_in_its_environment_and_no_tcp() {
    let place = Place::new();
    let said = String::from_utf8(place.run("env").stdout).unwrap();
    let allowed = [
        "HOME",
        "LANG",
        "OLDPWD",
        "OPENBLAS_CORETYPE",
        "PATH",
        "PWD",
        "SHLVL",
        "TEMP",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "_",
    ];
    for line in said.lines() {
        let name = line.split('=').next().unwrap();
        assert!(allowed.contains(&name), "{line}");
    }
    if !place.is_jailed() {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!(
        "/usr/bin/python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}))\""
    );
    let output = place.run(&connect);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("PermissionError"));
}

#[test]
fn a_jail_without_its_parent_starts_nothing() {
    let output = std::process::Command::new(agent_program())
        .args(["jail", "--parent", "1", "--", "/bin/echo", "started"])
        .output()
        .unwrap();
    // Process 1 may be the parent in a container; then it is started, and rightly so.
    if rustix::process::getpid().as_raw_nonzero().get() != 1 {
        assert_eq!(output.status.code(), Some(126));
        assert_eq!(output.stdout, b"");
    }
}

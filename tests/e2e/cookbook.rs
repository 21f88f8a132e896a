//! docs/cookbook.md, run as it stands: every command, in order, against real servers.

use crate::exactness::{ROUNDING, assert_equal};
use blendnet_tests::{compare_exr, compare_png, program, system_blender};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A session that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(6);

const COOKBOOK: &str = include_str!("../../docs/cookbook.md");

/// The commands of a page, with a mark before each block so that a failure tells where it is.
fn script_of(page: &str) -> String {
    let (mut script, mut heading, mut is_command) = (String::new(), "", false);
    for line in page.lines() {
        match line {
            "```sh" => {
                is_command = true;
                script.extend(["echo '# ", heading, "'\n"]);
            }
            "```" => is_command = false,
            line if is_command => script.extend([line, "\n"]),
            line if line.starts_with('#') => heading = line.trim_start_matches(['#', ' ']),
            _ => {}
        }
    }
    assert!(!is_command, "the last block ends");
    script
}

/// A shell with all that it started; killed when dropped.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.0.wait());
    }
}

fn run_script(script: &str, folder: &Path) -> String {
    let (output, programs) = (folder.join("output"), program("blendnet-agent"));
    let programs = programs.parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap();
    let log = fs_err::File::create(&output).unwrap().into_file();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder).process_group(0);
    bash.env("PATH", format!("{}:{path}", programs.display())).env("HOME", folder);
    bash.env("XDG_CACHE_HOME", folder.join("cache"));
    bash.stdin(std::process::Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let mut shell = Shell(bash.spawn().unwrap());
    let said = || fs_err::read_to_string(&output).unwrap();
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = shell.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < until, "no end:\n{}", said());
        std::thread::park_timeout(Duration::from_millis(100));
    };
    assert!(status.success(), "{status}:\n{}", said());
    said()
}

#[test]
fn every_command_of_the_cookbook_works_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let project = folder.path().join("project");
    let scene = blender.make_scene("external", &project.join("scene.blend"), &[]);

    let said = run_script(&script_of(COOKBOOK), folder.path());

    let after = |heading: &str| said.split(&format!("# {heading}\n")).nth(1).unwrap();
    assert!(said.contains("this server wants a user and a password"), "{said}");
    assert!(after("Pause and resume").starts_with("{\"state\":\"paused\""), "{said}");
    assert!(after("Download the results").contains("\"state\": \"completed\""), "{said}");
    assert!(after("Read the interface").contains("get put /blob/{id}"), "{said}");
    let preview = folder.path().join("preview.png");
    assert_eq!(image::image_dimensions(preview).unwrap(), (160, 90));
    // What `overrides` asks for, in the file.
    let same = project.join("same.blend");
    let resampled =
        blender.script("resampled", Some(&scene)).arg(&same).arg("64").output().unwrap();
    assert!(resampled.status.success() && same.is_file(), "{resampled:?}");
    for frame in [1, 2] {
        let exr = folder.path().join(format!("frame-{frame}.exr"));
        let png = folder.path().join(format!("frame-{frame}.png"));
        let alone = blender.one_go(&same, &folder.path().join("alone.exr"), frame);
        assert_equal(&compare_exr(&exr, &alone), ROUNDING);
        let difference = compare_png(&png, &alone.with_extension("png"));
        assert!(difference.largest <= 1, "{difference:?}");
    }
}

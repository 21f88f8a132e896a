//! Shared libraries that a Blender needs and this system lacks: found before it is started, named
//! with Debian's package, installed only if the artist says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workflow::problem::Problem;

/// What to do about libraries that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libraries {
    /// Name them.
    Name,
    /// Install their packages.
    Install,
}

/// Packages of Debian and Ubuntu.
const PACKAGES: [(&str, &str); 17] = [
    ("libEGL.so", "libegl1"),
    ("libGL.so", "libgl1"),
    ("libICE.so", "libice6"),
    ("libOpenGL.so", "libopengl0"),
    ("libSM.so", "libsm6"),
    ("libX11.so", "libx11-6"),
    ("libXext.so", "libxext6"),
    ("libXfixes.so", "libxfixes3"),
    ("libXi.so", "libxi6"),
    ("libXrender.so", "libxrender1"),
    ("libXxf86vm.so", "libxxf86vm1"),
    ("libasound.so", "libasound2"),
    ("libgomp.so", "libgomp1"),
    ("libstdc++.so", "libstdc++6"),
    ("libvulkan.so", "libvulkan1"),
    ("libwayland-client.so", "libwayland-client0"),
    ("libxkbcommon.so", "libxkbcommon0"),
];

/// Refuses a Blender that lacks libraries, or installs them.
pub(super) fn check(program: &Path, wish: Libraries) -> Result<(), Problem> {
    let missing = missing_of(program);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().filter_map(|library| package_of(library)).collect();
    if wish == Libraries::Install && !packages.is_empty() {
        install(&packages)?;
        let still = missing_of(program);
        return if still.is_empty() { Ok(()) } else { Err(lacking(program, &still)) };
    }
    Err(lacking(program, &missing))
}

fn missing_of(program: &Path) -> Vec<String> {
    let file = module_of(program).unwrap_or_else(|| program.to_owned());
    let said = Command::new("ldd").arg(file).output();
    said.map(|said| missing_in(&String::from_utf8_lossy(&said.stdout))).unwrap_or_default()
}

/// The library that `import bpy` loads, for a Python. It is not loaded to find out.
fn module_of(program: &Path) -> Option<PathBuf> {
    let name = program.file_name()?.to_string_lossy();
    if !name.starts_with("python") {
        return None;
    }
    let question = "import importlib.util as u; print(u.find_spec('bpy').origin)";
    let said = Command::new(program).args(["-I", "-c", question]).output().ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim().to_owned());
    path.is_file().then_some(path)
}

/// Names from what `ldd` says.
fn missing_in(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.trim().strip_suffix("=> not found"));
    let mut missing: Vec<String> = lines.map(|name| name.trim().to_owned()).collect();
    missing.sort();
    missing.dedup();
    missing
}

fn package_of(library: &str) -> Option<&'static str> {
    let found = PACKAGES.iter().find(|(name, _)| {
        library.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    found.map(|(_, package)| *package)
}

fn lacking(program: &Path, missing: &[String]) -> Problem {
    let mut message = format!("{} needs libraries that this system lacks:", program.display());
    for (at, library) in missing.iter().enumerate() {
        let package =
            package_of(library).map_or_else(String::new, |name| format!(" (package {name})"));
        let comma = if at == 0 { "" } else { "," };
        // Writing to a string can't fail.
        let _written = write!(message, "{comma} {library}{package}");
    }
    let packages: Vec<&str> = missing.iter().filter_map(|library| package_of(library)).collect();
    let hint = if packages.len() < missing.len() {
        "install them, then try again".to_owned()
    } else {
        format!("run `apt-get install {}` as root, or add --libraries", packages.join(" "))
    };
    Problem::input(message).hint(hint)
}

fn install(packages: &[&str]) -> Result<(), Problem> {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "apt-get" } else { "sudo" });
    if !root {
        command.arg("apt-get");
    }
    command.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    super::run(&mut command, &format!("installing {}", packages.join(", "))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\tlinux-vdso.so.1 (0x1)\n\tlibXi.so.6 => not found\n\
        \tlibm.so.6 => /lib/libm.so.6 (0x2)\n\tlibOdd.so.3 => not found\n\tlibXi.so.6 => not found\n";

    #[test]
    fn missing_libraries_are_named_once_each_with_their_packages() {
        let missing = missing_in(SAID);
        assert_eq!(missing, ["libOdd.so.3", "libXi.so.6"]);
        let problem = lacking(Path::new("/opt/blender/blender"), &missing);
        assert!(problem.message.contains("libXi.so.6 (package libxi6)"), "{problem}");
        assert!(problem.message.contains("libOdd.so.3,"), "{problem}");
        let all_known = lacking(Path::new("/b"), &["libGL.so.1".to_owned()]);
        assert!(all_known.hint.unwrap().contains("apt-get install libgl1"));
    }

    #[test]
    fn a_library_is_not_mistaken_for_one_whose_name_begins_the_same() {
        assert_eq!(package_of("libGL.so.1"), Some("libgl1"));
        assert_eq!(package_of("libGLX.so.0"), None);
        assert_eq!(package_of("libXi.so"), Some("libxi6"));
        assert_eq!(package_of("libXinerama.so.1"), None);
    }

    #[test]
    fn nothing_is_missing_where_ldd_finds_all_or_knows_nothing() {
        assert!(missing_in("\tnot a dynamic executable\n").is_empty());
        assert!(missing_in("").is_empty());
    }
}

//! What a bare machine runs when it starts, to become an agent: one shell script, which cloud-init
//! or anybody else runs as root. It verifies what it fetches, and ends the machine when it fails.

use std::fmt::Write as _;

/// Where the agent listens on a machine of its own.
pub const AGENT_PORT: u16 = 9443;

const BODY: &str = include_str!("startup.sh");
const HOME: &str = "/var/lib/blendnet";
const PROGRAM_DIR: &str = "/opt/blendnet";
/// An agent that no manager speaks with for so long ends, and its machine with it.
const ALONE_SECS: u32 = 1_800;

/// A file to fetch.
#[derive(Clone)]
pub struct Fetched {
    /// Its name in the agent's folder; or `blendnet-agent`, the program.
    pub name: String,
    /// From where; good for a short time.
    pub url: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Where the machine gets its Blender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlenderSource {
    /// Debian's package.
    Debian,
    /// The `bpy` module of this version, from the Python Package Index.
    Module(String),
}

/// What a machine is to become.
#[derive(Clone)]
pub struct Startup {
    /// The agent's name, which its certificate holds.
    pub name: String,
    /// Address and port to listen on.
    pub listen: std::net::SocketAddr,
    /// The agent's program, and the files of its folder.
    pub files: Vec<Fetched>,
    /// Where Blender comes from.
    pub blender: BlenderSource,
    /// Threads of Blender; 0 is all.
    pub threads: u32,
    /// The cloud whose metadata service tells that the machine is taken away, as the agent's option
    /// `--notices` calls it.
    pub notices: Option<&'static str>,
    /// The machine ends after so many minutes, whatever happens.
    pub life_minutes: u32,
}

impl BlenderSource {
    /// `debian`, or `bpy==VERSION`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "debian" {
            return Some(Self::Debian);
        }
        let version = text.strip_prefix("bpy==")?;
        let plain = version.chars().all(|c| c.is_ascii_digit() || c == '.');
        (plain && !version.is_empty()).then(|| Self::Module(version.to_owned()))
    }
}

impl Startup {
    /// The script.
    pub fn script(&self) -> String {
        let (head, body) = BODY.split_once("set -eu\n").unwrap_or(("", BODY));
        let mut script = format!("{head}set -eu\n\n");
        let arguments = self.arguments();
        let values = [
            ("life_minutes", self.life_minutes.to_string()),
            ("home", HOME.to_owned()),
            ("program_dir", PROGRAM_DIR.to_owned()),
            ("agent_arguments", arguments.clone()),
        ];
        for (name, value) in values {
            // Writing to a string can't fail.
            let _written = writeln!(script, "{name}={}", quoted(&value));
        }
        let _written = writeln!(script, "\nfetch_all() {{\n{}}}", self.fetches());
        let _written = writeln!(script, "\ninstall_blender() {{\n{}}}", self.blender_installed());
        let _written =
            writeln!(script, "\nwrite_unit() {{\ncat <<'UNIT'\n{}UNIT\n}}", unit(&arguments));
        script.push_str(body);
        script
    }

    fn arguments(&self) -> String {
        let mut arguments = format!(
            "--dir {HOME} --listen {} --host {} --threads {} --manager-timeout-secs {ALONE_SECS}",
            self.listen, self.name, self.threads
        );
        if let Some(cloud) = self.notices {
            let _written = write!(arguments, " --notices {cloud}");
        }
        if let BlenderSource::Module(_) = self.blender {
            let _written = write!(arguments, " --blender {PROGRAM_DIR}/bpy/bin/python");
        }
        arguments
    }

    fn fetches(&self) -> String {
        let fetch = |file: &Fetched| {
            let (dir, mode, owner) = match file.name.as_str() {
                "blendnet-agent" => (PROGRAM_DIR, "0755", "root:root"),
                _ => (HOME, "0600", "blendnet:blendnet"),
            };
            format!(
                "fetch {} {mode} {} {owner} <<'URL'\n{}\nURL\n",
                quoted(&format!("{dir}/{}", file.name)),
                quoted(&file.sha256),
                file.url,
            )
        };
        self.files.iter().map(fetch).collect()
    }

    fn blender_installed(&self) -> String {
        match &self.blender {
            BlenderSource::Debian => "install_packages blender\n".to_owned(),
            BlenderSource::Module(version) => format!(
                "install_packages python3.11 python3.11-venv libegl1 libgl1 libice6 libsm6 libx11-6 \
                 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1\n\
                 [ -e {PROGRAM_DIR}/bpy/complete ] && return 0\n\
                 python3.11 -m venv {PROGRAM_DIR}/bpy\n\
                 {PROGRAM_DIR}/bpy/bin/pip install --quiet --no-cache-dir bpy=={version}\n\
                 touch {PROGRAM_DIR}/bpy/complete\n"
            ),
        }
    }
}

/// The service: no privileges, a system that it can't write to, nothing of other users, and the
/// machine ends with it. The agent's jail needs Landlock, for which the systemd of Debian 12 has no group of calls.
fn unit(arguments: &str) -> String {
    format!(
        "[Unit]
Description=BlendNet agent
Wants=network-online.target
After=network-online.target

[Service]
User=blendnet
Group=blendnet
WorkingDirectory={HOME}
ExecStart={PROGRAM_DIR}/blendnet-agent {arguments}
ExecStopPost=+/bin/systemctl poweroff --no-block
Restart=no
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths={HOME}
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
SystemCallErrorNumber=EPERM
UMask=0077
TasksMax=4096
MemoryMax=95%
LimitCORE=0
"
    )
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup() -> Startup {
        let file = |name: &str, url: &str| Fetched {
            name: name.to_owned(),
            url: url.to_owned(),
            sha256: "0".repeat(64),
        };
        Startup {
            name: "agent-1".to_owned(),
            listen: ([0, 0, 0, 0], AGENT_PORT).into(),
            files: vec![
                file("blendnet-agent", "https://s/a?x='$(reboot)'&y"),
                file("password", "https://s/p"),
            ],
            blender: BlenderSource::Debian,
            threads: 0,
            notices: Some("aws"),
            life_minutes: 60,
        }
    }

    fn shell(argument: &str, input: &str) -> std::process::Output {
        use std::io::Write as _;
        let mut shell = std::process::Command::new("sh")
            .arg(argument)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        shell.wait_with_output().unwrap()
    }

    #[test]
    fn the_script_is_a_shell_script_whatever_is_in_its_addresses() {
        let script = startup().script();
        let checked = shell("-n", &script);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        // Only the functions, then the fetches with a `fetch` that shows what it is given.
        let (head, _) = script.split_once("\ninstall_blender()").unwrap();
        let shown =
            shell("-s", &format!("{head}\nfetch() {{ echo \"$1 $2 $4\"; cat; }}\nfetch_all\n"));
        let shown = String::from_utf8(shown.stdout).unwrap();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "/opt/blendnet/blendnet-agent 0755 root:root");
        assert_eq!(lines[1], "https://s/a?x='$(reboot)'&y");
        assert_eq!(lines[2], "/var/lib/blendnet/password 0600 blendnet:blendnet");
    }

    #[test]
    fn the_service_has_no_privileges_and_the_machine_ends_with_it() {
        let script = startup().script();
        for line in [
            "User=blendnet",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "PrivateTmp=yes",
            "MemoryMax=95%",
            "TasksMax=4096",
            "ExecStopPost=+/bin/systemctl poweroff --no-block",
        ] {
            assert!(script.lines().any(|there| there == line), "{line}");
        }
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn systemd_knows_all_that_the_service_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blendnet-agent.service");
        fs_err::write(&path, unit(&startup().arguments())).unwrap();
        let mut verify = std::process::Command::new("systemd-analyze");
        let Ok(said) = verify.args(["verify", "--man=no"]).arg(&path).output() else {
            eprintln!("SKIPPED: no systemd-analyze");
            return;
        };
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        // The program itself is on no machine but an agent's.
        let others = said.lines().filter(|line| !line.contains("is not executable"));
        let others: Vec<&str> = others.filter(|line| line.contains("blendnet-agent")).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    #[test]
    fn blenders_come_from_places_that_have_names() {
        assert_eq!(BlenderSource::parse("debian"), Some(BlenderSource::Debian));
        let module = BlenderSource::parse("bpy==4.5.15");
        assert_eq!(module, Some(BlenderSource::Module("4.5.15".to_owned())));
        for bad in ["", "bpy", "bpy==", "bpy==4; reboot", "https://x"] {
            assert_eq!(BlenderSource::parse(bad), None, "{bad}");
        }
    }
}

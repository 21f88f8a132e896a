//! The agent as a service of the user: systemd starts it with the machine.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

const UNIT: &str = "blendnet-agent.service";

/// Writes the unit of an agent with the options of this one, and says how to start it.
pub fn install() -> anyhow::Result<()> {
    let program = std::env::current_exe().context("finding this program")?;
    let directories = directories::BaseDirs::new().context("there is no home folder")?;
    let folder = directories.config_dir().join("systemd/user");
    fs_err::create_dir_all(&folder)?;
    let path = folder.join(UNIT);
    let options: Vec<OsString> = std::env::args_os().skip(1).collect();
    let here = std::env::current_dir().context("finding the current folder")?;
    fs_err::write(&path, unit(&program, &options, &here)?)?;
    let mut out = std::io::stdout();
    writeln!(out, "{} is written. Start it now and with the machine:", path.display())?;
    writeln!(out, "  systemctl --user daemon-reload")?;
    writeln!(out, "  systemctl --user enable --now blendnet-agent")?;
    writeln!(out, "  loginctl enable-linger    # also while nobody is logged in")?;
    Ok(())
}

/// The unit. Options of one time are left out; paths are as seen from `here`.
fn unit(program: &Path, options: &[OsString], here: &Path) -> anyhow::Result<String> {
    let mut words = vec![program.to_owned()];
    let mut is_path = false;
    for option in options.iter().filter(|option| *option != "--install-service") {
        let path = ["--dir", "--blender"].map(OsStr::new).contains(&option.as_os_str());
        words.push(if is_path { here.join(option) } else { PathBuf::from(option) });
        is_path = path;
    }
    let words: Option<Vec<String>> = words.iter().map(|word| quoted(word)).collect();
    let command = words.context("a path or an option is no text that systemd takes")?.join(" ");
    Ok(format!(
        "[Unit]\n\
         Description=BlendNet agent: renders for the farm that this machine was paired with\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         ExecStart={command}\n\
         Restart=on-failure\n\
         RestartSec=10\n\
         Nice=10\n\
         NoNewPrivileges=yes\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    ))
}

/// A word of `ExecStart=`; `%`, `$`, quotes and backslashes mean nothing in it.
fn quoted(word: &Path) -> Option<String> {
    let text = word.to_str().filter(|text| !text.chars().any(char::is_control))?;
    let text =
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Some(format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_the_agent_with_the_same_options_and_no_more_of_one_time() {
        let options = ["--dir", "my agent", "--hours", "19:00-08:00", "--install-service"];
        let options = options.map(OsString::from);
        let unit = unit(Path::new("/opt/b%1/agent"), &options, Path::new("/home/eva")).unwrap();
        let command =
            r#"ExecStart="/opt/b%%1/agent" "--dir" "/home/eva/my agent" "--hours" "19:00-08:00""#;
        assert!(unit.lines().any(|line| line == command), "{unit}");
    }

    #[test]
    fn what_systemd_would_read_otherwise_is_quoted_and_lines_are_refused() {
        assert_eq!(quoted(Path::new(r#"a "b" $c"#)).unwrap(), r#""a \"b\" $$c""#);
        assert_eq!(quoted(Path::new("a\nUser=root")), None);
    }
}

//! Keeps Blender away from everything but its scene, its own folder and the system's programs.
//!
//! The agent starts itself once more as `blendnet-agent jail …`; that process binds its life to
//! the agent's, gives up rights for good (Landlock, no new privileges, no TCP), and becomes
//! Blender by `exec`. So there is no moment in which Blender runs without the rules.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal};

/// What Blender may do with files. Everything else is out of reach.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Folders of programs: the Blender's own, beyond the system's.
    pub run: Vec<PathBuf>,
    /// Folders that may be read.
    pub read: Vec<PathBuf>,
    /// Folders that may be written.
    pub write: Vec<PathBuf>,
}

/// Arguments of the hidden subcommand.
#[derive(Debug, clap::Args)]
pub struct JailArgs {
    /// Process that must be the parent; when it is gone, so is Blender.
    #[arg(long)]
    parent: u32,
    /// See [`Rules::run`].
    #[arg(long)]
    run: Vec<PathBuf>,
    /// See [`Rules::read`].
    #[arg(long)]
    read: Vec<PathBuf>,
    /// See [`Rules::write`].
    #[arg(long)]
    write: Vec<PathBuf>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Why a program did not start in the jail.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// No program was named.
    #[error("no program to start")]
    NoProgram,
    /// The agent ended in between.
    #[error("the agent that started this is gone")]
    ParentGone,
    /// The life of the process could not be bound to the agent's.
    #[error("binding the process to its parent")]
    Bind(#[source] rustix::io::Errno),
    /// The rules could not be set.
    #[error("setting the Landlock rules")]
    Restrict(#[source] RulesetError),
    /// The program can't be executed.
    #[error("starting `{program}`")]
    Exec {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Programs and libraries of the system.
const SYSTEM_RUN: [&str; 7] = ["/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/nix/store"];

/// Settings of the system that libraries look at. Neither all of /etc, which has keys in it, nor
/// all of /proc: root can read the kernel's memory there.
const SYSTEM_READ: [&str; 24] = [
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/OpenCL",
    "/etc/passwd",
    "/etc/timezone",
    "/etc/vulkan",
    "/opt/rocm",
    "/proc/cpuinfo",
    "/proc/driver",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/sys",
    "/var/cache/fontconfig",
];

/// Devices that are opened: no disks, no terminals.
const DEVICES: [&str; 11] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/shm",
    "/dev/dri",
    "/dev/kfd",
    "/dev/nvidia0",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
];

/// The command that starts `program` in a jail made by `agent_program` (this program, or
/// `/proc/self/exe`), with an environment that holds nothing of the agent's.
///
/// `home` is where `HOME` and temporary files are.
pub fn command(agent_program: &Path, rules: &Rules, program: &Path, home: &Path) -> Command {
    let mut command = Command::new(agent_program);
    command.arg("jail").arg("--parent").arg(std::process::id().to_string());
    for (flag, paths) in [("--run", &rules.run), ("--read", &rules.read), ("--write", &rules.write)]
    {
        for path in paths {
            command.arg(flag).arg(path);
        }
    }
    command.arg("--").arg(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
    for name in ["HOME", "TMPDIR", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(name, home);
    }
    // Says which instructions OpenBLAS may use; without it images can differ between machines.
    if let Some(core) = std::env::var_os("OPENBLAS_CORETYPE") {
        command.env("OPENBLAS_CORETYPE", core);
    }
    command.process_group(0);
    command
}

/// Becomes the program of `args`, jailed. Returns only when that fails.
pub fn enter(args: &JailArgs) -> JailError {
    match prepare(args) {
        Ok((program, arguments)) => {
            let source = Command::new(program).args(arguments).exec();
            JailError::Exec { program: program.to_string_lossy().into_owned(), source }
        }
        Err(error) => error,
    }
}

fn prepare(args: &JailArgs) -> Result<(&OsString, &[OsString]), JailError> {
    let (program, arguments) = args.command.split_first().ok_or(JailError::NoProgram)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(JailError::Bind)?;
    let parent = rustix::process::getppid().map(rustix::process::Pid::as_raw_nonzero);
    if parent.map(|pid| pid.get().unsigned_abs()) != Some(args.parent) {
        return Err(JailError::ParentGone);
    }
    // A crash must not write gigabytes of memory to the disk, and when memory runs out, Blender
    // must go and not the agent. Both are comforts: Blender runs without them too.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _core_dumps_stay_on = rustix::process::setrlimit(Resource::Core, none).is_err();
    let _order_stays = fs_err::write("/proc/self/oom_score_adj", "500").is_err();
    let rules = Rules { run: args.run.clone(), read: args.read.clone(), write: args.write.clone() };
    restrict(&rules).map_err(JailError::Restrict)?;
    Ok((program, arguments))
}

/// Gives up all rights beyond `rules` for this thread and what it starts.
fn restrict(rules: &Rules) -> Result<landlock::RestrictionStatus, RulesetError> {
    let abi = ABI::V9;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No symbolic links, sockets, pipes or devices: the agent reads these folders afterwards.
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let device = read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let shared_memory = device | AccessFs::MakeReg | AccessFs::RemoveFile;
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM_RUN, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&rules.run, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(SYSTEM_READ, read))?
        .add_rules(path_beneath_rules(&rules.read, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(["/dev/shm"], shared_memory))?
        .add_rules(path_beneath_rules(&rules.write, write))?
        .restrict_self()
}

/// How well Blender is kept from the agent's `dir` here: `landlock`, or `none: ` and why.
///
/// `run` are the folders of the Blenders: they can be read, so `dir` must not lie in one.
pub fn isolation(dir: &Path, run: &[PathBuf]) -> String {
    let real = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_gone| path.to_owned());
    let dir = real(dir);
    let readable = SYSTEM_RUN.iter().chain(&SYSTEM_READ).map(Path::new);
    if let Some(open) =
        readable.chain(run.iter().map(PathBuf::as_path)).find(|open| dir.starts_with(real(open)))
    {
        let (dir, open) = (dir.display(), open.display());
        return format!("none: the agent's folder {dir} lies in {open}, which Blender must read");
    }
    // Rules bind only the thread that asks for them: this one is for asking.
    let status = std::thread::spawn(|| restrict(&Rules::default())).join();
    match status {
        Ok(Ok(status)) => describe(&status),
        Ok(Err(error)) => format!("none: Landlock refuses the rules: {error}"),
        Err(_panic) => "none: Landlock could not be asked".to_owned(),
    }
}

fn describe(status: &landlock::RestrictionStatus) -> String {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, _) => "landlock".to_owned(),
        // Version 6 has all that matters here: files, devices, TCP, signals.
        (RulesetStatus::PartiallyEnforced, LandlockStatus::Available { effective_abi, .. }) => {
            match effective_abi as i32 {
                6.. => "landlock".to_owned(),
                4 | 5 => "landlock (no rules for signals before Linux 6.12)".to_owned(),
                _ => "landlock (no rules for the network before Linux 6.7)".to_owned(),
            }
        }
        (_, LandlockStatus::NotEnabled) => {
            "none: Landlock is not enabled in this kernel (boot option lsm=)".to_owned()
        }
        (..) => "none: this kernel has no Landlock (Linux 5.13 or newer has it)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_folder_that_blender_can_read_is_said() {
        let said = isolation(Path::new("/usr/share/agent"), &[]);
        assert!(said.starts_with("none: the agent's folder /usr/share/agent lies in /usr"));
        let dir = tempfile::tempdir().unwrap();
        let said = isolation(&dir.path().join("agent"), &[dir.path().to_owned()]);
        assert!(said.starts_with("none: "), "{said}");
    }

    #[test]
    fn blender_gets_no_variable_of_the_agent() {
        let command =
            command(Path::new("/agent"), &Rules::default(), Path::new("/blender"), Path::new("/h"));
        let names: Vec<_> =
            command.get_envs().filter(|(_, v)| v.is_some()).map(|(k, _)| k).collect();
        let allowed = [
            "HOME",
            "LANG",
            "OPENBLAS_CORETYPE",
            "PATH",
            "TEMP",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
        ];
        assert!(names.iter().all(|name| allowed.iter().any(|a| name == a)), "{names:?}");
    }
}

//! `blendnet blender`: the Blenders of this computer, several side by side.

use std::io::Write as _;
use std::path::PathBuf;

use blendnet_protocol::{BlenderBuild, KeptBlender};
use clap::{Args, Subcommand};

use super::farm::printed;
use super::printer::{print_json, print_lines};
use super::{Ending, exit};
use crate::workflow::blenders::{self, libraries::Libraries, shelf};
use crate::workflow::data_dir::DataDir;
use crate::workflow::problem::Problem;

/// What to do with Blenders.
#[derive(Subcommand, Debug)]
pub(super) enum BlenderCommand {
    /// List those that work; agents choose the one that fits a file
    List,
    /// Let agents use a Blender that is installed already
    Add {
        /// The executable, or a Python that can `import bpy`
        path: PathBuf,
        /// Keep a copy of it for agents that lack it
        #[arg(long)]
        share: bool,
        #[command(flatten)]
        libraries: LibrariesArgs,
    },
    /// Install a version beside the others: the `bpy` module from `PyPI`, or an archive
    Install(InstallArgs),
    /// List those that are kept for agents that lack them
    Shelf {
        /// Keep this version no longer
        #[arg(long, value_name = "VERSION")]
        remove: Option<String>,
    },
}

/// Whether packages of the system may be installed.
#[derive(Args, Debug)]
pub(super) struct LibrariesArgs {
    /// Install the Debian packages of libraries that it lacks, too
    #[arg(long)]
    libraries: bool,
}

impl LibrariesArgs {
    fn wish(&self) -> Libraries {
        if self.libraries { Libraries::Install } else { Libraries::Name }
    }
}

/// What to install.
#[derive(Args, Debug)]
pub(super) struct InstallArgs {
    /// Such as 4.5.15, from `PyPI`
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    version: Option<String>,
    /// An archive of Blender instead
    #[arg(long, requires = "sha256")]
    url: Option<String>,
    /// What the archive's SHA-256 must be
    #[arg(long, requires = "url", value_name = "HASH")]
    sha256: Option<String>,
    /// Keep no copy of it for agents that lack it
    #[arg(long)]
    not_shared: bool,
    #[command(flatten)]
    libraries: LibrariesArgs,
}

/// Runs one of them.
pub(super) fn run(command: &BlenderCommand, data: &DataDir, json: bool) -> Ending {
    let builds = match command {
        BlenderCommand::List => {
            let builds = blenders::list(data)?;
            if builds.is_empty() {
                return Err(Problem::farm("there is no Blender that works")
                    .hint("`blendnet blender install 4.5.15` installs one"));
            }
            builds
        }
        BlenderCommand::Add { path, share, libraries } => {
            let build = blenders::add(data, path, libraries.wish())?;
            if *share {
                shelf::put(data, &build)?;
            }
            vec![build]
        }
        BlenderCommand::Install(args) => {
            let build = install(args, data)?;
            if !args.not_shared
                && let Err(problem) = shelf::put(data, &build)
            {
                // It is installed all the same.
                let said = format!("it is not kept for agents that lack it: {problem}");
                let _unheard = writeln!(std::io::stderr(), "{said}").is_err();
            }
            vec![build]
        }
        BlenderCommand::Shelf { remove } => return on_shelf(remove.as_deref(), data, json),
    };
    let shown = if json {
        print_json(&builds)
    } else {
        print_lines(&builds.iter().map(line).collect::<Vec<_>>())
    };
    printed(shown).map(|_| exit::DONE)
}

fn install(args: &InstallArgs, data: &DataDir) -> Result<BlenderBuild, Problem> {
    let wish = args.libraries.wish();
    match (&args.url, &args.sha256, &args.version) {
        (Some(url), Some(sha256), _) => blenders::install_archive(data, url, sha256, wish),
        (_, _, Some(version)) => blenders::install_module(data, version, wish),
        _ => Err(Problem::input("name a version, or an archive with --url and --sha256")),
    }
}

fn on_shelf(remove: Option<&str>, data: &DataDir, json: bool) -> Ending {
    let kept = match remove {
        Some(version) => shelf::remove(data, version)?,
        None => shelf::list(data),
    };
    let line = |kept: &KeptBlender| {
        let (mb, kind) = (kept.size_bytes / 1_000_000, kind(kept.is_module));
        format!("{:<8} {kind:<16} {:<14} {mb:>5} MB  {}", kept.version, kept.platform, kept.blob)
    };
    let shown = if json {
        print_json(&kept)
    } else {
        print_lines(&kept.iter().map(line).collect::<Vec<_>>())
    };
    printed(shown).map(|_| exit::DONE)
}

fn kind(is_module: bool) -> &'static str {
    if is_module { "Python with bpy" } else { "Blender" }
}

fn line(build: &BlenderBuild) -> String {
    let kind = kind(build.is_module);
    format!("{:<8} {kind:<16} {}", build.version, build.path)
}

//! The agent's program: serves, or becomes the jail of a Blender.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use blendnet_agent::blender::{find, jail, parity};
use blendnet_agent::config::{Cli, Config, Inner, cache_dir, data_dir};
use blendnet_protocol::Parity;
use clap::Parser as _;

/// Exit code of a program that could not be started, as shells have it.
const NOT_STARTED: u8 = 126;
/// How long tasks are waited for at the end.
const LAST_TASKS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match (cli.inner, cli.config) {
        (Some(Inner::Jail(args)), _) => complain(&jail::enter(&args).into(), NOT_STARTED),
        (Some(Inner::Blenders { paths }), _) => match blenders(&paths) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
        (None, config) => match run(config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
    }
}

/// Prints the Blenders that agents of this user would use; tries out those that were not tried yet.
fn blenders(paths: &[PathBuf]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let cache = cache_dir(&data_dir());
    let places = find::Places { given: paths, sent: None, look: true };
    let found = runtime.block_on(find::find(places, Path::new("/proc/self/exe"), &cache));
    let work = tempfile::tempdir()?;
    let mut builds = Vec::new();
    for found in &found {
        let verdict = match parity::known(&cache, found) {
            Some(verdict) => Some(verdict),
            None => runtime.block_on(try_out(found, work.path(), &cache)),
        };
        match verdict.and_then(|verdict| verdict.unfit) {
            Some(unfit) => writeln!(std::io::stderr(), "{unfit}")?,
            None => builds.push(&found.build),
        }
    }
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&builds)?)?;
    Ok(())
}

async fn try_out(found: &find::Found, work: &Path, cache: &Path) -> Option<Parity> {
    let verdict = parity::check(found, Path::new("/proc/self/exe"), work).await;
    if let Some(verdict) = &verdict {
        parity::keep(cache, found, verdict);
    }
    verdict
}

fn run(config: Config) -> anyhow::Result<()> {
    if config.room.install_service {
        return blendnet_agent::room::install();
    }
    let log = blendnet_net::log::init("blendnet-agent");
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(blendnet_agent::serve::serve(config, log));
    // After a second signal a large file may still be hashed; nobody waits for that.
    runtime.shutdown_timeout(LAST_TASKS);
    served
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    // Nobody can be told if stderr is closed.
    let _unheard = writeln!(std::io::stderr(), "blendnet-agent: {error:#}").is_err();
    ExitCode::from(code)
}

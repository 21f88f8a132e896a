//! The agent's program: serves, or becomes the jail of a Blender.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use blendnet_agent::blender::jail;
use blendnet_agent::config::{Cli, Config, Inner};
use clap::Parser as _;

/// Exit code of a program that could not be started, as shells have it.
const NOT_STARTED: u8 = 126;
/// How long tasks are waited for at the end.
const LAST_TASKS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match (cli.inner, cli.config) {
        (Some(Inner::Jail(args)), _) => complain(&jail::enter(&args).into(), NOT_STARTED),
        (None, config) => match run(config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, 1),
        },
    }
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

//! `blendnet farm discover`, `pair` and `unpair`: machines of the room.

use std::io::{IsTerminal as _, Write as _};

use blendnet_net::discovery::{Found, Kind};
use blendnet_protocol::{AgentId, PairRequest, VERSION};
use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::farm::printed;
use super::printer::{print_json, print_lines};
use super::{Ending, Shared};
use crate::workflow::problem::Problem;
use crate::workflow::room;

/// Arguments of `blendnet farm pair`.
#[derive(Args, Debug)]
pub(super) struct PairArgs {
    /// The machine's name or address, such as 192.168.1.20
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// What to call it [default: its own name]
    #[arg(long, value_name = "NAME")]
    name: Option<AgentId>,
}

/// Arguments of `blendnet farm unpair`.
#[derive(Args, Debug)]
pub(super) struct UnpairArgs {
    /// What the farm calls it; see `blendnet farm status`
    #[arg(value_name = "NAME")]
    name: AgentId,
}

/// Asks for the code and pairs.
pub(super) async fn pair(args: PairArgs, shared: &Shared) -> Ending {
    let code = asked_code(shared.json).await?;
    let wish = PairRequest { address: args.address, code, name: args.name };
    let machine = room::pair(&shared.data_dir()?, &wish).await?;
    if shared.json {
        return printed(print_json(&machine));
    }
    let line = format!("{} at {} renders for this farm now", machine.name, machine.address);
    printed(print_lines(&[line]))
}

/// The code comes by stdin, since all users of a machine can read the arguments of its programs.
async fn asked_code(json: bool) -> Result<String, Problem> {
    if !json && std::io::stdin().is_terminal() {
        let mut terminal = std::io::stderr();
        // Nobody is asked on a terminal that is gone; the answer lacks then, too.
        drop(write!(terminal, "The code that it shows: ").and_then(|()| terminal.flush()));
    }
    let mut line = String::new();
    let read = BufReader::new(tokio::io::stdin()).read_line(&mut line).await;
    match read {
        Ok(_) if !line.trim().is_empty() => Ok(line.trim().to_owned()),
        _ => Err(Problem::input("no code was given")
            .hint("enter the 8 digits that `blendnet-agent --pair` shows on that machine")),
    }
}

/// Lists who is in the room.
pub(super) async fn discover(shared: &Shared) -> Ending {
    let found = room::discover().await?;
    if shared.json {
        return printed(print_json(&found));
    }
    if found.is_empty() {
        let line = "nobody tells of itself; `blendnet farm pair ADDRESS` needs no discovery";
        return printed(print_lines(&[line.to_owned()]));
    }
    printed(print_lines(&found.iter().map(found_line).collect::<Vec<_>>()))
}

fn found_line(found: &Found) -> String {
    let Found { name, kind, address, version } = found;
    let what = match kind {
        Kind::Agent => "an agent".to_owned(),
        Kind::WaitsToBePaired => {
            format!("waits to be paired: blendnet farm pair {address}")
        }
        Kind::Manager => "a manager".to_owned(),
    };
    let other = if version == VERSION { String::new() } else { format!(", version {version}") };
    format!("{name} at {address}{other}: {what}")
}

/// Lets go of a machine.
pub(super) async fn unpair(args: &UnpairArgs, shared: &Shared) -> Ending {
    let answer = room::unpair(&shared.data_dir()?, &args.name).await?;
    if shared.json {
        return printed(print_json(&answer));
    }
    let mut lines = vec![format!("{} belongs to this farm no more", args.name)];
    lines.extend(room::untold(&answer));
    printed(print_lines(&lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_listed_with_the_command_that_pairs_it_and_another_version_is_said() {
        let found = |kind, version: &str| Found {
            name: "workshop".to_owned(),
            kind,
            address: "192.0.2.7:9443".to_owned(),
            version: version.to_owned(),
        };
        assert_eq!(
            found_line(&found(Kind::WaitsToBePaired, VERSION)),
            "workshop at 192.0.2.7:9443: waits to be paired: blendnet farm pair 192.0.2.7:9443"
        );
        let older = found_line(&found(Kind::Manager, "0.0.1"));
        assert_eq!(older, "workshop at 192.0.2.7:9443, version 0.0.1: a manager");
    }
}

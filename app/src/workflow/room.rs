//! Machines of the room: found, paired, let go of.

use std::time::Duration;

use blendnet_net::discovery::{self, Found};
use blendnet_protocol::{AgentId, PairRequest, RoomMachine, Unpaired};

use super::data_dir::DataDir;
use super::farm::Farm;
use super::launch::StartOptions;
use super::problem::Problem;

/// How long answers are waited for.
const LOOK_AROUND: Duration = Duration::from_secs(3);

/// Who tells of itself in the room.
pub async fn discover() -> Result<Vec<Found>, Problem> {
    discovery::find(LOOK_AROUND).await.map_err(|e| Problem::farm(e.to_string()))
}

/// Lets a machine that shows a code render for this farm.
pub async fn pair(data: &DataDir, wish: &PairRequest) -> Result<RoomMachine, Problem> {
    let farm = open(data).await?;
    let manager = farm.manager();
    let paired = manager.pair(wish).await;
    let paired = paired.map_err(|e| manager.problem(&format!("pairing {}", wish.address), &e));
    farm.leave().await;
    paired
}

/// Lets go of a machine.
pub async fn unpair(data: &DataDir, name: &AgentId) -> Result<Unpaired, Problem> {
    let farm = open(data).await?;
    let manager = farm.manager();
    let answer = manager.unpair(name).await;
    let answer = answer.map_err(|e| manager.problem(&format!("unpairing {name}"), &e));
    farm.leave().await;
    answer
}

/// What to tell of a machine that was let go of without hearing of it.
pub fn untold(unpaired: &Unpaired) -> Option<String> {
    let why = unpaired.untold.as_ref()?;
    Some(format!("it could not be told ({why}); there, `blendnet-agent --unpair` does it"))
}

/// Joins the farm that runs, or starts one without agents for the moment.
async fn open(data: &DataDir) -> Result<Farm, Problem> {
    Farm::open(data, &StartOptions::default()).await
}

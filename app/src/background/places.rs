//! Where can be rendered: asks for it, and changes it.

use super::{Outbox, Served};
use crate::gui::command::PlacesWish;
use crate::gui::event::{Event, Places, PlacesEvent};
use crate::workflow::data_dir::DataDir;
use crate::workflow::farm::Farm;
use crate::workflow::problem::Problem;
use crate::workflow::{lenders, room};

/// Does it, and tells what came of it.
pub(super) async fn ask(wish: PlacesWish, served: &Served) {
    let (data, outbox) = (&served.data, &served.outbox);
    let event = match wish {
        PlacesWish::Look => PlacesEvent::Seen(look(data).await.map(Box::new)),
        PlacesWish::LookAround => PlacesEvent::Around(room::discover().await),
        PlacesWish::Check(lender, told) => {
            let checks = lenders::check(&lender, &told).await;
            PlacesEvent::Checked(lender, told, checks)
        }
        PlacesWish::Pair(request) => PlacesEvent::Paired(room::pair(data, &request).await),
        PlacesWish::Unpair(name) => {
            let unpaired = room::unpair(data, &name).await;
            PlacesEvent::Unpaired(unpaired.map(|answer| room::untold(&answer)))
        }
        PlacesWish::End => return end(data, outbox).await,
    };
    outbox.tell(Event::Places(event));
}

async fn look(data: &DataDir) -> Result<Places, Problem> {
    let farm = async {
        let Some(farm) = Farm::join(data).await? else { return Ok(None) };
        let manager = farm.manager();
        let view = manager.farm().await;
        view.map(Some).map_err(|e| manager.problem("asking for the farm", &e))
    };
    let (lenders, room, farm) = tokio::join!(lenders::all(), lenders::room(data), farm);
    Ok(Places { lenders: lenders?, room: room?, farm: farm? })
}

async fn end(data: &DataDir, outbox: &Outbox) {
    let ended = match Farm::join_any_version(data).await {
        Ok(Some(farm)) => farm.end().await,
        Ok(None) => Ok(()),
        Err(problem) => Err(problem),
    };
    outbox.tell(match ended {
        Ok(()) => Event::Places(PlacesEvent::Ended),
        Err(problem) => Event::Trouble(problem),
    });
}

//! Where can be rendered: who lends machines and whether they would, machines of the room, what runs.

use blendnet_net::discovery::Found;
use blendnet_protocol::{Lender, LenderCheck, PairRequest};

use super::command::{Command, PlacesWish};
use super::event::{Places, PlacesEvent};
use super::fetched::Fetched;
use crate::settings::Settings;
use crate::workflow::problem::Problem;

/// This computer's name among the lenders.
const LOCAL: &str = "local";

/// What a lender was told, `NAME=VALUE`, and what its checks found then.
pub type Checked = (String, Vec<String>, Fetched<Vec<LenderCheck>, Problem>);

/// What is known of the places, and the form that pairs a machine.
#[derive(Debug)]
pub struct PlacesState {
    /// Which there are, and what runs.
    pub seen: Fetched<Box<Places>, Problem>,
    /// Who tells of itself in the room.
    pub around: Fetched<Vec<Found>, Problem>,
    /// The last check.
    pub checked: Option<Checked>,
    /// The machine that is to be paired.
    pub pairing: Pairing,
    /// Why a machine was not paired or let go of.
    pub room_problem: Option<Problem>,
}

/// The form that pairs a machine.
#[derive(Debug, Default)]
pub struct Pairing {
    /// Its address.
    pub address: String,
    /// The code that it shows.
    pub code: String,
    /// It is being paired.
    pub goes_on: bool,
}

impl Default for PlacesState {
    fn default() -> Self {
        Self {
            seen: Fetched::Unasked,
            around: Fetched::Unasked,
            checked: None,
            pairing: Pairing::default(),
            room_problem: None,
        }
    }
}

impl PlacesState {
    /// Who lends machines, as far as it is known.
    pub fn lenders(&self) -> &[Lender] {
        self.seen.value().map_or(&[], |places| &places.lenders)
    }

    /// The lender that is chosen, as people call it.
    pub fn chosen_title<'s>(&'s self, settings: &'s Settings) -> &'s str {
        let Some(chosen) = settings.other_lender() else { return "This computer" };
        let known = self.lenders().iter().find(|lender| lender.name == chosen);
        known.map_or(chosen, |lender| &lender.title)
    }

    /// Notes what is asked for, and gives the command that asks.
    pub fn ask(&mut self, wish: PlacesWish) -> Command {
        match &wish {
            PlacesWish::Look => self.seen.ask(),
            PlacesWish::LookAround => self.around.ask(),
            PlacesWish::Check(lender, told) => {
                self.checked = Some((lender.clone(), told.clone(), Fetched::Pending(None)));
            }
            PlacesWish::Pair(_) => {
                self.pairing.goes_on = true;
                self.room_problem = None;
            }
            PlacesWish::Unpair(_) => self.room_problem = None,
            PlacesWish::End => {}
        }
        Command::Places(wish)
    }

    /// What the form asks for; `None` while it is not filled in.
    pub fn pair_request(&self) -> Option<PairRequest> {
        let (address, code) = (self.pairing.address.trim(), self.pairing.code.trim());
        let wanted = !address.is_empty() && !code.is_empty() && !self.pairing.goes_on;
        wanted.then(|| PairRequest {
            address: address.to_owned(),
            code: code.to_owned(),
            name: None,
        })
    }

    /// Takes in what happened. Gives what to do about it, and a sentence to tell.
    pub fn apply(&mut self, event: PlacesEvent) -> (Vec<Command>, Option<String>) {
        let mut told = None;
        match event {
            PlacesEvent::Seen(seen) => {
                self.seen.take(seen);
                return (Vec::new(), None);
            }
            PlacesEvent::Around(found) => {
                self.around.take(found);
                return (Vec::new(), None);
            }
            PlacesEvent::Checked(lender, settings, checks) => {
                let checked = self.checked.as_mut();
                let asked = checked.filter(|(name, told, _)| *name == lender && *told == settings);
                if let Some((_, _, known)) = asked {
                    known.take(checks);
                }
                return (Vec::new(), None);
            }
            PlacesEvent::Paired(paired) => {
                self.pairing.goes_on = false;
                match paired {
                    Ok(machine) => {
                        self.pairing = Pairing::default();
                        told = Some(format!("{} renders for this farm now", machine.name));
                    }
                    Err(problem) => self.room_problem = Some(problem),
                }
            }
            PlacesEvent::Unpaired(Ok(known)) => told = known,
            PlacesEvent::Unpaired(Err(problem)) => self.room_problem = Some(problem),
            PlacesEvent::Ended => told = Some("The farm has ended".to_owned()),
        }
        (vec![self.ask(PlacesWish::Look)], told)
    }
}

/// Chooses who lends machines.
pub fn choose(settings: &mut Settings, lender: &str) {
    settings.lender = if lender == LOCAL { String::new() } else { lender.to_owned() };
}

/// Whether a lender is the one that is chosen.
pub fn is_chosen(settings: &Settings, lender: &str) -> bool {
    settings.other_lender().unwrap_or(LOCAL) == lender
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::{RoomMachine, Verdict};

    fn check(found: &str) -> LenderCheck {
        let name = "partition".to_owned();
        LenderCheck { name, verdict: Verdict::Passed, found: found.to_owned(), remedy: None }
    }

    #[test]
    fn checks_of_other_settings_than_those_asked_for_last_are_left_out() {
        let mut places = PlacesState::default();
        let ask = |told: &str| PlacesWish::Check("slurm".to_owned(), vec![told.to_owned()]);
        places.ask(ask("partition=day"));
        places.ask(ask("partition=night"));
        let checked = |told: &str, found| {
            PlacesEvent::Checked("slurm".into(), vec![told.to_owned()], Ok(vec![check(found)]))
        };
        places.apply(checked("partition=day", "old"));
        assert!(places.checked.as_ref().unwrap().2.is_pending());
        places.apply(checked("partition=night", "new"));
        assert_eq!(places.checked.unwrap().2.value().unwrap()[0].found, "new");
    }

    #[test]
    fn what_was_typed_in_stays_until_the_machine_is_paired() {
        let mut places = PlacesState::default();
        assert!(places.pair_request().is_none());
        places.pairing.address = " workshop ".to_owned();
        places.pairing.code = "1158-0902".to_owned();
        let request = places.pair_request().unwrap();
        assert_eq!((request.address.as_str(), request.code.as_str()), ("workshop", "1158-0902"));
        places.ask(PlacesWish::Pair(request));
        assert!(places.pair_request().is_none(), "not twice at once");
        places.apply(PlacesEvent::Paired(Err(Problem::farm("the code is wrong"))));
        assert_eq!(places.room_problem.as_ref().unwrap().message, "the code is wrong");
        assert_eq!(places.pairing.address, " workshop ");
        assert!(places.pair_request().is_some());
        let machine = serde_json::json!({"name": "workshop", "address": "workshop:9443"});
        let machine: RoomMachine = serde_json::from_value(machine).unwrap();
        let (commands, told) = places.apply(PlacesEvent::Paired(Ok(machine)));
        assert_eq!(commands, [Command::Places(PlacesWish::Look)]);
        assert_eq!(told.unwrap(), "workshop renders for this farm now");
        assert!(places.pairing.address.is_empty() && places.pairing.code.is_empty());
    }

    #[test]
    fn this_computer_is_chosen_until_another_one_is() {
        let mut settings = Settings::default();
        assert!(is_chosen(&settings, LOCAL));
        choose(&mut settings, "slurm");
        assert!(is_chosen(&settings, "slurm") && !is_chosen(&settings, LOCAL));
        choose(&mut settings, LOCAL);
        assert_eq!(settings, Settings::default());
    }
}

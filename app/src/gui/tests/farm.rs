//! Where is rendered: built from what lenders say of themselves, and nothing that does not work.

use blendnet_net::discovery::{Found, Kind};
use blendnet_protocol::{
    AgentState, AgentView, FarmView, Lender, LenderCheck, LenderSetting, LenderSettingKind,
    RoomMachine, VERSION, Verdict,
};
use egui_kittest::kittest::Queryable;

use super::window::*;
use crate::gui::command::{Command, PlacesWish};
use crate::gui::event::{Event, Places, PlacesEvent};
use crate::gui::state::Screen;
use crate::workflow::problem::Problem;

fn setting(name: &str, kind: LenderSettingKind, default: Option<&str>) -> LenderSetting {
    LenderSetting {
        name: name.to_owned(),
        help: format!("What {name} is for."),
        kind,
        default: default.map(str::to_owned),
    }
}

fn lenders() -> Vec<Lender> {
    use LenderSettingKind::{Flag, Number, Text};
    let lender = |name: &str, title: &str, settings| Lender {
        name: name.to_owned(),
        title: title.to_owned(),
        about: format!("About {title}."),
        settings,
    };
    let cluster = vec![
        setting("partition", Text, None),
        setting("walltime", Text, Some("04:00:00")),
        setting("notice_secs", Number, Some("60")),
        setting("requeue", Flag, Some("no")),
    ];
    vec![lender("local", "This computer", vec![]), lender("slurm", "Slurm cluster", cluster)]
}

fn agent(id: &str) -> AgentView {
    let json = serde_json::json!({
        "id": id, "address": "192.0.2.7:9443", "state": "online", "doing": "frame 3", "in_room": true,
    });
    serde_json::from_value(json).unwrap()
}

fn places(room: &[&str], agents: usize) -> Places {
    let machine = |name: &&str| RoomMachine {
        name: (*name).parse().unwrap(),
        address: format!("{name}:9443"),
    };
    let view = || FarmView {
        generation: 1,
        version: VERSION.to_owned(),
        terminating: false,
        agents: (0..agents)
            .map(|n| agent(&n.to_string()))
            .chain(room.iter().map(|r| agent(r)))
            .collect(),
        jobs: Vec::new(),
    };
    let farm = (agents > 0).then(view);
    Places { lenders: lenders(), room: room.iter().map(machine).collect(), farm }
}

pub(super) fn looked(
    mut window: Window<'static>,
    seen: Result<Places, Problem>,
) -> Window<'static> {
    window.harness.state_mut().state.screen = Screen::Farm;
    window.tell(Event::Places(PlacesEvent::Seen(seen.map(Box::new))));
    window
}

/// The screen with a lender chosen, and so many agents that run.
pub(super) fn on_farm(window: Window<'static>, lender: &str, agents: usize) -> Window<'static> {
    let mut window = looked(window, Ok(places(&[], agents)));
    crate::gui::places::choose(&mut window.harness.state_mut().state.settings, lender);
    window.harness.run_steps(2);
    window
}

/// With a machine of the room that is paired, and so many agents that run.
pub(super) fn paired(window: Window<'static>, name: &str, agents: usize) -> Window<'static> {
    looked(window, Ok(places(&[name], agents)))
}

/// A cluster whose partition is wrong.
pub(super) fn checked_cluster(window: Window<'static>) -> Window<'static> {
    let mut window = on_farm(window, "slurm", 0);
    window.click("Test connection");
    let check = |name: &str, verdict, remedy: Option<&str>| LenderCheck {
        name: name.to_owned(),
        verdict,
        found: format!("what was found of the {name}"),
        remedy: remedy.map(str::to_owned),
    };
    let checks = vec![
        check("programs", Verdict::Passed, None),
        check("accounting", Verdict::Warned, Some("ask the administrator")),
        check("partition", Verdict::Failed, Some("name one of: day, night")),
    ];
    let checked = PlacesEvent::Checked("slurm".to_owned(), Vec::new(), Ok(checks));
    window.tell(Event::Places(checked));
    window
}

fn requeue(window: &mut Window<'_>) {
    window.harness.get_by_role_and_label(egui::Role::CheckBox, "requeue").click();
    window.harness.run_steps(3);
}

#[test]
fn the_screen_asks_for_what_there_is_when_it_is_opened() {
    let mut window = Window::new();
    window.click("Farm");
    assert_eq!(window.asked(), [Command::Places(PlacesWish::Look)]);
    let window = looked(window, Err(Problem::farm("the manager's program is not there")));
    assert!(window.shows("the manager's program is not there"));
}

#[test]
fn a_lender_is_chosen_told_its_settings_and_rendered_on() {
    let mut window = looked(Window::new().with_demo(), Ok(places(&[], 0)));
    assert!(!window.shows("partition"), "this computer wants to be told nothing");
    window.click("Slurm cluster");
    window.type_in("partition", "night");
    requeue(&mut window);
    assert!(window.shows("What notice_secs is for."));
    window.press(egui::Key::F12);
    let asked = window.asked();
    let order = asked.iter().find_map(|command| match command {
        Command::Render(_, order) => Some(order),
        _ => None,
    });
    let start = &order.unwrap().start;
    assert_eq!(start.provider.as_deref(), Some("slurm"));
    assert_eq!(start.provider_settings, ["partition=night", "requeue=yes"]);
    let kept = asked.iter().rev().find_map(|command| match command {
        Command::StoreSettings(settings) => Some(settings),
        _ => None,
    });
    assert_eq!(kept.unwrap().lender, "slurm");
}

#[test]
fn a_setting_that_is_its_default_again_is_kept_nowhere() {
    let mut window = on_farm(Window::new(), "slurm", 0);
    requeue(&mut window);
    requeue(&mut window);
    window.harness.run_steps(2);
    assert!(window.harness.state().state.settings.lenders.is_empty());
}

#[test]
fn a_connection_is_tested_with_the_settings_as_they_are_and_each_check_says_what_to_do() {
    let mut window = on_farm(Window::new(), "slurm", 0);
    window.type_in("partition", "nihgt");
    window.asked();
    window.click("Test connection");
    let told = vec!["partition=nihgt".to_owned()];
    let wish = PlacesWish::Check("slurm".to_owned(), told.clone());
    assert_eq!(window.asked(), [Command::Places(wish)]);
    let check = LenderCheck {
        name: "partition".to_owned(),
        verdict: Verdict::Failed,
        found: "there is no partition `nihgt`".to_owned(),
        remedy: Some("name one of: day, night".to_owned()),
    };
    let checked = PlacesEvent::Checked("slurm".to_owned(), told, Ok(vec![check]));
    window.tell(Event::Places(checked));
    assert!(window.shows("no partition `nihgt`") && window.shows("name one of: day, night"));
    window.type_in("partition", "x");
    assert!(!window.shows("no partition `nihgt`"), "that was of other settings");
}

#[test]
fn a_machine_that_is_found_is_paired_by_its_code_and_let_go_of_by_a_second_click() {
    let mut window = looked(Window::new(), Ok(places(&[], 0)));
    window.click("Look around");
    assert_eq!(window.asked(), [Command::Places(PlacesWish::LookAround)]);
    let found = |kind, name: &str| Found {
        name: name.to_owned(),
        kind,
        address: "192.0.2.7:9443".to_owned(),
        version: VERSION.to_owned(),
    };
    let around = vec![found(Kind::Manager, "other"), found(Kind::WaitsToBePaired, "workshop")];
    window.tell(Event::Places(PlacesEvent::Around(Ok(around))));
    assert!(!window.shows("other at"), "who shows no code can't be paired");
    window.click("workshop at 192.0.2.7:9443");
    window.type_in("Code", "1158-0902");
    window.click("Pair");
    let asked = window.asked();
    let [Command::Places(PlacesWish::Pair(request))] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((request.address.as_str(), request.code.as_str()), ("192.0.2.7:9443", "1158-0902"));
    let wrong = Problem::farm("the code is wrong");
    window.tell(Event::Places(PlacesEvent::Paired(Err(wrong))));
    assert!(window.shows("the code is wrong"));

    let mut window = paired(window, "workshop", 1);
    window.asked();
    window.click("Let go of workshop…");
    assert!(window.asked().is_empty());
    window.click("Let go of workshop");
    let unpair = PlacesWish::Unpair("workshop".parse().unwrap());
    assert_eq!(window.asked(), [Command::Places(unpair)]);
}

#[test]
fn all_that_runs_is_seen_in_one_place_and_ended_by_a_second_click() {
    let mut window = on_farm(Window::new(), "local", 3);
    assert!(window.shows("3 agents, 0 jobs") && window.shows("2, frame 3"));
    window.click("End all…");
    window.click("End all agents and the farm");
    assert_eq!(window.asked(), [Command::Places(PlacesWish::End)]);
    window.tell(Event::Places(PlacesEvent::Ended));
    assert_eq!(window.asked(), [Command::Places(PlacesWish::Look)]);
    let window = looked(window, Ok(places(&[], 0)));
    assert!(window.shows("Agents start with a render"));
    assert!(window.harness.query_by_label("End all…").is_none());
}

#[test]
fn a_machine_that_renders_later_says_why() {
    let mut seen = places(&["workshop"], 1);
    let agents = &mut seen.farm.as_mut().unwrap().agents;
    let workshop = agents.iter_mut().find(|agent| agent.id.as_str() == "workshop").unwrap();
    workshop.state = AgentState::Lost;
    workshop.away = Some("renders from 19:00 to 08:00".to_owned());
    let window = looked(Window::new(), Ok(seen));
    assert!(window.shows("renders from 19:00 to 08:00"));
}

#[test]
fn a_farm_that_can_not_be_asked_can_be_ended() {
    let problem = Problem::farm("the farm has version 0.0.9");
    let mut window = looked(Window::new(), Err(problem));
    assert!(window.shows("the farm has version 0.0.9"));
    window.asked();
    window.click("End all…");
    window.click("End all agents and the farm");
    assert_eq!(window.asked(), [Command::Places(PlacesWish::End)]);
}

//! Machines of the room, and what runs: all that may cost something, and how it is ended.

use blendnet_net::discovery::{Found, Kind};
use blendnet_protocol::{AgentState, AgentView, FarmView, RoomMachine, VERSION};

use crate::gui::command::PlacesWish;
use crate::gui::icons::{self, button_ui, named};
use crate::gui::places::PlacesState;
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::widgets::form::{help, text_row};
use crate::gui::widgets::line::Line;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::text::count;

/// Draws the machines of the room, and the form that pairs another one.
pub(super) fn room_ui(ui: &mut egui::Ui, places: &mut PlacesState, wishes: &mut Vec<Wish>) {
    ui.heading("Machines in the room");
    let seen = places.seen.value();
    let room = seen.map(|seen| seen.room.as_slice()).unwrap_or_default();
    let farm = seen.and_then(|seen| seen.farm.as_ref());
    if room.is_empty() {
        help(ui, "None renders for you yet. Paired once, a machine helps with every render.");
    }
    for machine in room {
        machine_ui(ui, machine, farm, wishes);
    }
    ui.add_space(theme::GAP);
    theme::group(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        pair_ui(ui, places, wishes);
    });
}

fn machine_ui(
    ui: &mut egui::Ui,
    machine: &RoomMachine,
    farm: Option<&FarmView>,
    wishes: &mut Vec<Wish>,
) {
    ui.horizontal(|ui| {
        let menu = ui.menu_button(icons::DELETE, |ui| {
            if ui.button(format!("Let go of {}", machine.name)).clicked() {
                wishes.push(Wish::Places(PlacesWish::Unpair(machine.name.clone())));
            }
            ui.label("It forgets its keys, and renders for you no more");
        });
        named(menu.response, &format!("Let go of {}…", machine.name));
        let agent = farm.and_then(|farm| farm.agents.iter().find(|a| a.id == machine.name));
        let said = agent.map(|agent| said(agent, theme::signals(ui.visuals())));
        let texts = [
            Some((machine.name.to_string(), ui.visuals().text_color())),
            Some((machine.address.clone(), ui.visuals().weak_text_color())),
            said,
        ];
        line_ui(ui, &texts.into_iter().flatten().collect::<Vec<_>>());
    });
}

/// Texts beside each other, cut off where there is no room.
fn line_ui(ui: &mut egui::Ui, texts: &[(String, egui::Color32)]) {
    let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    let (place, response) = ui.allocate_exact_size(size, egui::Sense::hover());
    let all = || texts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", ");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, all()));
    let mut line = Line::new(ui, place);
    for (text, color) in texts {
        line.text(text, *color);
    }
    response.on_hover_ui(|ui| {
        ui.label(all());
    });
}

fn pair_ui(ui: &mut egui::Ui, places: &mut PlacesState, wishes: &mut Vec<Wish>) {
    ui.strong("Let another machine render along");
    help(
        ui,
        "There, `blendnet-agent --pair` shows a code. Enter it here, with the machine's name.",
    );
    text_row(ui, "Name", &mut places.pairing.address, "or its address, such as 192.168.1.20");
    text_row(ui, "Code", &mut places.pairing.code, "8 digits");
    let request = places.pair_request();
    ui.horizontal(|ui| {
        let pair = ui.add_enabled(request.is_some(), egui::Button::new("Pair"));
        if let Some(request) = request.filter(|_| pair.clicked()) {
            wishes.push(Wish::Places(PlacesWish::Pair(request)));
        }
        let looks = places.around.is_pending();
        let around = ui.add_enabled(!looks, egui::Button::new("Look around"));
        if around.on_hover_text("Lists machines that tell of themselves").clicked() {
            wishes.push(Wish::Places(PlacesWish::LookAround));
        }
        if places.pairing.goes_on || looks {
            ui.spinner();
        }
    });
    if let Some(problem) = &places.room_problem {
        problem_ui(ui, problem);
    }
    if let Some(problem) = places.around.error() {
        problem_ui(ui, problem);
    }
    let Some(found) = places.around.value() else { return };
    let waiting: Vec<&Found> = found.iter().filter(|f| f.kind == Kind::WaitsToBePaired).collect();
    if waiting.is_empty() {
        help(ui, "No machine tells that it shows a code; its name or address always does.");
    }
    for found in waiting {
        if ui.button(format!("{} at {}", found.name, found.address)).clicked() {
            places.pairing.address.clone_from(&found.address);
        }
        if found.version != VERSION {
            help(ui, &format!("It has version {}, this is {VERSION}.", found.version));
        }
    }
}

/// What runs now, whoever started it, and how it is ended.
pub(super) fn runs_ui(ui: &mut egui::Ui, state: &State, wishes: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        ui.heading("Runs now");
        if button_ui(ui, icons::AGAIN, "Look again").clicked() {
            wishes.push(Wish::Places(PlacesWish::Look));
        }
    });
    if state.places.seen.error().is_some() {
        // What can't be asked may run all the same.
        return end_ui(ui, wishes);
    }
    let Some(seen) = state.places.seen.value() else { return };
    let Some(farm) = &seen.farm else {
        help(ui, "Nothing. Agents start with a render, and end with it.");
        return;
    };
    let jobs = farm.jobs.iter().filter(|job| {
        use blendnet_protocol::JobState::{Inspecting, Queued, Ready, Running};
        matches!(job.state, Inspecting | Ready | Queued | Running)
    });
    let jobs = count(jobs.count(), "job", "jobs");
    ui.label(format!("{}, {jobs}", count(farm.agents.len(), "agent", "agents")));
    let height = ui.spacing().interact_size.y;
    let area = egui::ScrollArea::vertical().id_salt("agents").max_height(260.0);
    area.auto_shrink([false, true]).show_rows(ui, height, farm.agents.len(), |ui, range| {
        for agent in farm.agents.get(range).unwrap_or_default() {
            let said = said(agent, theme::signals(ui.visuals()));
            line_ui(ui, &[(agent.id.to_string(), ui.visuals().text_color()), said]);
        }
    });
    end_ui(ui, wishes);
}

/// Ends all of it, by a second click.
fn end_ui(ui: &mut egui::Ui, wishes: &mut Vec<Wish>) {
    ui.menu_button("End all…", |ui| {
        if ui.button("End all agents and the farm").clicked() {
            wishes.push(Wish::Places(PlacesWish::End));
        }
        ui.label("What is rendered is kept; a render that goes on is paused");
    });
}

/// How an agent is, in a few words.
fn said(agent: &AgentView, signals: theme::Signals) -> (String, egui::Color32) {
    match agent.state {
        _ if agent.away.is_some() => (agent.away.clone().unwrap_or_default(), signals.warning),
        AgentState::Starting => ("starts".to_owned(), signals.warning),
        AgentState::Online if agent.doing.is_empty() => ("waits".to_owned(), signals.good),
        AgentState::Online => (agent.doing.clone(), signals.good),
        AgentState::Lost => ("does not answer".to_owned(), signals.bad),
        AgentState::Draining => ("ends".to_owned(), signals.warning),
    }
}

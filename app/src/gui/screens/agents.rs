//! The agents of the farm: what they do, how fast, with how much memory; their logs; more or less
//! of them.

use blendnet_protocol::AgentState;
use egui::{Sense, vec2};

use crate::gui::command::{Command, FarmWish};
use crate::gui::fetched::Fetched;
use crate::gui::icons::{self, button_ui, sign_button_ui};
use crate::gui::running::Running;
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::widgets::line::{Line, lit_ui};
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::text::{self, bytes, count};
use crate::workflow::event::AgentReport;
use crate::workflow::problem::Problem;

type Log = Option<(String, Fetched<Vec<String>, Problem>)>;

/// Draws them.
pub(super) fn agents_ui(ui: &mut egui::Ui, state: &State, render: &Running, w: &mut Vec<Wish>) {
    let Some(progress) = render.progress.as_ref().filter(|_| render.is_going()) else { return };
    let agents = &progress.agents;
    let stays = |agent: &&AgentReport| agent.state != AgentState::Draining && !agent.in_room;
    let number = u32::try_from(agents.iter().filter(stays).count()).unwrap_or(u32::MAX);
    ui.horizontal(|ui| {
        ui.strong(count(agents.len(), "agent", "agents"));
        if number > 1 && sign_button_ui(ui, icons::LESS, "One agent less").clicked() {
            w.push(Wish::Ask(Command::Farm(FarmWish::Agents(number - 1))));
        }
        if sign_button_ui(ui, icons::MORE, "One agent more").clicked() {
            w.push(Wish::Ask(Command::Farm(FarmWish::Agents(number.saturating_add(1)))));
        }
    });
    let height = 2.0 * ui.spacing().interact_size.y;
    let area = egui::ScrollArea::vertical().id_salt("agents").max_height(220.0);
    area.auto_shrink([false, true]).show_rows(ui, height, agents.len(), |ui, range| {
        for (place, agent) in agents.iter().enumerate().skip(range.start).take(range.len()) {
            agent_ui(ui, (place, agent), &state.log, w);
        }
    });
    log_ui(ui, &state.log, w);
    ui.add_space(theme::GAP);
}

/// Two lines: who and how fast, which shows the log when it is clicked, and what it does.
fn agent_ui(
    ui: &mut egui::Ui,
    (place, agent): (usize, &AgentReport),
    log: &Log,
    w: &mut Vec<Wish>,
) {
    let signals = theme::signals(ui.visuals());
    let (state, color) = match agent.state {
        _ if agent.away.is_some() => ("renders later", signals.warning),
        AgentState::Starting => ("starts", signals.warning),
        AgentState::Online => ("online", signals.good),
        AgentState::Lost => ("lost; its work is given to others", signals.bad),
        AgentState::Draining => ("ends", signals.warning),
    };
    let size = vec2(ui.available_width(), 2.0 * ui.spacing().interact_size.y);
    let (row, _) = ui.allocate_exact_size(size, Sense::hover());
    let (upper, lower) = row.split_top_bottom_at_fraction(0.5);
    let weak = ui.visuals().weak_text_color();
    let shown = log.as_ref().is_some_and(|(name, _)| *name == agent.id);
    let id = ui.scope_id().with(place);
    let response = ui.interact(upper, id, Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::Button, true, shown, agent.id.as_str())
    });
    lit_ui(ui, &response, upper, shown);
    let mut line = Line::new(ui, upper.shrink2(vec2(4.0, 0.0)));
    if let Some(speed) = agent.samples_per_sec {
        line.text_right(&text::speed(speed), weak);
    }
    line.dot(theme::agent(place));
    line.text(&agent.id, ui.visuals().text_color());
    if response.on_hover_text("Shows its log").clicked() {
        w.push(Wish::Log(agent.id.clone()));
    }
    let doing = Some(agent.doing.as_str()).filter(|doing| !doing.is_empty());
    let mut doing = agent.away.as_deref().or(doing).unwrap_or("waits").to_owned();
    if let Some(memory_mb) = agent.memory_mb {
        doing = format!("{doing}; {}", bytes(bytes_of(memory_mb)));
    }
    let mut line = Line::new(ui, lower.shrink2(vec2(4.0, 0.0)));
    line.text(state, color);
    line.text(&doing, weak);
    let response = ui.interact(lower, id.with("doing"), Sense::hover());
    let all = || format!("{state}: {doing}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, all()));
    response.on_hover_ui(|ui| {
        ui.label(all());
    });
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size to be read")]
fn bytes_of(mb: f64) -> u64 {
    (mb * 1e6) as u64
}

/// The newest lines are at the end, and that is what is seen first.
fn log_ui(ui: &mut egui::Ui, log: &Log, wishes: &mut Vec<Wish>) {
    let Some((agent, log)) = log else { return };
    theme::group(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.add(egui::Label::new(format!("Log of {agent}")).truncate());
            if let Some(lines) = log.value()
                && button_ui(ui, icons::COPY, "Copy").clicked()
            {
                ui.ctx().copy_text(lines.join("\n"));
            }
            if sign_button_ui(ui, "×", "Close the log").clicked() {
                wishes.push(Wish::Log(agent.clone()));
            }
        });
        if let Some(problem) = log.error() {
            problem_ui(ui, problem);
        }
        let Some(lines) = log.value() else {
            if log.is_pending() {
                ui.spinner();
            }
            return;
        };
        let height = ui.text_style_height(&egui::TextStyle::Monospace);
        let area = egui::ScrollArea::both().id_salt("log").max_height(180.0);
        area.stick_to_bottom(true).auto_shrink(false).show_rows(
            ui,
            height,
            lines.len(),
            |ui, range| {
                for line in lines.get(range).unwrap_or_default() {
                    let text = egui::RichText::new(line).monospace();
                    ui.add(egui::Label::new(text).extend());
                }
            },
        );
    });
}

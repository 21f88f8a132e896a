//! What a render will cost, before it is asked for: on this computer that is time.

use std::sync::Arc;

use egui_plot::{Bar, BarChart, HoverPosition, Plot};

use crate::gui::command::{Command, Order};
use crate::gui::fetched::Fetched;
use crate::gui::icons::{self, button_enabled_ui};
use crate::gui::state::OpenScene;
use crate::gui::theme;
use crate::gui::widgets::form::row;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::settings::Settings;
use crate::text::{count, duration, usd};
use crate::workflow::estimate::Estimate;
use crate::workflow::problem::Problem;

/// An estimate, and for what it is.
pub type Estimated = (Box<Order>, Fetched<Arc<Estimate>, Problem>);

/// Draws it, or the button that asks for it.
pub(super) fn cost_ui(
    ui: &mut egui::Ui,
    scene: &OpenScene,
    settings: &mut Settings,
    can_render: bool,
    wishes: &mut Vec<Wish>,
) {
    ui.strong("Time");
    let order = scene.choice.order(&scene.path, settings).ok();
    let known = scene.estimate.as_ref();
    let pending = known.is_some_and(|(_, estimate)| estimate.is_pending());
    row(ui, "", |ui| {
        let hint = "Renders a few samples to measure how fast this scene is";
        let button = button_enabled_ui(ui, can_render && !pending, icons::CLOCK, "Estimate");
        if let Some(order) = order.as_ref().filter(|_| button.on_hover_text(hint).clicked()) {
            wishes.push(Wish::Ask(Command::Estimate(Box::new(order.clone()))));
        }
        if pending {
            ui.spinner();
            ui.label("Renders a few samples");
        }
    });
    let Some((asked, estimate)) = known else { return };
    if let Some(problem) = estimate.error() {
        problem_ui(ui, problem);
    }
    let Some(estimate) = estimate.value() else { return };
    if order.is_some_and(|order| order.is_same_work(asked)) {
        told_ui(ui, estimate, settings.usd_micros_per_hour);
        agents_ui(ui, estimate, settings, wishes);
    } else if !pending {
        ui.label(egui::RichText::new("Something was changed since the estimate").weak());
    }
}

fn told_ui(ui: &mut egui::Ui, estimate: &Estimate, usd_micros_per_hour: u64) {
    row(ui, "", |ui| {
        ui.vertical(|ui| {
            ui.label(
                egui::RichText::new(format!("about {}", duration(estimate.likely_secs))).strong(),
            );
            ui.label(format!(
                "{} to {}",
                duration(estimate.least_secs),
                duration(estimate.most_secs)
            ));
            ui.label(egui::RichText::new(&estimate.because).weak());
            if usd_micros_per_hour > 0 {
                ui.label(format!("about {}", usd(estimate.usd_micros(usd_micros_per_hour))));
            }
        });
    });
}

/// Time over the number of agents; a click on a bar chooses that many.
fn agents_ui(
    ui: &mut egui::Ui,
    estimate: &Estimate,
    settings: &mut Settings,
    wishes: &mut Vec<Wish>,
) {
    let known = estimate.by_agents.as_slice();
    let bars: Vec<Bar> = known
        .iter()
        .enumerate()
        .map(|(at, (agents, secs))| {
            let asked = *agents == estimate.agents;
            let color = if asked { theme::ACCENT } else { theme::MERGED };
            Bar::new(place(at), *secs).width(0.7).fill(color)
        })
        .collect();
    let number = |x: f64| at(known, x, 0.01).map_or_else(String::new, |(n, _)| n.to_string());
    let plot = Plot::new("time over agents")
        .height(110.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_grid([false, true])
        .include_y(0.0)
        .y_axis_min_width(48.0)
        .y_axis_formatter(|mark, _| duration(mark.value))
        .x_axis_formatter(|mark, _| number(mark.value))
        .label_formatter(|hover| {
            let (HoverPosition::NearDataPoint { position, .. }
            | HoverPosition::Elsewhere { position }) = hover;
            let (agents, secs) = at(known, position.x, 0.5)?;
            Some(format!("{}: {}", count(agents as usize, "agent", "agents"), duration(secs)))
        });
    let shown = plot.show(ui, |plot| {
        plot.bar_chart(BarChart::new("seconds", bars));
        plot.response().clicked().then(|| plot.pointer_coordinate()).flatten()
    });
    shown.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, "Time over the number of agents")
    });
    ui.label(egui::RichText::new("over agents of this computer; click to choose").weak());
    let chosen = shown.inner.and_then(|clicked| at(known, clicked.x, 0.5));
    if let Some((agents, _)) = chosen.filter(|(agents, _)| *agents != settings.agents) {
        settings.agents = agents;
        wishes.push(Wish::Settings);
    }
}

/// What is drawn at `x`.
fn at(known: &[(u32, f64)], x: f64, within: f64) -> Option<(u32, f64)> {
    known.iter().enumerate().find(|(at, _)| (place(*at) - x).abs() < within).map(|(_, of)| *of)
}

fn place(at: usize) -> f64 {
    f64::from(u32::try_from(at).unwrap_or_default())
}

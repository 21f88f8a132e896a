//! What a render will cost, before it is asked for: time, and money where agents have a price.

use std::sync::Arc;

use blendnet_protocol::JobLimits;
use egui_plot::{AxisHints, Bar, BarChart, GridMark, HLine, HoverPosition, LineStyle, Plot};

use super::plots::{few_marks, labelled};
use crate::gui::command::{Command, Order};
use crate::gui::fetched::Fetched;
use crate::gui::icons::{self, button_enabled_ui};
use crate::gui::state::OpenScene;
use crate::gui::theme;
use crate::gui::widgets::form::row;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::settings::Settings;
use crate::text::{count, dollars, duration, usd, usd_of};
use crate::workflow::estimate::{Estimate, usd_micros};
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
        let limits = scene.choice.limits(settings).unwrap_or_default();
        agents_ui(ui, estimate, &limits, settings, wishes);
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

/// Time and money over the number of agents, to choose from.
fn agents_ui(
    ui: &mut egui::Ui,
    estimate: &Estimate,
    limits: &JobLimits,
    settings: &mut Settings,
    wishes: &mut Vec<Wish>,
) {
    let price = settings.usd_micros_per_hour;
    let now = jiff::Timestamp::now().as_second();
    let due = limits.deadline_unix_secs.and_then(|secs| i64::try_from(secs).ok());
    let time = Bars {
        name: "Time over the number of agents",
        values: estimate.by_agents.clone(),
        asked: estimate.agents,
        most: due.map(|due| ("deadline", seconds(due.saturating_sub(now)))),
        said: duration,
    };
    let mut chosen = time.show(ui);
    if price > 0 {
        let cost =
            |(agents, secs): &(u32, f64)| (*agents, dollars(usd_micros(*agents, *secs, price)));
        let money = Bars {
            name: "Money over the number of agents",
            values: estimate.by_agents.iter().map(cost).collect(),
            asked: estimate.agents,
            most: limits.budget_usd_micros.map(|budget| ("budget", dollars(budget))),
            said: usd_of,
        };
        chosen = money.show(ui).or(chosen);
    }
    ui.label(egui::RichText::new("over agents of this computer; click to choose").weak());
    if let Some(agents) = chosen.filter(|agents| *agents != settings.agents) {
        settings.agents = agents;
        wishes.push(Wish::Settings);
    }
}

/// Something over the number of agents; what is above `most` is marked.
struct Bars {
    name: &'static str,
    values: Vec<(u32, f64)>,
    asked: u32,
    most: Option<(&'static str, f64)>,
    said: fn(f64) -> String,
}

impl Bars {
    /// Draws them. Gives the number of agents whose bar was clicked.
    fn show(&self, ui: &mut egui::Ui) -> Option<u32> {
        let (known, said) = (&self.values, self.said);
        let bad = theme::signals(ui.visuals()).bad;
        let bars = known.iter().enumerate().map(|(at, (agents, value))| {
            let color = match self.most {
                Some((_, most)) if *value > most => bad,
                _ if *agents == self.asked => theme::ACCENT,
                _ => theme::MERGED,
            };
            Bar::new(place(at), *value).width(0.7).fill(color)
        });
        let bars: Vec<Bar> = bars.collect();
        let number = |x: f64| at(known, x, 0.01).map_or_else(String::new, |(n, _)| n.to_string());
        // A limit far above the bars would make them too small to see.
        let highest = known.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let most = self.most.filter(|(_, most)| (0.0..=highest * 3.0).contains(most));
        let numbers = known.len();
        let plot = Plot::new(self.name)
            .height(110.0)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .show_grid([false, true])
            .include_y(0.0)
            .y_grid_spacer(few_marks)
            .custom_y_axes(vec![labelled(AxisHints::new_y(), said).min_thickness(56.0)])
            .x_grid_spacer(move |_| {
                let mark = |at| GridMark { value: place(at), step_size: 1.0 };
                (0..numbers).map(mark).collect()
            })
            .custom_x_axes(vec![labelled(AxisHints::new_x(), number)])
            .label_formatter(|hover| {
                let (HoverPosition::NearDataPoint { position, .. }
                | HoverPosition::Elsewhere { position }) = hover;
                let (agents, value) = at(known, position.x, 0.5)?;
                Some(format!("{}: {}", count(agents as usize, "agent", "agents"), said(value)))
            });
        let shown = plot.show(ui, |plot| {
            plot.bar_chart(BarChart::new(self.name, bars));
            if let Some((name, most)) = most {
                plot.hline(HLine::new(name, most).color(bad).style(LineStyle::dashed_loose()));
            }
            plot.response().clicked().then(|| plot.pointer_coordinate()).flatten()
        });
        shown
            .response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, self.name));
        if let Some((name, most)) = self.most {
            let above = known.iter().filter(|(_, value)| *value > most).count();
            let text = match above {
                0 => format!("All are within the {name}"),
                _ if above == numbers => format!("None is within the {name}"),
                _ => format!("Those in red are beyond the {name}"),
            };
            ui.label(egui::RichText::new(text).weak());
        }
        shown.inner.and_then(|clicked| at(known, clicked.x, 0.5)).map(|(agents, _)| agents)
    }
}

#[expect(clippy::cast_precision_loss, reason = "plots show a few digits")]
fn seconds(secs: i64) -> f64 {
    secs.max(0) as f64
}

/// What is drawn at `x`.
fn at(known: &[(u32, f64)], x: f64, within: f64) -> Option<(u32, f64)> {
    known.iter().enumerate().find(|(at, _)| (place(*at) - x).abs() < within).map(|(_, of)| *of)
}

fn place(at: usize) -> f64 {
    f64::from(u32::try_from(at).unwrap_or_default())
}

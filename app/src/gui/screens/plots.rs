//! How a render went: its progress and its speed over time.

use egui_plot::{HoverPosition, Line, Plot, PlotPoints};

use crate::gui::running::Running;
use crate::gui::theme;
use crate::gui::track::Moment;
use crate::text::duration;

/// Draws both, once there is a line to draw.
pub(super) fn plots_ui(ui: &mut egui::Ui, render: &Running) {
    let moments = render.track.moments();
    if moments.len() < 2 {
        return;
    }
    egui::CollapsingHeader::new("Over time").default_open(true).show(ui, |ui| {
        plot_ui(ui, "Rendered", "%", moments, |moment| moment.done * 100.0);
        plot_ui(ui, "Speed", "samples/s", moments, |moment| moment.samples_per_sec);
    });
    ui.add_space(theme::GAP);
}

fn plot_ui(
    ui: &mut egui::Ui,
    name: &str,
    unit: &'static str,
    moments: &[Moment],
    value: impl Fn(&Moment) -> f64,
) {
    let points: PlotPoints<'_> =
        moments.iter().map(|moment| [moment.secs, value(moment)]).collect();
    ui.label(egui::RichText::new(format!("{name}, {unit}")).weak());
    let plot = Plot::new(name)
        .height(84.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .include_x(0.0)
        .include_y(0.0)
        .show_grid([false, true])
        .y_axis_min_width(34.0)
        .x_axis_formatter(|mark, _| duration(mark.value))
        .label_formatter(move |at| match at {
            HoverPosition::NearDataPoint { position, .. } => {
                Some(format!("{}: {:.1} {unit}", duration(position.x), position.y))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    let shown = plot.show(ui, |plot| plot.line(Line::new(name, points).color(theme::ACCENT)));
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
}

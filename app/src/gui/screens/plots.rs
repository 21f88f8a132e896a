//! How a render went: its progress, its speed and what it cost over time.

use egui_plot::{
    AxisHints, GridInput, GridMark, HLine, HoverPosition, Line, LineStyle, Plot, PlotPoints,
};

use crate::gui::running::Running;
use crate::gui::theme;
use crate::gui::track::Moment;
use crate::text::{dollars, duration, usd_of};

/// Draws them, once there is a line to draw.
pub(super) fn plots_ui(ui: &mut egui::Ui, render: &Running) {
    let moments = render.track.moments();
    let Some(last) = moments.last().filter(|_| moments.len() > 1) else { return };
    egui::CollapsingHeader::new("Over time").default_open(true).show(ui, |ui| {
        let percent = |value: f64| format!("{value:.0} %");
        let speed = |value: f64| format!("{value:.1}");
        let done = Curve { name: "Rendered", most: None, said: percent };
        done.show(ui, moments, |moment| moment.done * 100.0);
        let speed = Curve { name: "Speed, samples/s", most: None, said: speed };
        speed.show(ui, moments, |moment| moment.samples_per_sec);
        if last.spent_usd > 0.0 {
            let limits = render.progress.as_ref().map(|progress| progress.limits);
            let budget = limits.and_then(|limits| limits.budget_usd_micros).map(dollars);
            let name = if budget.is_some() { "Cost, and the budget" } else { "Cost" };
            let cost = Curve { name, most: budget, said: usd_of };
            cost.show(ui, moments, |moment| moment.spent_usd);
        }
    });
    ui.add_space(theme::GAP);
}

/// Something over time.
struct Curve {
    name: &'static str,
    /// A line that it is not to cross.
    most: Option<f64>,
    said: fn(f64) -> String,
}

impl Curve {
    fn show(&self, ui: &mut egui::Ui, moments: &[Moment], value: impl Fn(&Moment) -> f64) {
        let said = self.said;
        let points: PlotPoints<'_> =
            moments.iter().map(|moment| [moment.secs, value(moment)]).collect();
        ui.label(egui::RichText::new(self.name).weak());
        let plot = Plot::new(self.name)
            .height(84.0)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .include_x(0.0)
            .include_y(0.0)
            .show_grid([false, true])
            .x_grid_spacer(few_marks)
            .y_grid_spacer(few_marks)
            .custom_x_axes(vec![labelled(AxisHints::new_x(), duration)])
            .custom_y_axes(vec![labelled(AxisHints::new_y(), said).min_thickness(44.0)])
            .label_formatter(move |at| match at {
                HoverPosition::NearDataPoint { position, .. } => {
                    Some(format!("{}: {}", duration(position.x), said(position.y)))
                }
                HoverPosition::Elsewhere { .. } => None,
            });
        let bad = theme::signals(ui.visuals()).bad;
        let shown = plot.show(ui, |plot| {
            plot.line(Line::new(self.name, points).color(theme::ACCENT));
            if let Some(most) = self.most {
                plot.hline(HLine::new("most", most).color(bad).style(LineStyle::dashed_loose()));
            }
        });
        shown
            .response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, self.name));
    }
}

/// An axis whose every mark says what it stands for; the marks are few.
pub(super) fn labelled<'a>(
    axis: AxisHints<'a>,
    said: impl Fn(f64) -> String + 'a,
) -> AxisHints<'a> {
    axis.formatter(move |mark, _| said(mark.value)).label_spacing(8.0..=12.0)
}

/// Two to four marks of round figures, far enough from each other to be labelled.
#[expect(clippy::needless_pass_by_value, reason = "plots give it so")]
pub(super) fn few_marks(input: GridInput) -> Vec<GridMark> {
    let (from, to) = input.bounds;
    let rough = (to - from) / 1.5;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|of| of * power).into_iter().rfind(|step| *step <= rough);
    let step = step.unwrap_or(power);
    let first = (from / step).ceil();
    let marks = (0..8_u8).map(|at| (first + f64::from(at)) * step);
    marks.take_while(|at| *at <= to).map(|value| GridMark { value, step_size: step }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_round() {
        let marks = |from: f64, to: f64| {
            let marks = few_marks(GridInput { bounds: (from, to), base_step_size: 1.0 });
            marks.iter().map(|mark| mark.value).collect::<Vec<_>>()
        };
        assert_eq!(marks(0.0, 47.0), [0.0, 20.0, 40.0]);
        assert_eq!(marks(-3.0, 105.0), [0.0, 50.0, 100.0]);
        assert_eq!(marks(0.0, 1e6), [0.0, 500_000.0, 1e6]);
        assert!(marks(0.0, 0.0).is_empty() && marks(0.0, f64::NAN).is_empty());
        for most in 1..500 {
            assert!((2..=4).contains(&marks(0.0, f64::from(most) / 7.0).len()), "{most}");
        }
    }
}

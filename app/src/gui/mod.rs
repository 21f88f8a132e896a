//! The window: draws [`state::State`] and sends [`command::Command`]s. It never waits, reads no
//! file, and decides nothing.

pub mod app;
pub mod choice;
pub mod command;
pub mod event;
pub mod fetched;
pub mod fonts;
mod grant;
pub mod icons;
pub mod keys;
pub mod linear;
pub mod noise;
pub mod places;
pub mod queue;
pub mod redraft;
pub mod running;
pub mod screens;
pub mod shown;
pub mod state;
pub mod strip;
pub mod theme;
pub mod thumbs;
pub mod track;
mod whereabouts;
pub mod widgets;
pub mod wish;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::background;
use crate::settings::{self, Settings};
use crate::workflow::handoff::door::Claim;
use crate::workflow::problem::Problem;

/// Opens the window and waits until it is closed. `scene` is opened in it. The display is that of
/// [`check_display`].
pub fn run(data_dir: Option<&Path>, claim: Claim, scene: Option<PathBuf>) -> Result<(), Problem> {
    let context: Arc<OnceLock<egui::Context>> = Arc::default();
    let waker = context.clone();
    let wake = move || {
        if let Some(context) = waker.get() {
            context.request_repaint();
        }
    };
    let settings = Settings::load(&settings::path(data_dir));
    let background = background::start(data_dir, claim, wake)?;
    let viewport = egui::ViewportBuilder::default()
        .with_title("BlendNet")
        .with_app_id("blendnet")
        .with_inner_size([1180.0, 760.0])
        .with_min_inner_size([640.0, 420.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let begin: eframe::AppCreator<'_> = Box::new(move |creation| {
        drop(context.set(creation.egui_ctx.clone()));
        whereabouts::write_down(&creation.egui_ctx);
        let mut app = app::App::new(settings, background.commands, background.events);
        app.begin(&creation.egui_ctx, scene);
        Ok(Box::new(app))
    });
    eframe::run_native("blendnet", options, begin).map_err(|e| no_window(&e))
}

/// Whether there is a display to try.
#[cfg(target_os = "linux")]
pub fn check_display() -> Result<(), Problem> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(is_set) {
        return Ok(());
    }
    let problem = Problem::input("there is no display for the window");
    Err(problem.hint("set DISPLAY or WAYLAND_DISPLAY, or use the commands of `blendnet --help`"))
}

#[cfg(not(target_os = "linux"))]
pub fn check_display() -> Result<(), Problem> {
    Ok(())
}

fn no_window(error: &eframe::Error) -> Problem {
    let hint = "the window needs a display that answers, and OpenGL 2.1 or newer; all of it can be \
                done without a window too, see `blendnet --help`";
    Problem::input("the window can't be opened").hint(hint).details(vec![error.to_string()])
}

#[cfg(test)]
mod tests;

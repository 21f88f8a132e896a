//! Writes down where everything in the window is, as a screen reader is told it, for tests that have a
//! real mouse.
//!
//! In debug builds `BLENDNET_WHEREABOUTS=FILE` has a line for everything in the window as it was drawn
//! last: an object with `role`, `name`, `enabled`, and `at`, from left, top to right, bottom in points.
//! Release builds know nothing of this.

/// Begins to write, if it is wanted.
pub(super) fn write_down(context: &egui::Context) {
    #[cfg(debug_assertions)]
    if let Some(path) = std::env::var_os("BLENDNET_WHEREABOUTS") {
        context.enable_accesskit();
        context.add_plugin(written::Whereabouts::new(path.into()));
    }
    #[cfg(not(debug_assertions))]
    let _unused = context;
}

#[cfg(debug_assertions)]
mod written {
    use std::path::PathBuf;

    use egui::accesskit::Node;

    /// Writes whenever something moved.
    pub(super) struct Whereabouts {
        path: PathBuf,
        last: String,
    }

    impl Whereabouts {
        pub(super) fn new(path: PathBuf) -> Self {
            Self { path, last: String::new() }
        }
    }

    impl egui::Plugin for Whereabouts {
        fn debug_name(&self) -> &'static str {
            "whereabouts"
        }

        fn output_hook(&mut self, _context: &egui::Context, output: &mut egui::FullOutput) {
            let Some(update) = &output.platform_output.accesskit_update else { return };
            let mut lines: Vec<String> =
                update.nodes.iter().filter_map(|(_, node)| line(node)).collect();
            lines.sort();
            let lines = lines.concat();
            if lines == self.last {
                return;
            }
            // Whoever reads it sees all or nothing of it.
            let new = self.path.with_extension("new");
            let written =
                fs_err::write(&new, &lines).and_then(|()| fs_err::rename(&new, &self.path));
            if let Err(error) = written {
                tracing::debug!("{error}");
            }
            self.last = lines;
        }
    }

    fn line(node: &Node) -> Option<String> {
        let name = node.label().or(node.value()).or(node.placeholder())?;
        let place = node.bounds()?;
        let line = serde_json::json!({
            "role": format!("{:?}", node.role()),
            "name": name,
            "enabled": !node.is_disabled(),
            "at": [place.x0, place.y0, place.x1, place.y1],
        });
        Some(format!("{line}\n"))
    }
}

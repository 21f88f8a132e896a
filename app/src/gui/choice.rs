//! What the artist wants of a scene: the fields of the form, and the order that they make.

use std::path::{Path, PathBuf};

use blendnet_pack::inspect::{Inspection, Scene};
use blendnet_pack::trace::slashed;
use blendnet_protocol::{FrameSet, JobLimits, Overrides, SplitChoice};

use super::command::Order;
use crate::limits;
use crate::settings::Settings;
use crate::workflow::add_ons::AddOn;
use crate::workflow::handoff::Handoff;
use crate::workflow::launch::{StartOptions, processor_count};
use crate::workflow::problem::Problem;
use crate::workflow::scene_files::Moved;
use crate::workflow::submit::Request;

/// Most samples that Cycles takes.
pub const MOST_SAMPLES: u32 = 1 << 24;

/// Fields of the form. Empty ones mean: as in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Name of the scene.
    pub scene: Option<String>,
    /// As `--frames` takes them.
    pub frames: String,
    /// Samples of a frame; empty: the scene's.
    pub samples: String,
    /// Name of the camera; empty: the scene's.
    pub camera: String,
    /// View layers that are rendered; empty: as in the scene.
    pub view_layers: Vec<String>,
    /// Noise at which a frame is clean enough; empty: all its samples are rendered.
    pub noise: String,
    /// When it must be done, as `--deadline` takes it; empty: whenever.
    pub deadline: String,
    /// Most that it may cost, in dollars; empty: whatever.
    pub budget: String,
    /// Folder of the pictures.
    pub output: String,
    /// Render although files are missing.
    pub allow_missing: bool,
    /// Where files and folders are that are not where the .blend says.
    pub moved: Moved,
    /// Add-ons that go along, as `--add-on` takes them, with commas between.
    pub add_ons: String,
    /// Those that are meant, as far as [`Choice::find_add_ons`] found them.
    add_ons_found: Vec<AddOn>,
    /// Why one is none.
    pub add_ons_wrong: Option<String>,
}

impl Choice {
    /// Nothing chosen yet, but where pictures go: beside the .blend, or into a folder of its name
    /// where the settings say.
    pub fn of(blend: &Path, settings: &Settings) -> Self {
        let folder = match settings.output.trim() {
            "" => blend.parent().unwrap_or(Path::new(".")).join("render"),
            all => Path::new(all).join(blend.file_stem().unwrap_or_default()),
        };
        Self { output: folder.display().to_string(), ..Self::default() }
    }

    /// As it is in the Blender that handed the scene over.
    pub fn of_handoff(handoff: &Handoff) -> Self {
        let said = &handoff.said;
        Self {
            scene: said.scene.clone(),
            frames: handoff.frames(),
            camera: said.camera.clone().unwrap_or_default(),
            view_layers: said.view_layers.clone(),
            output: handoff.output().display().to_string(),
            ..Self::default()
        }
    }

    /// Looks for the add-ons that are meant. Reads folders, so only when others are meant.
    pub fn find_add_ons(&mut self) {
        let given = self.add_ons.split(',').map(str::trim).filter(|given| !given.is_empty());
        (self.add_ons_found, self.add_ons_wrong) =
            match given.map(AddOn::find).collect::<Result<_, Problem>>() {
                Ok(found) => (found, None),
                Err(problem) => (Vec::new(), Some(problem.message)),
            };
    }

    /// Fills in what the file says, and forgets names that it does not have.
    pub fn settle(&mut self, found: &Inspection) {
        if !found.scenes.iter().any(|scene| Some(&scene.name) == self.scene.as_ref()) {
            self.scene = None;
        }
        let Some(scene) = self.scene(found) else { return };
        let layers: Vec<&str> = scene.view_layers.iter().map(|layer| layer.name.as_str()).collect();
        self.view_layers.retain(|layer| layers.contains(&layer.as_str()));
        if self.frames.is_empty() {
            self.frames = scene.frame_current.to_string();
        }
    }

    /// The scene that will be rendered.
    pub fn scene<'i>(&self, found: &'i Inspection) -> Option<&'i Scene> {
        let wanted = self.scene.as_ref().or(found.active_scene.as_ref());
        let named = found.scenes.iter().find(|scene| Some(&scene.name) == wanted);
        named.or(found.scenes.first())
    }

    /// The frames of the whole animation, as `--frames` takes them.
    pub fn animation(scene: &Scene) -> String {
        let (from, to) = (scene.frame_start, scene.frame_end);
        match (scene.frame_count(), scene.frame_step) {
            (..=1, _) => from.to_string(),
            (_, 1) => format!("{from}-{to}"),
            (_, step) => format!("{from}-{to}:{step}"),
        }
    }

    /// Notes where a missing file is. Others that lay in its folder are looked for beside it.
    pub fn found(&mut self, missing: &Path, file: &Path) {
        let missing = slashed(missing);
        self.moved.insert(missing.clone(), file.to_owned());
        let folders = missing.parent().zip(file.parent());
        if let Some((from, to)) = folders.filter(|_| missing.file_name() == file.file_name()) {
            self.moved.insert(from.to_owned(), to.to_owned());
        }
    }

    /// Notes where all of some missing files are: in a folder, or beside one of them.
    pub fn found_in(&mut self, missing: &[PathBuf], path: &Path) {
        let is_it = |file: &&PathBuf| slashed(file).file_name() == path.file_name();
        if let Some(one) = missing.iter().find(is_it) {
            return self.found(one, path);
        }
        for file in missing {
            if let Some(name) = slashed(file).file_name() {
                self.found(file, &path.join(name));
            }
        }
    }

    /// The frames, if what is written are frames.
    pub fn frame_set(&self) -> Result<FrameSet, String> {
        self.frames.trim().parse().map_err(|e: blendnet_protocol::FrameSetError| e.to_string())
    }

    /// The samples, if a number is written.
    pub fn sample_count(&self) -> Result<Option<u32>, String> {
        let written = self.samples.trim();
        if written.is_empty() {
            return Ok(None);
        }
        let in_range = |samples: &u32| (1..=MOST_SAMPLES).contains(samples);
        let samples = written.parse().ok().filter(in_range);
        samples.map(Some).ok_or_else(|| format!("samples are a number from 1 to {MOST_SAMPLES}"))
    }

    /// The limits, if all that is written are some.
    pub fn limits(&self, settings: &Settings) -> Result<JobLimits, String> {
        let limits = limits::written(&self.noise, &self.deadline, &self.budget)?;
        match limits.budget_usd_micros {
            Some(_) if settings.usd_micros_per_hour == 0 => {
                Err("budget: say in the settings what an hour of an agent costs".to_owned())
            }
            _ => Ok(limits),
        }
    }

    /// What to render, or why it can't be: the first wrong field, in a sentence.
    pub fn order(&self, blend: &Path, settings: &Settings) -> Result<Order, String> {
        let frames = self.frame_set()?;
        let samples = self.sample_count()?;
        let limits = self.limits(settings)?;
        let output = self.output.trim();
        if output.is_empty() {
            return Err("name a folder for the pictures".to_owned());
        }
        let camera = self.camera.trim();
        if let Some(why) = &self.add_ons_wrong {
            return Err(why.clone());
        }
        let request = Request {
            blend: blend.to_owned(),
            output: PathBuf::from(output),
            overrides: Overrides {
                scene: self.scene.clone(),
                camera: (!camera.is_empty()).then(|| camera.to_owned()),
                view_layers: self.view_layers.clone(),
                samples,
                seed: None,
                compositor: None,
                add_ons: Vec::new(),
            },
            add_ons: self.add_ons_found.clone(),
            frames: Some(frames),
            split: SplitChoice::Auto,
            priority: 0,
            limits,
            max_agents: Some(agents(settings)),
            allow_missing: self.allow_missing,
            moved: self.moved.clone(),
            estimated_secs: None,
        };
        Ok(Order { request, start: start_options(settings) })
    }
}

/// Agents to launch.
fn agents(settings: &Settings) -> u32 {
    match settings.agents {
        0 => processor_count().min(2),
        agents => agents,
    }
}

/// The farm, as the settings want it.
pub fn start_options(settings: &Settings) -> StartOptions {
    let blender = settings.blender.trim();
    StartOptions {
        agents: agents(settings),
        threads_per_agent: Some(settings.threads_per_agent).filter(|threads| *threads > 0),
        blenders: (!blender.is_empty()).then(|| PathBuf::from(blender)).into_iter().collect(),
        provider: settings.other_lender().map(str::to_owned),
        provider_settings: settings.told(&settings.lender),
        idle: None,
        usd_micros_per_hour: Some(settings.usd_micros_per_hour).filter(|micros| *micros > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(frames: &str, samples: &str) -> Choice {
        Choice {
            frames: frames.to_owned(),
            samples: samples.to_owned(),
            ..Choice::of(Path::new("/shots/a.blend"), &Settings::default())
        }
    }

    #[test]
    fn an_untouched_form_renders_the_scene_as_it_is() {
        let order = choice("7", "").order(Path::new("/shots/a.blend"), &Settings::default());
        let request = order.unwrap().request;
        assert_eq!(request.overrides, Overrides::default());
        assert_eq!(request.frames.unwrap().frames(), [7]);
        assert_eq!(request.output, Path::new("/shots/render"));
    }

    #[test]
    fn add_ons_go_along_or_say_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let snow = folder.path().join("snow.py");
        fs_err::write(&snow, "").unwrap();
        let ordered = |typed: String| {
            let mut choice = Choice { add_ons: typed, ..choice("1", "") };
            choice.find_add_ons();
            choice.order(Path::new("/shots/a.blend"), &Settings::default())
        };
        let names = |typed| {
            let add_ons = ordered(typed).unwrap().request.add_ons;
            add_ons.into_iter().map(|add_on| add_on.name).collect::<Vec<_>>()
        };
        assert_eq!(names(format!(" {}, rain,", snow.display())), ["snow", "rain"]);
        assert!(ordered("snow, no/where".to_owned()).unwrap_err().contains("no/where"));
    }

    #[test]
    fn what_lay_beside_a_found_file_is_looked_for_beside_it() {
        let mut same_name = choice("1", "");
        same_name.found(Path::new("/old/tex/a.png"), Path::new("/new/a.png"));
        assert_eq!(same_name.moved[Path::new("/old/tex")], Path::new("/new"));
        let mut windows = choice("1", "");
        windows.found(Path::new("C:\\tex\\a.png"), Path::new("/new/a.png"));
        assert_eq!(windows.moved[Path::new("C:/tex")], Path::new("/new"));
        let mut other_name = choice("1", "");
        other_name.found(Path::new("/old/tex/a.png"), Path::new("/new/b.png"));
        assert_eq!(other_name.moved.len(), 1);
    }

    #[test]
    fn a_folder_or_a_file_that_is_typed_in_says_where_the_missing_ones_are() {
        let missing = ["/old/tex/a.png", "C:\\tex\\b.png"].map(PathBuf::from);
        let mut folder = choice("1", "");
        folder.found_in(&missing, Path::new("/new"));
        assert_eq!(folder.moved[Path::new("/old/tex/a.png")], Path::new("/new/a.png"));
        assert_eq!(folder.moved[Path::new("C:/tex/b.png")], Path::new("/new/b.png"));
        let mut file = choice("1", "");
        file.found_in(&missing, Path::new("/new/a.png"));
        assert_eq!(file.moved[Path::new("/old/tex")], Path::new("/new"));
        assert!(!file.moved.contains_key(Path::new("C:/tex/b.png")));
    }

    #[test]
    fn another_lender_is_told_what_it_was_set_to_and_this_computer_nothing() {
        let mut settings = Settings::default();
        let told = [("partition".to_owned(), "night".to_owned())];
        settings.lenders.insert("slurm".to_owned(), told.into());
        assert_eq!(start_options(&settings).provider, None);
        assert!(start_options(&settings).provider_settings.is_empty());
        settings.lender = "slurm".to_owned();
        let start = start_options(&settings);
        assert_eq!(start.provider.as_deref(), Some("slurm"));
        assert_eq!(start.provider_settings, ["partition=night"]);
    }

    #[test]
    fn a_budget_is_kept_where_agents_have_a_price() {
        let blend = Path::new("/shots/a.blend");
        let limited = Choice { budget: "$1.50".to_owned(), ..choice("1", "") };
        let refused = limited.order(blend, &Settings::default()).unwrap_err();
        assert!(refused.contains("what an hour of an agent costs"), "{refused}");
        let priced = Settings { usd_micros_per_hour: 500_000, ..Settings::default() };
        let order = limited.order(blend, &priced).unwrap();
        assert_eq!(order.request.limits.budget_usd_micros, Some(1_500_000));
        assert_eq!(order.start.usd_micros_per_hour, Some(500_000));
        let nothing = Choice { budget: "0".to_owned(), ..choice("1", "") };
        assert!(nothing.order(blend, &priced).is_err());
    }

    #[test]
    fn wrong_fields_are_told_and_not_rendered() {
        let blend = Path::new("/shots/a.blend");
        for (frames, samples) in [("", ""), ("x", ""), ("5-1", ""), ("1", "0"), ("1", "a lot")] {
            let refused = choice(frames, samples).order(blend, &Settings::default());
            assert!(refused.is_err(), "{frames:?} {samples:?}");
        }
        let nowhere = Choice { output: " ".to_owned(), ..choice("1", "") };
        assert!(nowhere.order(blend, &Settings::default()).is_err());
    }
}

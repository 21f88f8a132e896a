//! The render that runs, or the last one, as its steps tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use blendnet_protocol::{FrameSet, FrameState, JobId, JobState};

use super::redraft::Redraft;
use super::strip::{Stretch, stretches};
use super::track::{Moment, Track};
use crate::text::{count, dollars, duration, percent};
use crate::workflow::event::{Event as Step, ProgressReport, SceneSummary, Summary, Upload};
use crate::workflow::problem::{Problem, ProblemKind};

/// Where a render is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The farm starts, or is reached.
    Starting,
    /// Files are sent.
    Uploading(Upload),
    /// Blender looks into the scene.
    Inspecting,
    /// Agents render.
    Rendering,
    /// The artist stopped it; agents finish what they can't throw away.
    Stopping,
    /// All pictures are there.
    Done(Box<Summary>),
    /// It ended before.
    Ended(Problem),
}

impl Phase {
    /// Whether it is an end that the artist did not make.
    pub fn wants_attention(&self) -> bool {
        match self {
            Self::Done(_) => true,
            Self::Ended(problem) => problem.kind != ProblemKind::Interrupted,
            _ => false,
        }
    }
}

/// A frame, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameRow {
    /// Its number.
    pub frame: i32,
    /// Where it is.
    pub state: FrameState,
    /// 0 to 1.
    pub done: f64,
    /// Its files, when it is complete: the lossless one first.
    pub files: Vec<PathBuf>,
    /// Why it failed, and Blender's last lines.
    pub failure: Option<(String, Vec<String>)>,
}

impl FrameRow {
    /// Its picture that can be shown: the scene's own output, or the lossless one.
    pub fn picture(&self) -> Option<&Path> {
        let mut files = self.files.iter().skip(1).chain(self.files.first());
        files.find(|path| can_be_shown(path)).map(PathBuf::as_path)
    }
}

/// A render.
#[derive(Debug)]
pub struct Running {
    /// Names it among the renders of this window.
    pub key: u64,
    /// The .blend's name.
    pub name: String,
    /// Folder of the pictures.
    pub output: PathBuf,
    /// Its id on the farm.
    pub job: Option<JobId>,
    /// The farm keeps the job, to go on with: one that can't run is taken back before.
    pub is_kept: bool,
    /// Where it is.
    pub phase: Phase,
    /// What is rendered.
    pub scene: Option<SceneSummary>,
    /// How far it is.
    pub progress: Option<ProgressReport>,
    /// Frames that were begun, in order: lists draw rows of them by their place.
    pub frames: Vec<FrameRow>,
    /// What to know, oldest first.
    pub warnings: Vec<String>,
    /// The frame that is looked at; `None`: the one in work.
    pub looked_at: Option<i32>,
    /// Frames a second of the film.
    pub fps: f64,
    /// All frame numbers, in order; empty until they are known.
    numbers: Vec<i32>,
    /// What is drawn of the frames along the time, and how many have a picture: found out when they
    /// changed, not for each drawing.
    strip: Vec<Stretch>,
    finished: usize,
    /// Both are of frames as they were.
    stale: bool,
    /// The newest picture.
    pub newest: Option<PathBuf>,
    /// Of which frame it is.
    pub newest_frame: Option<i32>,
    /// How it went over time.
    pub track: Track,
    /// Its limits, while they are written anew.
    pub redraft: Option<Redraft>,
    /// The artist wants nothing of it kept.
    pub discarded: bool,
}

impl Running {
    /// A render that was just asked for.
    pub fn new(name: String, output: PathBuf) -> Self {
        Self {
            key: 0,
            name,
            output,
            job: None,
            is_kept: false,
            phase: Phase::Starting,
            scene: None,
            progress: None,
            frames: Vec::new(),
            warnings: Vec::new(),
            looked_at: None,
            fps: 24.0,
            numbers: Vec::new(),
            strip: Vec::new(),
            finished: 0,
            stale: false,
            newest: None,
            newest_frame: None,
            track: Track::default(),
            redraft: None,
            discarded: false,
        }
    }

    /// The same render as it begins again, with what is known of it.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            job: self.job.clone(),
            is_kept: self.is_kept,
            scene: self.scene.clone(),
            frames: self.frames.clone(),
            fps: self.fps,
            numbers: self.numbers.clone(),
            strip: self.strip.clone(),
            finished: self.finished,
            ..Self::new(self.name.clone(), self.output.clone())
        }
    }

    /// Whether it is not at its end.
    pub fn is_going(&self) -> bool {
        !matches!(self.phase, Phase::Done(_) | Phase::Ended(_))
    }

    /// Notes that the artist stopped it.
    pub fn stop(&mut self) {
        if self.is_going() {
            self.phase = Phase::Stopping;
        }
    }

    /// How it is, in a few words.
    pub fn said(&self) -> String {
        let waits = |progress: &ProgressReport| progress.state == JobState::Queued;
        match &self.phase {
            _ if self.discarded => "is deleted".to_owned(),
            Phase::Starting => "starts".to_owned(),
            Phase::Uploading(_) => "sends files".to_owned(),
            Phase::Inspecting => "is opened".to_owned(),
            Phase::Rendering if self.progress.as_ref().is_some_and(waits) => "waits".to_owned(),
            Phase::Rendering => percent(self.done()),
            Phase::Stopping => "stops".to_owned(),
            Phase::Done(_) => "done".to_owned(),
            Phase::Ended(problem) if problem.kind == ProblemKind::Interrupted => {
                format!("stopped at {}", percent(self.done()))
            }
            Phase::Ended(_) => "failed".to_owned(),
        }
    }

    /// Its end for somebody who looks elsewhere: a title and a sentence.
    pub fn told(&self) -> (String, String) {
        match &self.phase {
            Phase::Done(summary) => {
                let frames = count(summary.frames_done, "frame", "frames");
                let took = duration(summary.render_secs);
                (format!("{} is rendered", self.name), format!("{frames} in {took}"))
            }
            Phase::Ended(problem) => {
                (format!("{} is not finished", self.name), problem.message.clone())
            }
            _ => (self.name.clone(), self.said()),
        }
    }

    /// 0 to 1.
    pub fn done(&self) -> f64 {
        match &self.phase {
            Phase::Done(_) => 1.0,
            _ => self.progress.as_ref().map_or(0.0, |progress| progress.done),
        }
    }

    /// Takes in a step. Gives a picture to show.
    pub fn take(&mut self, step: Step) -> Option<PathBuf> {
        self.stale |= matches!(step, Step::Scene(_) | Step::Progress(_) | Step::Frame(_));
        match step {
            Step::Upload(upload) => self.enter(Phase::Uploading(upload)),
            Step::Job(taken) => {
                self.job = Some(taken.job);
                self.name = taken.name;
                self.output = taken.output;
                self.enter(Phase::Inspecting);
            }
            Step::Scene(scene) => {
                let numbers = scene.frames.parse::<FrameSet>();
                self.numbers = numbers.map(|set| set.frames().to_vec()).unwrap_or_default();
                self.scene = Some(*scene);
                self.is_kept = true;
                self.enter(Phase::Rendering);
            }
            Step::Progress(progress) => {
                self.is_kept = true;
                self.progress(*progress);
            }
            Step::Preview(preview) => return self.newest(preview.path, Some(preview.frame)),
            Step::Frame(ended) => {
                self.is_kept = true;
                let failure = ended.failure.map(|failure| (failure, ended.last_lines));
                let done = if failure.is_none() { 1.0 } else { 0.0 };
                let (frame, state, files) = (ended.frame, ended.state, ended.files);
                self.know(FrameRow { frame, state, done, files, failure });
                // While others are rendered, the finished picture is what can be looked at.
                return self.picture(frame).and_then(|picture| self.newest(picture, Some(frame)));
            }
            Step::Warning(warning) => self.warnings.push(warning.message),
            // What it ends with comes once more, with the end.
            Step::Farm(_) | Step::Done(_) => {}
        }
        None
    }

    /// Finds out what is drawn of all frames together, if they changed.
    pub fn count_frames(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.strip = stretches(&self.numbers, &self.frames);
            self.finished = self.frames.iter().filter(|row| row.picture().is_some()).count();
        }
    }

    /// Notes a picture, and gives it if it is to be shown.
    fn newest(&mut self, picture: PathBuf, frame: Option<i32>) -> Option<PathBuf> {
        self.newest = Some(picture);
        self.newest_frame = frame;
        self.newest.clone().filter(|_| self.looked_at.is_none())
    }

    /// The picture to show when this render is looked at.
    pub fn to_show(&self) -> Option<PathBuf> {
        self.looked_at.and_then(|frame| self.picture(frame)).or_else(|| self.newest.clone())
    }

    /// Takes in its end. Gives a picture to show.
    pub fn end(&mut self, ended: Result<Box<Summary>, Problem>) -> Option<PathBuf> {
        match ended {
            Ok(summary) => {
                let picture = summary.pictures.iter().rfind(|path| can_be_shown(path)).cloned();
                self.phase = Phase::Done(summary);
                picture.and_then(|picture| self.newest(picture, None))
            }
            Err(problem) => {
                self.phase = Phase::Ended(problem);
                None
            }
        }
    }

    /// The picture of a finished frame that can be shown.
    pub fn picture(&self, frame: i32) -> Option<PathBuf> {
        self.frames.get(self.place(frame).ok()?)?.picture().map(Path::to_owned)
    }

    /// The finished frame before or after the one that is looked at.
    pub fn neighbour(&self, later: bool) -> Option<i32> {
        let rows = self.frames.iter().filter(|row| row.picture().is_some());
        let mut shown = rows.map(|row| row.frame);
        match (later, self.looked_at) {
            (true, Some(now)) => shown.find(|frame| *frame > now),
            (true, None) => None,
            (false, Some(now)) => shown.rfind(|frame| *frame < now),
            (false, None) => shown.next_back(),
        }
    }

    /// All frame numbers, in order.
    pub fn numbers(&self) -> &[i32] {
        &self.numbers
    }

    /// How many frames have a picture that can be shown.
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// The frames along the time, where they look the same.
    pub fn strip(&self) -> &[Stretch] {
        &self.strip
    }

    /// Finished frames that are played after the one that is looked at; behind the last one comes the
    /// first.
    pub fn next_played(&self, count: usize) -> Vec<(i32, PathBuf)> {
        let finished = || self.frames.iter().filter_map(|row| Some((row.frame, row.picture()?)));
        let now = self.looked_at.unwrap_or(i32::MAX);
        let after = finished().filter(|(frame, _)| *frame > now);
        let next = after.chain(finished().filter(|(frame, _)| *frame <= now)).take(count);
        next.map(|(frame, picture)| (frame, picture.to_owned())).collect()
    }

    /// The place of a frame's row, or where it belongs.
    fn place(&self, frame: i32) -> Result<usize, usize> {
        self.frames.binary_search_by_key(&frame, |row| row.frame)
    }

    fn know(&mut self, row: FrameRow) {
        match self.place(row.frame) {
            Ok(place) => {
                if let Some(known) = self.frames.get_mut(place) {
                    *known = row;
                }
            }
            Err(place) => self.frames.insert(place, row),
        }
    }

    /// A render that is stopped stays so, whatever is still on its way.
    fn enter(&mut self, phase: Phase) {
        if self.phase != Phase::Stopping {
            self.phase = phase;
        }
    }

    fn progress(&mut self, progress: ProgressReport) {
        self.enter(Phase::Rendering);
        let now: BTreeSet<&str> = progress.agents.iter().map(|agent| agent.id.as_str()).collect();
        let before = self.progress.iter().flat_map(|progress| &progress.agents);
        for gone in before.filter(|agent| !now.contains(agent.id.as_str())) {
            let id = &gone.id;
            self.warnings.push(format!("{id} ended; others render what it had not handed in"));
        }
        for frame in &progress.in_work {
            let (state, done) = (frame.state, frame.done);
            let frame = frame.frame;
            self.know(FrameRow { frame, state, done, files: Vec::new(), failure: None });
        }
        if progress.state == JobState::Running {
            self.track.add(Moment {
                secs: progress.elapsed_secs,
                done: progress.done,
                samples_per_sec: progress.samples_per_sec(),
                spent_usd: dollars(progress.spent_usd_micros),
            });
        }
        self.progress = Some(progress);
    }
}

/// Whether the window can draw a file of this ending.
pub fn can_be_shown(path: &std::path::Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    matches!(ending.as_deref(), Some("png" | "jpg" | "jpeg" | "tif" | "tiff" | "exr"))
}

/// Whether a picture is replaced by a better one every now and then.
pub fn is_preview(path: &std::path::Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_preview.png"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::event::{FrameEnded, PreviewSaved};

    fn ended(frame: i32, files: &[&str]) -> Step {
        Step::Frame(FrameEnded {
            frame,
            state: FrameState::Completed,
            files: files.iter().map(PathBuf::from).collect(),
            failure: None,
            last_lines: Vec::new(),
        })
    }

    fn preview() -> Step {
        Step::Preview(PreviewSaved { frame: 1, number: 1, path: "/preview.png".into() })
    }

    #[test]
    fn the_newest_picture_is_shown_unless_another_frame_is_looked_at() {
        let mut running = Running::new("a.blend".into(), "/out".into());
        assert_eq!(running.take(preview()), Some("/preview.png".into()));
        let files = ["/out/a0001.exr", "/out/a0001.png"];
        assert_eq!(running.take(ended(1, &files)), Some("/out/a0001.png".into()));
        running.looked_at = Some(1);
        assert_eq!(running.take(preview()), None);
    }

    #[test]
    fn arrows_go_over_finished_frames_only() {
        let mut running = Running::new("a.blend".into(), "/out".into());
        for frame in [1, 2, 5] {
            running.take(ended(frame, &["/a.exr", "/a.png"]));
        }
        running.take(ended(3, &["/only.mov"]));
        assert_eq!(running.neighbour(false), Some(5));
        running.looked_at = Some(5);
        assert_eq!((running.neighbour(false), running.neighbour(true)), (Some(2), None));
    }

    #[test]
    fn a_stopped_render_does_not_seem_to_go_on() {
        let mut running = Running::new("a.blend".into(), "/out".into());
        running.stop();
        running.take(Step::Upload(Upload::default()));
        assert_eq!(running.phase, Phase::Stopping);
        running.end(Err(Problem::farm("gone")));
        running.stop();
        assert!(!running.is_going());
    }
}

//! The window, driven by what a screen reader sees of it; without display or graphics chip.

mod farm;
mod limits;
mod noise;
mod queue;
mod snapshots;
mod timeline;
mod window;

use std::path::Path;
use std::sync::Arc;

use blendnet_protocol::{AgentState, FrameState, Region, Rendering};
use egui_kittest::kittest::Queryable;

use super::command::Command;
use super::event::{Event, Pass, Past, Picture};
use super::linear::Linear;
use super::state::Screen;
use crate::settings::{Settings, Theme};
use crate::workflow::event::{Event as Step, FrameEnded};
use crate::workflow::history::Entry;
use crate::workflow::problem::{Problem, ProblemKind};
use crate::workflow::records::Record;

use window::*;

#[test]
fn an_empty_window_says_what_to_do() {
    let window = Window::new();
    assert!(window.shows("Drop a .blend here"));
    assert!(!window.shows("Opened lately"));
}

#[test]
fn a_path_that_is_typed_in_opens_the_scene() {
    let mut window = Window::new();
    window.type_in("Path of a scene", "/shots/a b.blend");
    window.harness.key_press(egui::Key::Enter);
    window.harness.run_steps(2);
    assert_eq!(window.asked(), [Command::OpenScene("/shots/a b.blend".into())]);
    assert!(window.shows("Reading /shots/a b.blend"));
}

#[test]
fn scenes_that_were_opened_are_one_click_away() {
    let mut settings = Settings::default();
    settings.remember(Path::new("/shots/street.blend"));
    let mut window = Window::of_size(640.0, 420.0, 1.0, settings);
    window.click("street.blend");
    assert_eq!(window.asked(), [Command::OpenScene("/shots/street.blend".into())]);
}

#[test]
fn a_scene_shows_its_settings_and_the_files_that_it_needs() {
    let window = Window::new().with_demo();
    for text in ["demo.blend", "960 × 540 px", "Cycles, 72 samples", "Needs 2 files", "terrazzo"] {
        assert!(window.shows(text), "{text}");
    }
}

#[test]
fn a_broken_file_says_so_with_what_to_do() {
    let mut window = Window::new();
    window.harness.state_mut().state.open_scene("/a.blend".into());
    let problem = Problem::input("/a.blend is no .blend").hint("name another file");
    window.tell(Event::SceneRead("/a.blend".into(), Err(problem)));
    assert!(window.shows("/a.blend is no .blend") && window.shows("name another file"));
    assert!(window.harness.query_by_label("Render").is_some(), "only the screen's own tab");
}

#[test]
fn missing_files_stand_in_front_and_are_rendered_without_only_when_the_artist_says_so() {
    let (mut window, _) = Window::with_a_missing_file();
    assert!(window.shows("1 file is missing"));
    assert!(window.shows("files that the scene needs are missing"));
    window.asked();
    window.harness.key_press(egui::Key::F12);
    window.harness.run_steps(2);
    assert!(window.asked().is_empty(), "keys do no more than the button");
    window.click("Render without 1 missing file");
    window.harness.key_press(egui::Key::F12);
    window.harness.run_steps(2);
    let asked = window.asked();
    assert!(matches!(&asked[..], [Command::Render(_, order)] if order.request.allow_missing));
}

#[test]
fn a_missing_file_that_is_found_is_looked_for_there_with_its_neighbours() {
    let (mut window, missing) = Window::with_a_missing_file();
    window.asked();
    window.click("Find…");
    assert_eq!(window.asked(), [Command::Find(missing.clone())]);
    let file = Path::new("/elsewhere").join(missing.file_name().unwrap());
    window.tell(Event::Found { missing: missing.clone(), file: file.clone() });
    let moved = [(missing.parent().unwrap().to_owned(), "/elsewhere".into()), (missing, file)];
    assert_eq!(window.asked(), [Command::Trace(demo(), moved.into())]);
}

#[test]
fn missing_files_are_found_in_a_folder_that_is_typed_in() {
    let (mut window, missing) = Window::with_a_missing_file();
    window.type_in("Folder of missing files", "/elsewhere");
    window.press(egui::Key::Enter);
    let file = Path::new("/elsewhere").join(missing.file_name().unwrap());
    let moved = [(missing.parent().unwrap().to_owned(), "/elsewhere".into()), (missing, file)];
    assert_eq!(window.asked(), [Command::Trace(demo(), moved.into())]);
}

#[test]
fn what_is_typed_in_is_what_is_rendered() {
    let mut window = Window::new().with_demo();
    for (field, text) in [("Samples", "16"), ("Camera", "Close up")] {
        window.type_in(field, text);
    }
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.harness.run_steps(2);
    let asked = window.asked();
    let [Command::Render(_, order)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(order.request.overrides.samples, Some(16));
    assert_eq!(order.request.overrides.camera.as_deref(), Some("Close up"));
    assert_eq!(order.request.frames.as_ref().unwrap().frames(), [1]);
    assert!(window.shows("The farm starts"), "the window goes to the render");
}

#[test]
fn a_wrong_field_says_why_and_nothing_is_rendered() {
    let mut window = Window::new().with_demo();
    window.type_in("Samples", "many");
    assert!(window.shows("samples are a number from 1"));
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.harness.run_steps(2);
    assert!(window.asked().is_empty());
}

#[test]
fn a_render_shows_how_far_it_is_and_who_does_what() {
    let mut window = Window::new().rendering();
    assert!(window.shows("Blender opens the scene"));
    let lost = agent("agent-b", AgentState::Lost, None);
    window.step(progress(1, vec![agent("agent-a", AgentState::Online, None), lost]));
    for text in ["3 min 03 s", "1: 16 of 64 samples", "2 agents", "agent-a", "lost; its work"] {
        assert!(window.shows(text), "{text}");
    }
    window.click("Stop");
    assert_eq!(window.asked(), [Command::Stop(1)]);
    assert!(window.shows("what is rendered is kept"));
}

#[test]
fn an_agent_that_is_gone_is_told() {
    let mut window = Window::new().rendering();
    let agents = ["agent-a", "agent-b"].map(|name| agent(name, AgentState::Online, None));
    let [a, b] = agents;
    window.step(progress(1, vec![a.clone(), b]));
    window.step(progress(1, vec![a.clone()]));
    window.step(progress(1, vec![a]));
    assert!(window.shows("agent-b ended; others render what it had not handed in"));
    assert!(!window.shows("agent-a ended"));
}

#[test]
fn the_strip_tells_what_agents_render() {
    let mut window = Window::new().rendering();
    let region: Region = serde_json::from_str(r#"{"tile":[0,0,64,36],"samples":[16,32]}"#).unwrap();
    let rendering = Rendering { job: job(), frame: 1, region };
    window.step(progress(1, vec![agent("agent-a", AgentState::Online, Some(rendering))]));
    assert!(window.shows("Samples: merged and in work"));
}

#[test]
fn a_new_preview_is_loaded_and_the_pixel_under_the_pointer_is_told() {
    let mut window = Window::new().rendering();
    let preview = crate::workflow::event::PreviewSaved {
        frame: 1,
        number: 1,
        path: "/out/shot_preview.png".into(),
    };
    window.step(Step::Preview(preview));
    assert_eq!(window.asked(), [Command::LoadPicture("/out/shot_preview.png".into())]);
    window.tell(Event::Picture("/out/shot_preview.png".into(), Ok(picture())));
    assert!(window.shows("64 × 36 px"));
    let middle = window.place_of("Picture").center();
    window.harness.hover_at(middle);
    window.harness.run_steps(4);
    assert!(window.shows("R 9 G 8 B 7"));
}

#[test]
fn a_failed_frame_says_why_and_the_rest_can_be_rendered_again() {
    let mut window = Window::new().rendering();
    window.step(Step::Frame(FrameEnded {
        frame: 3,
        state: FrameState::Failed,
        files: Vec::new(),
        failure: Some("Blender crashed".into()),
        last_lines: vec!["Segmentation fault".into()],
    }));
    assert!(window.shows("Blender crashed"));
    let problem = Problem::new(ProblemKind::Render, "shot.blend: 1 of 4 frames failed");
    let problem = problem.details(vec!["Segmentation fault".into()]);
    window.end(Err(problem));
    assert!(window.shows("1 of 4 frames failed") && window.shows("Details"));
    window.asked();
    window.click("Go on");
    assert!(matches!(&window.asked()[..], [Command::Resume(_, resumed, _)] if *resumed == job()));
}

#[test]
fn a_finished_render_shows_its_picture_and_what_can_be_done_with_it() {
    let mut window = Window::new().rendering();
    window.end(Ok(summary(&["/out/shot_0001.png"])));
    let asked = window.asked();
    assert!(asked.contains(&Command::LoadPicture("/out/shot_0001.png".into())), "{asked:?}");
    assert!(asked.contains(&Command::LoadHistory));
    assert!(window.shows("Done: 1 frame in 12 s"));
    window.click("Save as…");
    window.click("Show folder");
    let wanted =
        [Command::SaveAs("/out/shot_0001.png".into()), Command::OpenWithDesktop("/out".into())];
    assert_eq!(window.asked(), wanted);
}

#[test]
fn arrows_look_through_finished_frames() {
    let mut window = Window::new().rendering();
    for frame in 1..=3 {
        let files = vec![format!("/out/{frame}.exr").into(), format!("/out/{frame}.png").into()];
        let state = FrameState::Completed;
        let ended = FrameEnded { frame, state, files, failure: None, last_lines: Vec::new() };
        window.step(Step::Frame(ended));
    }
    window.asked();
    for key in [egui::Key::ArrowLeft, egui::Key::ArrowLeft, egui::Key::ArrowRight] {
        window.harness.key_press(key);
        window.harness.run_steps(2);
    }
    let loaded = ["/out/3.png", "/out/2.png", "/out/3.png"];
    assert_eq!(window.asked(), loaded.map(|path| Command::LoadPicture(path.into())));
}

#[test]
fn ten_thousand_frames_and_two_hundred_agents_are_no_more_to_draw_than_what_is_seen() {
    let mut window = Window::new().rendering();
    let agents = (0..200).map(|n| agent(&format!("agent-{n}"), AgentState::Online, None));
    window.step(progress(10_000, agents.collect()));
    assert!(window.shows("200 agents"));
    let rows = window.harness.query_all_by_label_contains("samples 16..32").count();
    assert!((2..40).contains(&rows), "{rows} agents are drawn");
    assert!(!window.shows("9999"));
}

#[test]
fn long_names_do_not_push_anything_out_of_the_window() {
    let mut window = Window::of_size(640.0, 420.0, 2.0, Settings::default()).rendering();
    let name = "a-very-long-name-".repeat(20);
    window.harness.state_mut().state.renders.shown_mut().unwrap().name = name.clone();
    window.step(progress(1, vec![agent(&name, AgentState::Online, None)]));
    let stop = window.place_of("Stop");
    assert!(stop.right() < 640.0, "{stop:?}");
}

#[test]
fn in_a_small_window_of_a_sharp_display_the_render_can_be_started() {
    let mut window = Window::of_size(640.0, 420.0, 2.0, Settings::default()).with_demo();
    window.harness.key_press(egui::Key::F12);
    window.harness.run_steps(2);
    assert!(matches!(&window.asked()[..], [Command::Render(..)]));
}

#[test]
fn the_other_theme_is_kept() {
    let mut window = Window::new();
    window.click("Light");
    let kept = Settings { theme: Theme::Light, ..Settings::default() };
    assert_eq!(window.asked(), [Command::StoreSettings(Box::new(kept))]);
    assert!(window.harness.query_by_label("Dark").is_some());
}

#[test]
fn renders_that_were_made_can_be_looked_at_again() {
    let mut window = Window::new();
    window.harness.state_mut().state.screen = Screen::Results;
    window.harness.run_steps(2);
    assert!(window.shows("No renders yet"));
    let entry = Entry::new("street.blend", &summary(&["/out/street_0001.png"]));
    window.tell(Event::History(Box::new(Past { ended: vec![entry], unfinished: Vec::new() })));
    assert!(window.shows("street.blend") && window.shows("12 s by 1 agent"));
    window.click("Show");
    assert_eq!(window.asked(), [Command::LoadPicture("/out/street_0001.png".into())]);
}

#[test]
fn passes_of_an_exr_are_chosen_and_their_values_told() {
    let mut window = Window::new().rendering();
    window.end(Ok(summary(&["/out/shot_0001.png"])));
    window.asked();
    window.click("Passes");
    assert_eq!(window.asked(), [Command::LoadPicture("/out/shot_0001.exr".into())]);
    let channels = ["R", "G", "B"].map(|name| (name.to_owned(), vec![2.5; 32]));
    let linear = Linear::new([8, 4], &channels);
    let pixels = Arc::new(linear.developed(0.0));
    let all = ["Combined", "DiffDir"].map(|pass| format!("ViewLayer.{pass}")).to_vec();
    let pass = Some(Pass { name: "ViewLayer.Combined".into(), all, linear });
    let picture = Arc::new(Picture { pixels, pass });
    window.tell(Event::Picture("/out/shot_0001.exr".into(), Ok(picture)));
    let middle = window.place_of("Picture").center();
    window.harness.hover_at(middle);
    window.harness.run_steps(4);
    assert!(window.shows("R 2.50000 G 2.50000 B 2.50000"));
    window.click("Pass");
    window.click("ViewLayer.DiffDir");
    let wanted = Command::LoadPass("/out/shot_0001.exr".into(), "ViewLayer.DiffDir".into());
    assert_eq!(window.asked(), [wanted]);
}

#[test]
fn a_denoised_picture_is_compared_with_what_was_rendered_and_no_more() {
    let mut window = Window::new().rendering();
    window.end(Ok(summary(&["/out/shot_0001.png"])));
    window.click("Passes");
    let developed = |value: f32| {
        let linear = Linear::new([8, 4], &["R", "G", "B"].map(|c| (c.to_owned(), vec![value; 32])));
        let all = ["Combined", "Noisy Image"].map(|pass| format!("ViewLayer.{pass}")).to_vec();
        let pixels = Arc::new(linear.developed(0.0));
        let pass = Some(Pass { name: "ViewLayer.Combined".into(), all, linear });
        Ok(Arc::new(Picture { pixels, pass }))
    };
    window.tell(Event::Picture("/out/shot_0001.exr".into(), developed(2.5)));
    window.asked();
    window.click("Before denoising");
    let noisy = "ViewLayer.Noisy Image";
    assert_eq!(window.asked(), [Command::LoadBeside("/out/shot_0001.exr".into(), noisy.into())]);
    window.tell(Event::Picture(format!("/out/shot_0001.exr/{noisy}").into(), developed(0.5)));
    let is_beside = |window: &Window<'_>| {
        window.harness.query_by_role_and_label(egui::Role::Slider, "Compare").is_some()
    };
    assert!(is_beside(&window));
    let shown = window.harness.state().state.shown.as_ref();
    assert_eq!(shown.unwrap().generation, 1, "the denoised one stays where it was");
    window.click("Before denoising");
    assert!(!is_beside(&window) && window.asked().is_empty());
}

#[test]
fn two_renders_are_compared_with_a_line_between_them() {
    let mut window = Window::new();
    let entry = |name: &str| Entry::new(name, &summary(&[&format!("/out/{name}.png")]));
    let ended = vec![entry("new"), entry("old")];
    window.tell(Event::History(Box::new(Past { ended, unfinished: Vec::new() })));
    window.click("Results");
    window.harness.get_all_by_label("Show").next().unwrap().click();
    window.harness.run_steps(2);
    window.harness.get_all_by_label("Compare").nth(1).unwrap().click();
    window.harness.run_steps(2);
    for name in ["/out/new.png", "/out/old.png"] {
        window.tell(Event::Picture(name.into(), Ok(picture())));
    }
    let line = |window: &Window<'_>| {
        window.harness.get_by_role_and_label(egui::Role::Slider, "Compare").rect().center()
    };
    let before = line(&window);
    window.harness.drag_at(before);
    window.harness.run_steps(2);
    window.harness.hover_at(before + egui::vec2(60.0, 0.0));
    window.harness.run_steps(2);
    window.harness.drop_at(before + egui::vec2(60.0, 0.0));
    window.harness.run_steps(2);
    assert!((line(&window).x - before.x - 60.0).abs() < 2.0, "{:?}", line(&window));
    window.harness.get_all_by_label("Compare").nth(1).unwrap().click();
    window.harness.run_steps(3);
    assert!(window.harness.query_by_role_and_label(egui::Role::Slider, "Compare").is_none());
}

#[test]
fn a_render_that_was_stopped_is_found_when_the_window_is_opened_again() {
    let mut window = Window::new();
    let record = Record {
        job: job(),
        blend: "/shots/street.blend".into(),
        output: "/out".into(),
        stem: "street".into(),
        saved: false,
    };
    window.tell(Event::History(Box::new(Past { ended: Vec::new(), unfinished: vec![record] })));
    window.click("Results");
    assert!(window.shows("1 render is not finished") && window.shows("street.blend"));
    window.asked();
    window.click("Go on");
    assert!(matches!(&window.asked()[..], [Command::Resume(_, resumed, _)] if *resumed == job()));
    assert!(window.shows("The farm starts"));
}

#[test]
fn troubles_stay_until_they_are_put_away() {
    let mut window = Window::new();
    window.tell(Event::Trouble(Problem::input("no program opens /out").hint("use another")));
    assert!(window.shows("no program opens /out") && window.shows("use another"));
    window.click("Put away");
    assert!(!window.shows("no program opens /out"));
}

#[test]
fn a_background_that_is_gone_is_told_once() {
    let mut window = Window::new().with_demo();
    window.commands.close();
    for _ in 0..2 {
        window.harness.key_press(egui::Key::F12);
        window.harness.run_steps(2);
    }
    assert_eq!(window.harness.query_all_by_label_contains("does not answer").count(), 1);
}

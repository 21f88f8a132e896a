//! Animations: frames along the time, their small pictures, and what is done as a film.

use blendnet_protocol::FrameState;
use egui_kittest::kittest::Queryable;

use super::window::*;
use crate::gui::command::{Command, FarmWish};
use crate::gui::event::Event;
use crate::workflow::event::{Event as Step, FrameEnded};

fn ended(frame: i32) -> Step {
    let files = vec![format!("/out/{frame}.exr").into(), format!("/out/{frame}.png").into()];
    let state = FrameState::Completed;
    Step::Frame(FrameEnded { frame, state, files, failure: None, last_lines: Vec::new() })
}

fn animation(frames: &str) -> Window<'static> {
    let mut window = Window::new().rendering();
    window.step(scene(frames));
    window
}

fn thumbs(asked: &[Command]) -> usize {
    asked.iter().filter(|command| matches!(command, Command::LoadThumb(_))).count()
}

#[test]
fn a_still_has_no_timeline() {
    assert!(animation("7").harness.query_by_label("Timeline").is_none());
}

#[test]
fn small_pictures_are_loaded_once_and_only_those_that_are_seen() {
    let mut window = animation("1-10000");
    for frame in 1..=300 {
        let key = window.key();
        window.harness.state_mut().state.apply(Event::Step(key, Box::new(ended(frame))));
    }
    window.harness.run_steps(3);
    let asked = window.asked();
    assert!((4..20).contains(&thumbs(&asked)), "{}", thumbs(&asked));
    let image = egui::ColorImage::filled([20, 10], egui::Color32::RED);
    window.tell(Event::Thumb("/out/1.png".into(), Some(image)));
    window.tell(Event::Thumb("/out/2.png".into(), None));
    assert_eq!(thumbs(&window.asked()), 0);
    window.click("Frame 3");
    assert!(window.asked().contains(&Command::LoadPicture("/out/3.png".into())));
}

#[test]
fn what_is_done_is_played_in_order_and_begins_again_behind_the_last_frame() {
    let mut window = animation("1-4");
    for frame in [1, 2, 4] {
        window.step(ended(frame));
    }
    window.tell(Event::Picture("/out/4.png".into(), Ok(picture())));
    window.asked();
    window.click("Play");
    let mut played = Vec::new();
    for _ in 0..40 {
        window.harness.run_steps(1);
        for command in window.asked() {
            if let Command::LoadPicture(path) = command {
                played.push(path.file_stem().unwrap().to_string_lossy().into_owned());
                window.tell(Event::Picture(path, Ok(picture())));
            }
        }
        if played.len() >= 5 {
            break;
        }
    }
    assert_eq!(played[..5], ["1", "2", "4", "1", "2"]);
    window.press(egui::Key::Space);
    window.asked();
    window.harness.run_steps(30);
    assert!(window.asked().is_empty(), "it halts");
}

#[test]
fn the_next_frame_waits_until_the_one_before_was_seen() {
    let mut window = animation("1-3");
    for frame in 1..=3 {
        window.step(ended(frame));
    }
    window.tell(Event::Picture("/out/3.png".into(), Ok(picture())));
    window.asked();
    window.click("Play");
    window.harness.run_steps(60);
    let loads = window.asked().into_iter().filter(|c| matches!(c, Command::LoadPicture(_)));
    assert_eq!(loads.count(), 1);
}

#[test]
fn a_click_on_the_timeline_looks_at_the_nearest_finished_frame() {
    let mut window = animation("1-100");
    for frame in [1, 50] {
        window.step(ended(frame));
    }
    window.asked();
    let strip = window.place_of("Timeline");
    let at = egui::pos2(strip.left() + strip.width() * 0.9, strip.center().y);
    window.harness.hover_at(at);
    window.harness.run_steps(1);
    window.harness.drag_at(at);
    window.harness.run_steps(2);
    window.harness.drop_at(at);
    window.harness.run_steps(2);
    assert_eq!(window.harness.state().state.render().unwrap().looked_at, Some(50));
}

#[test]
fn a_finished_animation_is_made_a_video_at_the_speed_of_the_scene() {
    let mut window = animation("1-2");
    window.end(Ok(summary(&["/out/1.png", "/out/2.png"])));
    window.asked();
    window.click("Video…");
    let pictures = vec!["/out/1.png".into(), "/out/2.png".into()];
    assert_eq!(window.asked(), [Command::SaveVideo(pictures, 24.0)]);
}

#[test]
fn good_enough_and_this_one_first_are_asked_of_the_farm() {
    let mut window = animation("1-4");
    window.step(progress(2, Vec::new()));
    window.click("Good enough");
    window.harness.get_all_by_label("Before the others").nth(1).unwrap().click();
    window.harness.run_steps(3);
    let first = FarmWish::FrameFirst(job(), 2);
    let wanted = [Command::Farm(FarmWish::Settle(job())), Command::Farm(first)];
    assert_eq!(window.asked(), wanted);
}

//! What a render has to keep: written beside the scene, told beside the picture.

use blendnet_protocol::{AgentState, JobLimits};
use egui_kittest::kittest::{NodeT, Queryable};
use jiff::Zoned;

use super::window::*;
use crate::gui::command::{Command, FarmWish};
use crate::gui::event::Event;
use crate::gui::state::Screen;
use crate::limits::due;
use crate::settings::Settings;
use crate::workflow::event::Event as Step;
use crate::workflow::problem::Problem;

fn priced() -> Settings {
    Settings { usd_micros_per_hour: 120_000, ..Settings::default() }
}

fn limits(asked: &[Command]) -> JobLimits {
    let rendered = asked.iter().find_map(|command| match command {
        Command::Render(_, order) => Some(order.request.limits),
        _ => None,
    });
    rendered.unwrap_or_else(|| panic!("{asked:?}"))
}

fn unix_secs() -> u64 {
    u64::try_from(Zoned::now().timestamp().as_second()).unwrap()
}

#[test]
fn nothing_written_is_no_limit() {
    let mut window = Window::of_size(1180.0, 760.0, 1.0, priced()).with_demo();
    window.press(egui::Key::F12);
    assert_eq!(limits(&window.asked()), JobLimits::default());
}

#[test]
fn limits_that_are_written_are_those_of_the_render() {
    let mut window = Window::of_size(1180.0, 760.0, 1.0, priced()).with_demo();
    for (field, text) in [("Noise", "0.02"), ("Deadline", "2h"), ("Budget", "$1.50")] {
        window.type_in(field, text);
    }
    let least = unix_secs() + 7200;
    window.press(egui::Key::F12);
    let limits = limits(&window.asked());
    assert_eq!((limits.noise, limits.budget_usd_micros), (Some(0.02), Some(1_500_000)));
    assert!((least..=unix_secs() + 7200).contains(&limits.deadline_unix_secs.unwrap()));
}

#[test]
fn a_wrong_limit_says_which_and_why_and_nothing_is_rendered() {
    let wrong = [
        ("Noise", "2", "noise: it is more than 0, and at most 1"),
        ("Deadline", "soon", "deadline: `soon` is no time such as 18:30"),
        ("Deadline", "2020-01-01T00:00", "has passed already"),
        ("Budget", "much", "budget: `much` is no amount in dollars"),
        ("Budget", "0", "budget: nothing can be rendered for nothing"),
    ];
    for (field, text, why) in wrong {
        let mut window = Window::of_size(1180.0, 760.0, 1.0, priced()).with_demo();
        window.type_in(field, text);
        assert!(window.shows(why), "{why}");
        window.press(egui::Key::F12);
        assert!(window.asked().is_empty(), "{text}");
    }
}

#[test]
fn a_budget_waits_for_a_price_and_says_where_that_is_set() {
    let mut window = Window::new().with_demo();
    let budget = window.harness.get_by_role_and_label(egui::Role::TextInput, "Budget");
    assert!(budget.accesskit_node().is_disabled());
    window.click("Cost of an agent…");
    assert_eq!(window.harness.state().state.screen, Screen::Settings);
    assert!(window.shows("An agent, hourly"));
}

#[test]
fn a_budget_of_a_farm_that_was_started_without_a_price_says_what_to_do_here() {
    let mut window = Window::new().rendering();
    let problem = Problem::input("nothing that this farm launches has a price")
        .hint("start it with --usd-per-hour")
        .in_window("end it (Farm, End all…)");
    window.end(Err(problem));
    assert!(window.shows("end it (Farm, End all…)") && !window.shows("--usd-per-hour"));
}

#[test]
fn a_render_shows_how_it_stands_to_its_limits() {
    let mut window = Window::new().rendering();
    let Step::Progress(mut report) = progress(1, vec![agent("agent-a", AgentState::Online, None)])
    else {
        panic!("progress")
    };
    report.in_work[0].noise = Some(0.031_25);
    window.step(Step::Progress(report.clone()));
    assert!(window.shows("0.0312") && !window.shows("0.0312 (to"), "no target, no word of one");
    let deadline = unix_secs() + 86_400;
    report.limits = JobLimits {
        noise: Some(0.02),
        budget_usd_micros: Some(1_500_000),
        deadline_unix_secs: Some(deadline),
    };
    report.spent_usd_micros = 123_456;
    window.step(Step::Progress(report));
    let due = due(deadline, &Zoned::now()).unwrap();
    for text in ["0.0312 (to 0.02)", "$0.12 of $1.50", due.as_str()] {
        assert!(window.shows(text), "{text}");
    }
}

#[test]
fn what_a_render_costs_is_drawn_over_time_beside_its_budget() {
    let mut window = Window::of_size(1180.0, 1400.0, 1.0, priced()).rendering();
    for second in 1..5_u32 {
        let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
        report.elapsed_secs = f64::from(second);
        report.spent_usd_micros = u64::from(second) * 1000;
        let limits = JobLimits { budget_usd_micros: Some(6000), ..JobLimits::default() };
        report.limits = if second > 2 { limits } else { JobLimits::default() };
        window.step(Step::Progress(report));
        let costs = window.harness.query_all_by_role(egui::Role::Image);
        let names: Vec<_> = costs.filter_map(|node| node.accesskit_node().label()).collect();
        let drawn = |name: &str| names.iter().any(|drawn| drawn == name);
        assert_eq!((drawn("Cost"), drawn("Cost, and the budget")), (second == 2, second > 2));
    }
}

#[test]
fn limits_do_not_make_an_estimate_wrong_and_a_price_tells_what_it_costs() {
    let mut window = Window::of_size(1180.0, 760.0, 1.0, priced()).with_demo();
    window.click("Estimate");
    let asked = window.asked();
    let [Command::Estimate(order)] = &asked[..] else { panic!("{asked:?}") };
    window.tell(Event::Estimated(order.clone(), Ok(super::queue::estimate())));
    // 2 agents for 125 s at $0.12 an hour.
    assert!(window.shows("about 2 min 05 s") && window.shows("$0.0083"));
    window.type_in("Deadline", "3h");
    assert!(window.shows("about 2 min 05 s"));
    window.press(egui::Key::F12);
    let asked = window.asked();
    let told = asked.iter().find_map(|command| match command {
        Command::Render(_, order) => Some(order.request.estimated_secs),
        _ => None,
    });
    assert_eq!(told, Some(Some(125.0)), "{asked:?}");
}

#[test]
fn limits_of_a_render_that_runs_are_changed_beside_its_picture() {
    let mut window = Window::new().rendering();
    let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
    let before = JobLimits { noise: Some(0.02), ..JobLimits::default() };
    report.limits = before;
    window.step(Step::Progress(report.clone()));
    window.click("Change limits");
    let is_disabled = |window: &Window<'_>| {
        let set = window.harness.get_by_role_and_label(egui::Role::Button, "Set");
        set.accesskit_node().is_disabled()
    };
    assert!(is_disabled(&window), "nothing is changed yet");
    window.type_in("Budget", "much");
    assert!(window.shows("budget: `much` is no amount in dollars") && is_disabled(&window));
    window.click("Leave as they are");
    assert!(!window.shows("is no amount"));
    window.click("Change limits");
    window.type_in("Budget", "4");
    // What the farm tells meanwhile does not take away what is written.
    report.done = 0.5;
    window.step(Step::Progress(report));
    window.click("Set");
    let asked = window.asked();
    let after = JobLimits { budget_usd_micros: Some(4_000_000), ..before };
    let wish = Command::Farm(FarmWish::Limit(job(), after));
    assert!(asked.contains(&wish), "{asked:?}");
    assert!(window.shows("Change limits"));
}

#[test]
fn an_estimate_shows_which_numbers_of_agents_are_within_the_budget_and_the_deadline() {
    let mut window = Window::of_size(1180.0, 1400.0, 1.0, priced()).with_demo();
    window.click("Estimate");
    let asked = window.asked();
    let [Command::Estimate(order)] = &asked[..] else { panic!("{asked:?}") };
    // At $0.12 an hour: $0.0042 with one agent, $0.0083 with two, $0.0169 with four.
    window.tell(Event::Estimated(order.clone(), Ok(super::queue::estimate())));
    assert!(!window.shows("within the") && !window.shows("beyond the"));
    window.type_in("Budget", "0.01");
    assert!(window.shows("Those in red are beyond the budget"));
    window.type_in("Deadline", "1h");
    assert!(window.shows("All are within the deadline"));
    let settings = |window: &Window<'_>| window.harness.state().state.settings.agents;
    let before = settings(&window);
    let bars = window.place_of("Money over the number of agents");
    // The bar of one agent is the first of three.
    let first = egui::pos2(bars.left() + 56.0 + (bars.width() - 56.0) * 0.15, bars.center().y);
    for pressed in [true, false] {
        window.harness.event(egui::Event::PointerMoved(first));
        let button = egui::PointerButton::Primary;
        let modifiers = egui::Modifiers::NONE;
        window.harness.event(egui::Event::PointerButton { pos: first, button, pressed, modifiers });
        window.harness.run_steps(2);
    }
    assert_eq!((before, settings(&window)), (0, 1));
}

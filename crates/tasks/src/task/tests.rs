use super::*;
use blendnet_protocol::JobId;
use serde_json::json;

fn file(content: char) -> TaskFile {
    let blob = BlobId::new(content.to_string().repeat(64)).unwrap();
    TaskFile { blob, size_bytes: 1, sha1: None }
}

fn task(files: &[(&str, char)]) -> Task {
    let mut task = Task::new("shot 1", 10);
    for (path, content) in files {
        task.files.insert(ClientPath::new(path).unwrap(), file(*content));
    }
    let config = json!({"project": "a.blend", "project_path": "/srv/proj", "cwd_path": "/srv"});
    task.config = task.config.with(config.as_object().unwrap(), true).unwrap().0;
    task
}

fn fresh(task: &Task) -> TaskRun {
    match task.plan(true).unwrap() {
        RunPlan::Fresh(run) => run,
        _ => panic!("not a fresh run"),
    }
}

fn said(state: TaskState) -> RunProgress {
    RunProgress { state, ..RunProgress::default() }
}

#[test]
fn the_scene_has_the_layout_of_the_artists_disk() {
    let run = fresh(&task(&[("//a.blend", 'a'), ("tex/w.png", 'b'), ("/srv/proj/c.exr", 'c')]));
    let paths: Vec<&str> = run.scene.manifest.files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["srv/proj/a.blend", "srv/proj/c.exr", "srv/tex/w.png"]);
    assert_eq!(run.scene.manifest.project.as_str(), "srv/proj/a.blend");
    assert_eq!(run.scene.overrides.samples, Some(100));
    assert!(JobId::new(run.run_id.clone()).is_ok(), "{}", run.run_id);
}

#[test]
fn a_stopped_run_goes_on_only_with_the_same_content_and_settings() {
    let mut task = task(&[("//a.blend", 'a')]);
    let run = fresh(&task);
    task.begin(run.clone(), true, 11);
    assert!(matches!(task.plan(true).unwrap(), RunPlan::Active));
    task.observe(&said(TaskState::Stopped), 12);
    assert!(matches!(task.plan(true).unwrap(), RunPlan::Continue(same) if same == run));
    task.files.insert(ClientPath::new("//a.blend").unwrap(), file('b'));
    assert_ne!(fresh(&task).run_id, run.run_id);
}

#[test]
fn a_completed_task_runs_again_only_when_something_changed() {
    let mut task = task(&[("//a.blend", 'a')]);
    task.begin(fresh(&task), true, 11);
    task.observe(&said(TaskState::Completed), 12);
    assert!(matches!(task.plan(true).unwrap(), RunPlan::Done));
    task.config.seed = Some(7);
    fresh(&task);
}

#[test]
fn a_failed_run_is_never_gone_on_with() {
    let mut task = task(&[("//a.blend", 'a')]);
    task.begin(fresh(&task), true, 11);
    task.observe(&said(TaskState::Error), 12);
    assert_eq!((task.state, task.errors.len(), task.end_time), (TaskState::Error, 1, Some(12)));
    fresh(&task);
}

#[test]
fn a_run_that_finished_while_it_was_stopped_is_completed() {
    let mut task = task(&[("//a.blend", 'a')]);
    task.begin(fresh(&task), true, 11);
    task.observe(&said(TaskState::Stopped), 12);
    assert!(task.observe(&said(TaskState::Completed), 13));
    assert_eq!(task.state, TaskState::Completed);
    assert!(!task.observe(&said(TaskState::Created), 14));
    assert_eq!(task.state, TaskState::Completed);
}

#[test]
fn two_names_of_one_place_must_have_the_same_content() {
    task(&[("//a.blend", 'a'), ("proj/a.blend", 'a')]).plan(true).unwrap();
    assert!(task(&[("//a.blend", 'a'), ("proj/a.blend", 'b')]).plan(true).is_err());
}

#[test]
fn a_project_that_was_not_uploaded_is_named() {
    let mut task = task(&[("//b.blend", 'a')]);
    let message = task.plan(true).err().unwrap().message;
    assert!(message.contains("a.blend"), "{message}");
    task.config.project = None;
    assert!(task.plan(true).is_err());
}

#[test]
fn only_a_manager_switches_the_compositor_off() {
    let mut task = task(&[("//a.blend", 'a')]);
    task.config.use_compositing_nodes = Some(false);
    assert_eq!(fresh(&task).scene.overrides.compositor, Some(false));
    let RunPlan::Fresh(run) = task.plan(false).unwrap() else { panic!("not a fresh run") };
    assert_eq!(run.scene.overrides.compositor, None);
}

#[test]
fn run_ids_are_fit_for_any_task_name_and_never_the_same() {
    for name in [".x", "ü/ö", "a b", &"x".repeat(100)] {
        let id = fresh_run_id(name).unwrap();
        assert!(JobId::new(id.clone()).is_ok(), "{id}");
        assert_ne!(id, fresh_run_id(name).unwrap());
    }
}

#[test]
fn messages_do_not_grow_without_end() {
    let mut task = Task::new("t", 1);
    (0..1000).for_each(|n| task.say(format!("message {n}")));
    assert_eq!(task.messages.len(), MAX_MESSAGES);
    assert_eq!(task.messages.last().unwrap(), "message 999");
}

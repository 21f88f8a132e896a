use super::*;
use blendnet_protocol::{BlobId, SampleRange, Tile, Work, WorkKind};
use fs_err as fs;
use proptest::prelude::*;

fn job() -> JobId {
    JobId::new("shot-1").unwrap()
}

fn region(start: u32, end: u32) -> Region {
    Region {
        tile: Tile::new(0, 0, 32, 18).unwrap(),
        samples: SampleRange::new(start, end).unwrap(),
    }
}

fn part(start: u32, end: u32) -> SavedPart {
    SavedPart {
        job: job(),
        frame: 1,
        region: region(start, end),
        blob: BlobId::new("a".repeat(64)).unwrap(),
        file: format!("work-1.{start}"),
        merged: false,
    }
}

fn submitted() -> Change {
    Change::Job { job: job(), spec: Some("{}".to_owned()), state: "1".to_owned() }
}

fn agent(name: &str) -> SavedAgent {
    SavedAgent {
        lease: None,
        agent: AgentId::new(name).unwrap(),
        launched: true,
        address: None,
        password: None,
        ca_pem: None,
    }
}

fn given(name: &str) -> SavedWork {
    let scene = blendnet_protocol::SceneId::new("b".repeat(64)).unwrap();
    let id = WorkId::new(name).unwrap();
    let kind = WorkKind::Whole { frame: 1 };
    let json = serde_json::json!({ "id": id, "scene": scene, "kind": kind });
    let work: Work = serde_json::from_value(json).unwrap();
    SavedWork { agent: AgentId::new("agent-1").unwrap(), job: job(), work }
}

/// Commits, and opens it again as the next manager does.
async fn reopened(dir: &Path, changes: Vec<Change>) -> Saved {
    let (store, _) = Store::open(dir).unwrap();
    store.commit(changes).await.unwrap();
    Store::open(dir).unwrap().1
}

#[tokio::test]
async fn what_is_committed_is_there_for_the_next_manager() {
    let dir = tempfile::tempdir().unwrap();
    let address = Some("127.0.0.1:9".to_owned());
    let changes = vec![
        submitted(),
        Change::Agent(agent("agent-1")),
        Change::Agent(SavedAgent { address: address.clone(), ..agent("agent-1") }),
        Change::Given(given("work-1")),
        Change::Given(given("work-2")),
        Change::WorkEnded(WorkId::new("work-2").unwrap()),
        Change::PartReceived(part(0, 4)),
        Change::PartReceived(part(4, 9)),
        Change::PartMerged(job(), 1, region(0, 4)),
        Change::Job { job: job(), spec: None, state: "2".to_owned() },
    ];
    let saved = reopened(dir.path(), changes).await;
    assert_eq!(saved.jobs, [(job(), "{}".to_owned(), "2".to_owned())]);
    assert_eq!(saved.works, [given("work-1")]);
    assert_eq!(saved.agents.len(), 1);
    assert_eq!(saved.agents[0].address, address);
    assert_eq!(saved.parts, [SavedPart { merged: true, ..part(0, 4) }, part(4, 9)]);
}

#[tokio::test]
async fn what_a_finished_frame_a_lost_agent_and_a_deleted_job_had_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let result = "{}".to_owned();
    let start = vec![
        submitted(),
        Change::Agent(agent("agent-1")),
        Change::Given(given("work-1")),
        Change::PartReceived(part(0, 4)),
        Change::Frame { job: job(), frame: 1, result: result.clone() },
    ];
    let saved = reopened(dir.path(), start).await;
    assert_eq!((saved.parts.len(), saved.frames.len()), (0, 1));
    let saved =
        reopened(dir.path(), vec![Change::AgentLost(AgentId::new("agent-1").unwrap())]).await;
    assert_eq!((saved.works.len(), saved.agents.len()), (0, 1));
    let saved = reopened(dir.path(), vec![Change::JobGone(job())]).await;
    assert_eq!((saved.jobs.len(), saved.frames.len()), (0, 0));
}

#[tokio::test]
async fn what_is_known_of_frames_is_there_for_the_next_manager_until_their_job_begins_anew() {
    use blendnet_protocol::{FailureKind, Fault, WorkFailure};
    let dir = tempfile::tempdir().unwrap();
    let message = "Blender crashed".to_owned();
    let last_lines = vec!["the light explodes".to_owned()];
    let (kind, fault) = (FailureKind::Crashed, Fault::Attempt);
    let kept = blendnet_scheduler::KeptFrame {
        paused: true,
        rank: 7,
        failures: 2,
        failure: Some(WorkFailure { kind, fault, message, last_lines }),
        failed: false,
        settled: true,
    };
    let saved = |frame, kept| SavedFrame { job: job(), frame, kept };
    let changes = vec![
        submitted(),
        Change::FrameKept(saved(-1, Some(kept.clone()))),
        Change::FrameKept(saved(2, Some(kept.clone()))),
        Change::FrameKept(saved(2, None)),
    ];
    let found = reopened(dir.path(), changes).await.kept;
    assert_eq!(found, [saved(-1, Some(kept)), saved(2, None)]);
    assert!(reopened(dir.path(), vec![Change::FramesAnew(job())]).await.kept.is_empty());
    let again = vec![Change::FrameKept(saved(2, None)), Change::JobGone(job())];
    assert!(reopened(dir.path(), again).await.kept.is_empty());
}

#[test]
fn a_database_of_every_earlier_version_is_brought_up_to_date() {
    for version in 0..open::MIGRATIONS.len() {
        let dir = tempfile::tempdir().unwrap();
        let old = Connection::open(dir.path().join(FILE)).unwrap();
        for migration in &open::MIGRATIONS[..version] {
            old.execute_batch(migration).unwrap();
        }
        if version > 0 {
            old.execute_batch("INSERT INTO job VALUES ('shot-1', '{}', '1')").unwrap();
        }
        old.pragma_update(None, "user_version", u32::try_from(version).unwrap()).unwrap();
        drop(old);
        let (_store, saved) = Store::open(dir.path()).unwrap();
        assert_eq!(saved.jobs.len(), version.min(1));
        assert!(saved.kept.is_empty());
    }
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_whole_and_a_new_one_made() {
    for damage in [b"no database at all".to_vec(), vec![7; 40_000]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let (mut connection, _) = open::open(&path).unwrap();
        apply_all(&mut connection, [submitted()].iter()).unwrap();
        drop(connection);
        fs::write(&path, &damage).unwrap();
        let (store, saved) = Store::open(dir.path()).unwrap();
        assert!(saved.jobs.is_empty());
        store.commit(vec![submitted()]).await.unwrap();
        let aside = fs::read_dir(dir.path()).unwrap().flatten();
        let mut aside = aside.filter(|e| e.file_name().to_string_lossy().contains(".damaged-"));
        assert_eq!(fs::read(aside.next().unwrap().path()).unwrap(), damage);
    }
}

#[test]
fn a_page_that_is_damaged_in_the_middle_is_found_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (mut connection, _) = open::open(&dir.path().join(FILE)).unwrap();
    let all: Vec<Change> = (0..2000).map(|n| Change::PartReceived(part(n, n + 1))).collect();
    apply_all(&mut connection, all.iter().chain([&submitted()])).unwrap();
    drop(connection);
    let path = dir.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xaa);
    fs::write(&path, &bytes).unwrap();
    let (_, saved) = Store::open(dir.path()).unwrap();
    assert!(saved.jobs.is_empty() && saved.parts.is_empty());
    let files = fs::read_dir(dir.path()).unwrap().flatten();
    let aside = files.map(|e| e.path()).find(|p| p.to_string_lossy().contains(".damaged-"));
    assert_eq!(fs::read(aside.unwrap()).unwrap(), bytes);
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let (connection, _) = open::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("use a newer one"), "{error}");
}

#[test]
fn nobody_but_its_owner_reads_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (mut connection, _) = open::open(&dir.path().join(FILE)).unwrap();
    apply_all(&mut connection, [submitted()].iter()).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_many_share_a_wait_and_the_log_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    store.commit(vec![submitted()]).await.unwrap();
    let one = |n: u32| {
        let store = store.clone();
        tokio::spawn(async move {
            store.commit(vec![Change::PartReceived(part(n, n + 1))]).await.unwrap();
            store.commit(vec![Change::PartMerged(job(), 1, region(n, n + 1))]).await.unwrap();
        })
    };
    for task in (0..3000).map(one).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let result = "{}".to_owned();
    store.commit(vec![Change::Frame { job: job(), frame: 1, result }]).await.unwrap();
    let bytes: u64 = fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(bytes < 16 << 20, "{bytes} bytes for 3,000 parts that are done with");
    assert!(Store::open(dir.path()).unwrap().1.parts.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_database_that_is_cut_off_anywhere_is_whole_or_set_aside(cut in 0usize..60_000) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let (mut connection, _) = open::open(&path).unwrap();
        apply_all(&mut connection, [submitted()].iter()).unwrap();
        drop(connection);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..cut.min(bytes.len())]).unwrap();
        let (_, saved) = Store::open(dir.path()).unwrap();
        let aside = fs::read_dir(dir.path()).unwrap().flatten();
        let aside = aside.filter(|e| e.file_name().to_string_lossy().contains(".damaged-")).count();
        // Of nothing at all a new one is made.
        prop_assert!(saved.jobs.len() == 1 || aside == 1 || cut == 0);
    }
}

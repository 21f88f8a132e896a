//! An engine with a fake Blender, in a folder of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blendnet_agent::render::{Engine, EngineSettings};
use blendnet_net::blobs::BlobStore;
use blendnet_protocol::{
    BlobId, Manifest, ManifestFile, Overrides, PackPath, Region, SampleRange, SceneId, SceneSpec,
    Tile, Work, WorkId, WorkKind, WorkState,
};

/// Longest that a test waits for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// This agent's program.
pub(crate) fn agent_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_blendnet-agent"))
}

/// Where the tests, and nobody else, keep what they know of Blenders.
pub(crate) fn cache() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/blendnet");
    fs_err::create_dir_all(&folder).unwrap();
    folder
}

/// Writes the fake Blender into `folder`.
pub(crate) fn blender(folder: &Path) -> PathBuf {
    let path = folder.join("blender");
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(&path, include_str!("fake_blender.py")).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// An engine, and the folders it lives in.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) dir: PathBuf,
    _temp: tempfile::TempDir,
}

impl Bench {
    /// With the fake Blender.
    pub(crate) fn start() -> Self {
        let hang_timeout = Duration::from_secs(2);
        Self::with(|temp| vec![blender(&temp.join("blender-4.5"))], hang_timeout)
    }

    /// With the Blenders that `blenders` makes.
    pub(crate) fn with(
        blenders: impl FnOnce(&Path) -> Vec<PathBuf>,
        hang_timeout: Duration,
    ) -> Self {
        Self::with_cache(blenders, hang_timeout, cache())
    }

    /// With what is known of Blenders in a folder.
    pub(crate) fn with_cache(
        blenders: impl FnOnce(&Path) -> Vec<PathBuf>,
        hang_timeout: Duration,
        cache: PathBuf,
    ) -> Self {
        Self::with_all(blenders, true, hang_timeout, cache)
    }

    /// Without any Blender.
    pub(crate) fn with_none(cache: PathBuf) -> Self {
        Self::with_all(|_| vec![], false, Duration::from_secs(2), cache)
    }

    fn with_all(
        blenders: impl FnOnce(&Path) -> Vec<PathBuf>,
        look: bool,
        hang_timeout: Duration,
        cache: PathBuf,
    ) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("agent");
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join("password"), "secret").unwrap();
        let blobs = BlobStore::open(&dir.join("blobs"), 1 << 30).unwrap();
        let settings = EngineSettings {
            dir: dir.clone(),
            cache,
            blenders: blenders(temp.path()),
            look,
            agent_program: agent_program(),
            threads: 1,
            hang_timeout,
            trial_delay: Duration::ZERO,
        };
        Self { engine: Engine::start(settings, blobs), dir, _temp: temp }
    }

    /// Stores bytes as a blob.
    pub(crate) async fn blob(&self, bytes: &[u8]) -> BlobId {
        let path = self.dir.join("incoming");
        fs_err::write(&path, bytes).unwrap();
        self.engine.blobs().adopt(&path).await.unwrap().0
    }

    /// Tells of a scene whose .blend has these bytes.
    pub(crate) async fn scene(&self, blend: &[u8]) -> SceneId {
        let path = PackPath::new("home/ann/shot.blend").unwrap();
        let size_bytes = blend.len() as u64;
        let file = ManifestFile::new(path.clone(), self.blob(blend).await, size_bytes);
        let manifest = Manifest { project: path, files: vec![file] };
        let spec = SceneSpec { manifest, overrides: Overrides::default() };
        let id = Engine::scene_id(&spec).unwrap();
        assert_eq!(self.engine.put_scene(id.clone(), spec).unwrap().missing, []);
        id
    }

    /// Does a work to its end.
    pub(crate) async fn run(&self, name: &str, scene: &SceneId, kind: WorkKind) -> WorkState {
        self.submit(name, scene, kind);
        self.finished(name).await
    }

    pub(crate) fn submit(&self, name: &str, scene: &SceneId, kind: WorkKind) {
        self.engine.submit(Work::new(id(name), scene.clone(), kind)).unwrap();
    }

    pub(crate) async fn finished(&self, name: &str) -> WorkState {
        let name = id(name);
        let finished = self.engine.finished(&name);
        tokio::time::timeout(LIMIT, finished).await.unwrap().expect("the work was deleted")
    }

    /// Waits until the engine's report is as wanted.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        wanted: impl Fn(&blendnet_protocol::AgentReport) -> bool,
    ) -> blendnet_protocol::AgentReport {
        let waiting = async {
            let mut generation = 0;
            loop {
                let report = self.engine.report_after(generation, LIMIT).await;
                if wanted(&report) {
                    return report;
                }
                generation = report.generation;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_late| panic!("never: {what}"))
    }

    /// Waits until it runs and has told samples; answers the id of its Blender.
    pub(crate) async fn rendering(&self, name: &str) -> u32 {
        let report = self
            .wait_until("samples are rendered", |report| {
                report.works.iter().any(|work| {
                    work.id == id(name)
                        && matches!(&work.state, WorkState::Running(p) if p.samples_done > 0)
                })
            })
            .await;
        report.blender_pid.expect("something renders")
    }
}

/// The header of a file that the fake Blender can open.
pub(crate) const BLEND: &[u8] = b"BLENDER-v405REND";

pub(crate) fn id(name: &str) -> WorkId {
    WorkId::new(name).unwrap()
}

/// Four samples of the fake scene.
pub(crate) fn part(frame: i32) -> WorkKind {
    let tile = Tile::new(0, 0, 64, 36).unwrap();
    let region = Region { tile, samples: SampleRange::new(4, 8).unwrap() };
    WorkKind::Part { frame, region, margin_px: 0, total_samples: 16 }
}

/// Processes of a group that are not mere entries of the table.
pub(crate) fn alive_in_group(group: u32) -> usize {
    let stat = |entry: fs_err::DirEntry| fs_err::read_to_string(entry.path().join("stat")).ok();
    fs_err::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(stat)
        .filter(|stat| {
            let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            let fields: Vec<&str> = rest.split_whitespace().collect();
            fields.get(2) == Some(&group.to_string().as_str()) && fields.first() != Some(&"Z")
        })
        .count()
}

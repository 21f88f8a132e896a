//! A warm Blender, asked by an agent's own API.

use blendnet_net::blobs::hash_file;
use blendnet_protocol::{
    Manifest, ManifestFile, Outcome, Overrides, PackPath, Region, SampleRange, SceneId, SceneSpec,
    Tile, Work, WorkId, WorkKind, WorkState, WorkStatus,
};
use blendnet_tests::{Server, compare_exr, system_blender};
use serde_json::to_value;
use std::path::{Path, PathBuf};

/// An agent that has a scene.
struct Agent {
    server: Server,
    scene: SceneId,
}

impl Agent {
    fn with(scene: &Path, dir: &Path) -> Self {
        let server = Server::start("blendnet-agent", dir, &[]);
        let (blob, size_bytes) = hash_file(scene).unwrap();
        server.upload(&format!("blob/{blob}"), scene);
        let project = PackPath::new("scene.blend").unwrap();
        let files = vec![ManifestFile::new(project.clone(), blob, size_bytes)];
        let spec =
            SceneSpec { manifest: Manifest { project, files }, overrides: Overrides::default() };
        let json = dir.join("scene.json");
        fs_err::write(&json, serde_json::to_vec(&spec).unwrap()).unwrap();
        let (name, _) = hash_file(&json).unwrap();
        server.put(&format!("scene/{name}"), &to_value(&spec).unwrap());
        Self { server, scene: SceneId::new(name.as_str()).unwrap() }
    }

    /// The image of some samples of the frame, of 16 in all.
    fn part(&self, id: &str, samples: (u32, u32), to: PathBuf) -> PathBuf {
        let tile = Tile::new(0, 0, 160, 90).unwrap();
        let samples = SampleRange::new(samples.0, samples.1).unwrap();
        let region = Region { tile, samples };
        let kind = WorkKind::Part { frame: 1, region, margin_px: 0, total_samples: 16 };
        let work = Work::new(WorkId::new(id).unwrap(), self.scene.clone(), kind);
        self.server.put(&format!("work/{id}"), &to_value(&work).unwrap());
        let mut generation = 0;
        loop {
            let report = self.server.get(&format!("work?after={generation}&wait_secs=20"));
            generation = report["generation"].as_u64().unwrap();
            let status = self.server.get(&format!("work/{id}"));
            match serde_json::from_value::<WorkStatus>(status).unwrap().state {
                WorkState::Queued | WorkState::Running(_) => {}
                WorkState::Completed(Outcome::Part { image, .. }) => {
                    self.server.download(&format!("blob/{}", image.blob), &to);
                    return to;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_range_that_begins_where_the_last_one_did_has_its_own_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let size = ["--size", "160", "90", "--samples", "16"];
    let scene = system_blender().make_scene("combined_only", &path("scene.blend"), &size);
    let warm = Agent::with(&scene, &path("warm"));
    let first = warm.part("first", (0, 1), path("first.exr"));
    let longer = warm.part("longer", (0, 4), path("longer.exr"));
    let cold = Agent::with(&scene, &path("cold")).part("longer", (0, 4), path("cold.exr"));
    let largest = |ours: &Path, theirs: &Path| {
        compare_exr(ours, theirs).iter().map(|d| d.largest).fold(0.0, f64::max)
    };
    assert!(largest(&longer, &cold) == 0.0);
    assert!(largest(&first, &cold) > 0.01, "one sample is not four");
}

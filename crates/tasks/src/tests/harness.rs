//! A server with a fake host, and requests to it.

use crate::{RunFile, RunProgress, ServiceInfo, TaskHost, TaskRun, TaskState, Tasks, router};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use blendnet_net::answer::ApiError;
use blendnet_net::blobs::BlobStore;
use blendnet_net::log::RecentLog;
use blendnet_protocol::BlobId;
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// What is sent to `GET` in tests of bad names and files.
pub(crate) const BLEND: &[u8] = b"BLENDER-v304";

/// Does as told, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) is_agent: bool,
    pub(crate) terminating: AtomicBool,
    pub(crate) refuses: AtomicBool,
    pub(crate) runs: Mutex<BTreeMap<String, RunProgress>>,
    pub(crate) started: Mutex<Vec<TaskRun>>,
    pub(crate) forgotten: Mutex<Vec<String>>,
    pub(crate) held: Mutex<BTreeMap<String, Vec<BlobId>>>,
}

#[async_trait]
impl TaskHost for Arc<FakeHost> {
    fn is_manager(&self) -> bool {
        !self.is_agent
    }

    fn service(&self) -> ServiceInfo {
        ServiceInfo { engine: "Manager".to_owned(), blender_versions: vec!["3.4.1".to_owned()] }
    }

    fn terminating(&self) -> bool {
        self.terminating.load(Ordering::SeqCst)
    }

    fn hold(&self, task: &str, blobs: Vec<BlobId>) {
        self.held.lock().unwrap().insert(task.to_owned(), blobs);
    }

    async fn start(&self, run: TaskRun) -> Result<(), ApiError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(ApiError::conflict("no room"));
        }
        let mut runs = self.runs.lock().unwrap();
        runs.entry(run.run_id.clone()).or_default().state = TaskState::Running;
        self.started.lock().unwrap().push(run);
        Ok(())
    }

    async fn stop(&self, run_id: &str) -> Result<(), ApiError> {
        if let Some(run) = self.runs.lock().unwrap().get_mut(run_id) {
            run.state = TaskState::Stopped;
        }
        Ok(())
    }

    async fn progress(&self, run_id: &str) -> RunProgress {
        self.runs.lock().unwrap().get(run_id).cloned().unwrap_or_default()
    }

    async fn forget(&self, run_id: &str) {
        self.runs.lock().unwrap().remove(run_id);
        self.forgotten.lock().unwrap().push(run_id.to_owned());
    }
}

impl FakeHost {
    pub(crate) fn last_run(&self) -> TaskRun {
        self.started.lock().unwrap().last().unwrap().clone()
    }

    /// Changes what it says of the last run.
    pub(crate) fn say(&self, change: impl FnOnce(&mut RunProgress)) {
        let id = self.last_run().run_id;
        change(self.runs.lock().unwrap().get_mut(&id).unwrap());
    }
}

/// The server under test.
pub(crate) struct Server {
    pub(crate) dir: TempDir,
    pub(crate) host: Arc<FakeHost>,
    pub(crate) blobs: BlobStore,
    pub(crate) tasks: Arc<Tasks<Arc<FakeHost>>>,
    router: Router,
}

/// An answer in the envelope.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) json: Value,
}

impl Reply {
    /// Its data, once it is a success.
    pub(crate) fn data(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.json);
        assert_eq!(self.json["success"], true, "{}", self.json);
        self.json["data"].clone()
    }

    /// Its message, once it is the expected error.
    pub(crate) fn error(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        assert_eq!(self.json["success"], false, "{}", self.json);
        assert_eq!(self.json["data"], Value::Null);
        self.json["message"].as_str().unwrap().to_owned()
    }
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(FakeHost::default()).await
    }

    pub(crate) async fn with(host: FakeHost) -> Self {
        Self::open(TempDir::new().unwrap(), Arc::new(host)).await
    }

    async fn open(dir: TempDir, host: Arc<FakeHost>) -> Self {
        let blobs = BlobStore::open(&dir.path().join("blobs"), 1 << 50).unwrap();
        let log = RecentLog::new();
        let tasks = Tasks::open(dir.path(), blobs.clone(), log, host.clone()).await.unwrap();
        let tasks = Arc::new(tasks);
        let router = blendnet_net::api::serve(router(tasks.clone()), "Tasks");
        Self { dir, host, blobs, tasks, router }
    }

    /// The same data under a new process.
    pub(crate) async fn restarted(self) -> Self {
        Self::open(self.dir, self.host).await
    }

    /// Listens on a port until the test ends.
    pub(crate) async fn listen(&self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, self.router.clone()).into_future());
        TcpStream::connect(address).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Reply { status, headers, body, json }
    }

    pub(crate) async fn call(&self, method: &str, path: &str) -> Reply {
        let uri = format!("/api/v1/{path}");
        self.send(Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path).await
    }

    pub(crate) async fn upload(&self, path: &str, content: &[u8]) -> Reply {
        self.send(upload(path, content).body(Body::from(content.to_vec())).unwrap()).await
    }

    pub(crate) async fn configure(&self, task: &str, config: &Value) -> Reply {
        let request = Request::put(format!("/api/v1/task/{task}/config"));
        self.send(request.body(Body::from(config.to_string())).unwrap()).await
    }

    /// A task with a .blend that runs.
    pub(crate) async fn run(&self, task: &str) {
        self.upload(&format!("task/{task}/file/a.blend"), BLEND).await.data();
        self.configure(task, &serde_json::json!({"project": "a.blend"})).await.data();
        self.get(&format!("task/{task}/run")).await.data();
    }

    /// A result as the host keeps it.
    pub(crate) fn result_file(&self, name: &str, content: &[u8]) -> RunFile {
        let path: PathBuf = self.dir.path().join(name);
        fs_err::write(&path, content).unwrap();
        RunFile {
            blob: BlobId::new(hex::encode(sha2::Sha256::digest(content))).unwrap(),
            path,
            content_type: "image/png".to_owned(),
            file_name: name.to_owned(),
        }
    }
}

pub(crate) fn sha1_of(content: &[u8]) -> String {
    hex::encode(Sha1::digest(content))
}

/// The head of an upload as curl sends it.
pub(crate) fn upload(path: &str, content: &[u8]) -> axum::http::request::Builder {
    Request::put(format!("/api/v1/{path}"))
        .header("Content-Length", content.len())
        .header("X-Checksum-Sha1", sha1_of(content))
}

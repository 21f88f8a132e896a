//! What the server says of itself: `info`, `status` and `log`.

use crate::host::TaskHost;
use crate::store::Tasks;
use axum::Json;
use axum::extract::State;
use blendnet_net::answer::{ApiResult, ok};
use blendnet_protocol::{Answer, VERSION};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Version as Blender's Python gives it: `3.4.1` is `[3, 4, 1]`.
fn version_numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

/// What this server is.
#[utoipa::path(get, path = "/info", tag = "server",
    responses((status = 200, description = "Done", body = Answer<Value>)))]
pub(crate) async fn info<H: TaskHost>(State(tasks): State<Arc<Tasks<H>>>) -> Json<Answer<Value>> {
    let service = tasks.host.service();
    let machine = rustix::system::uname();
    let blender = service
        .blender_versions
        .first()
        .map(|version| json!({ "version": version_numbers(version), "version_string": version }));
    ok(json!({
        "engine": service.engine,
        "version": VERSION,
        "platform": {
            "system": machine.sysname().to_string_lossy(),
            "arch": machine.machine().to_string_lossy(),
            "name": machine.nodename().to_string_lossy(),
            "details": machine.release().to_string_lossy(),
            "cpu": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        },
        "blender": blender,
        "blender_versions": service.blender_versions,
    }))
}

/// Load, memory, disk, and the tasks that run.
#[utoipa::path(get, path = "/status", tag = "server",
    responses((status = 200, description = "Done", body = Answer<Value>)))]
pub(crate) async fn status<H: TaskHost>(State(tasks): State<Arc<Tasks<H>>>) -> ApiResult<Value> {
    let all = tasks.look_at_all().await?;
    let running: Vec<&str> = all
        .iter()
        .filter(|(task, _)| task.state.is_active())
        .map(|(task, _)| task.name.as_str())
        .collect();
    let host = blendnet_net::host::read(&tasks.data_dir);
    Ok(ok(json!({
        "load": host.load,
        "memory": host.memory,
        "disk": host.disk,
        "running": running,
        "terminating": tasks.host.terminating(),
    })))
}

/// The latest lines of the log: as in 0.3 a map whose keys sort by time.
#[utoipa::path(get, path = "/log", tag = "server",
    responses((status = 200, description = "Done", body = Answer<BTreeMap<String, String>>)))]
pub(crate) async fn log<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
) -> Json<Answer<BTreeMap<String, String>>> {
    let lines = tasks.log.lines().into_iter();
    ok(lines.enumerate().map(|(number, line)| (format!("{number:06}"), line)).collect())
}

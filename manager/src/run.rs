//! From the command line to the end of the manager.

use crate::config::Config;
use crate::farm::{self, Context};
use crate::reconcile::Merger;
use crate::room::Room;
use crate::server;
use crate::store::Store;
use anyhow::Context as _;
use blendnet_net::blobs::BlobStore;
use blendnet_net::ca::{CertificateAuthority, Identity};
use blendnet_net::discovery;
use blendnet_net::log::RecentLog;
use blendnet_net::secret::{self, Password};
use blendnet_protocol::VERSION;
use rustix::fs::{FlockOperation, flock};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs a manager until it is asked to end or nobody needs it.
pub async fn run(config: Config, log: RecentLog) -> anyhow::Result<()> {
    let dir = config.dir.clone();
    secret::create_private_dir(&dir).context("making the farm's folder")?;
    let _lock = lock(&dir)?;
    let authority = CertificateAuthority::load_or_create(&dir)?;
    let provider =
        crate::providers::open(&config.lender, Duration::from_secs(config.manager_timeout_secs))?;
    let identity = Identity::load_or_create(&dir, &hosts(&config))?;
    let password = Arc::new(Password::load_or_create(&dir.join("password"))?);
    let jobs_dir = dir.join("jobs");
    secret::create_private_dir(&jobs_dir)?;
    secret::create_private_dir(&dir.join("agents"))?;
    let blobs = BlobStore::open(&dir.join("blobs"), config.max_blob_bytes)?;
    let (store, saved) = Store::open(&dir)?;
    let bound = blendnet_net::server::bind(config.listen, &identity).await?;
    let address = bound.address();
    let (soft, hard) = blendnet_net::shutdown_signals();
    let context = Arc::new(Context {
        blobs,
        room: Room::open(&dir.join("room"))?,
        farm_tag: crate::providers::farm_tag(authority.cert_pem()),
        provider,
        store,
        authority,
        merger: Merger::new(&jobs_dir),
        jobs_dir,
        tasks: TaskTracker::new(),
        task_api: std::sync::OnceLock::new(),
        shutdown: CancellationToken::new(),
        released: CancellationToken::new(),
        config,
    });
    let farm = farm::start(&context, saved);
    crate::room::add_all(&context.room, &farm).await;
    context.tasks.spawn(crate::reconcile::reap(context.clone(), farm.clone()));
    let tasks = crate::tasks::router(&context, &farm, log).await?;
    let router = server::router(&context, &farm, tasks, password);
    let http_end = CancellationToken::new();
    let http = tokio::spawn(bound.serve(router, http_end.clone()));
    announce(&dir, address)?;
    let _told = discovery::announce(discovery::Kind::Manager, address);
    end_with_parent(&context);
    tokio::select! {
        () = soft.cancelled() => tracing::info!("asked to end; a second signal ends at once"),
        () = context.shutdown.cancelled() => {}
    }
    context.shutdown.cancel();
    context.tasks.close();
    tokio::select! {
        () = context.tasks.wait() => tracing::info!("all work is kept; the manager ends"),
        () = hard.cancelled() => tracing::warn!("ended at once"),
    }
    let _gone = fs_err::remove_file(dir.join("farm.json"));
    http_end.cancel();
    let _served = tokio::time::timeout(std::time::Duration::from_secs(2), http).await;
    Ok(())
}

/// One manager for a folder.
fn lock(dir: &Path) -> anyhow::Result<fs_err::File> {
    let file = fs_err::File::create(dir.join("lock"))?;
    flock(file.file(), FlockOperation::NonBlockingLockExclusive).map_err(|_held| {
        anyhow::anyhow!(
            "another manager runs in {}; end it first (`blendnet farm stop`), or use another --dir",
            dir.display()
        )
    })?;
    Ok(file)
}

fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let listen = config.listen.ip();
    if !listen.is_unspecified() {
        hosts.push(listen.to_string());
    }
    hosts.extend(config.hosts.iter().cloned());
    hosts.dedup();
    hosts
}

/// Tells the one who started us, and whoever looks into the folder, where we listen.
fn announce(dir: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let pid = std::process::id();
    let started_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let farm = serde_json::json!({
        "address": address, "pid": pid, "version": VERSION, "started_secs": started_secs,
    });
    secret::write_private(&dir.join("farm.json"), farm.to_string().as_bytes())?;
    let line = serde_json::json!({ "listening": address, "pid": pid });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("telling our address")?;
    tracing::info!(%address, "the manager listens");
    Ok(())
}

/// Ends when the one who started us is gone, unless we were released.
fn end_with_parent(context: &Arc<Context>) {
    if !context.config.exit_with_parent {
        return;
    }
    let gone = CancellationToken::new();
    blendnet_net::parent::cancel_at_stdin_eof(gone.clone());
    let context = context.clone();
    tokio::spawn(async move {
        gone.cancelled().await;
        if !context.released.is_cancelled() {
            tracing::info!("the program that started the manager is gone; the manager ends");
            context.shutdown.cancel();
        }
    });
}

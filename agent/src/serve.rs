//! The agent as a server: its folder, its keys, its engine, until it is told to end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use blendnet_net::blobs::BlobStore;
use blendnet_net::ca::Identity;
use blendnet_net::log::RecentLog;
use blendnet_net::secret::{self, Password};
use blendnet_net::{Signals, api, auth, discovery, parent, server, signals};
use blendnet_tasks::Tasks;

use crate::config::{Config, cache_dir};
use crate::render::{Engine, EngineSettings};
use crate::room::{self, Membership};
use crate::tasks::AgentTasks;
use crate::{heard, notice};

/// By then the first picture of a farm that was started for it is there.
const TRIAL_DELAY: Duration = Duration::from_secs(20);

/// Serves until a signal, `POST shutdown`, or the end of stdin where that was asked for.
pub async fn serve(mut config: Config, log: RecentLog) -> anyhow::Result<()> {
    blendnet_net::init_crypto();
    let Signals { notice: sigterm, soft, hard } = signals();
    // Blender works in a folder of its own, from where a relative path leads elsewhere.
    for path in std::iter::once(&mut config.dir).chain(&mut config.blenders) {
        *path =
            std::path::absolute(&path).with_context(|| format!("finding {}", path.display()))?;
    }
    let _lock = take_folder(&config.dir)?;
    if config.room.unpair {
        return room::forget(&config.dir).context("leaving the farm");
    }
    let member = if config.room.pair {
        let paired = room::pair(&config.dir, config.listen(None), &soft).await?;
        let Some(paired) = paired else { return clean(&config.dir) };
        Some(paired)
    } else {
        Membership::load(&config.dir)?
    };
    let listen = match &member {
        Some(member) if config.room.pair => member.listen,
        member => config.listen(member.as_ref()),
    };
    let identity = Identity::load_or_create(&config.dir, &config.hosts)
        .context("preparing the certificate")?;
    let password =
        Password::load_or_create(&config.dir.join("password")).context("preparing the password")?;
    let bound = server::bind(listen, &identity).await?;
    let blobs = BlobStore::open(&config.dir.join("blobs"), config.max_blob_bytes)
        .context("opening the blobs")?;
    let engine = Engine::start(settings(&config), blobs);
    tokio::spawn(room::watch(config.availability.clone(), engine.clone(), soft.clone()));
    tokio::spawn(notice::leave(config.notice.clone(), engine.clone(), sigterm, soft.clone()));
    if config.exit_with_parent {
        parent::cancel_at_stdin_eof(soft.clone());
    }
    let host = AgentTasks::new(engine.clone(), config.dir.clone(), soft.clone());
    let tasks = Tasks::open(&config.dir, engine.blobs().clone(), log, host)
        .await
        .context("loading the tasks")?;
    let routes = crate::server::router(engine.clone(), soft.clone())
        .merge(room::routes(&config.dir, &soft))
        .merge(blendnet_tasks::router(Arc::new(tasks)));
    let routes = api::serve(routes, "BlendNet agent");
    let routes = match config.manager_timeout_secs {
        0 => routes,
        secs => heard::end_unheard(routes, Duration::from_secs(secs), soft.clone()),
    };
    let routes = auth::require_password(routes, auth::USER, Arc::new(password));
    // One that a manager launched somewhere is no machine of a room.
    let _told = member.and_then(|_| discovery::announce(discovery::Kind::Agent, bound.address()));
    let line = serde_json::json!({
        "listening": bound.address().to_string(),
        "pid": std::process::id(),
    });
    if config.launched_as.is_some() {
        // For a manager that starts when the one that reads our line has ended.
        let line = line.to_string();
        secret::write_private(&config.dir.join("listening.json"), line.as_bytes())
            .context("noting the address")?;
    }
    writeln!(std::io::stdout(), "{line}").context("telling the address on stdout")?;
    let ended = async {
        // Long polls end with the engine, and the server waits for them.
        let stop = async {
            soft.cancelled().await;
            engine.stop().await;
        };
        tokio::join!(bound.serve(routes, soft.clone()), stop)
    };
    tokio::select! {
        ((), ()) = ended => {}
        () = hard.cancelled() => tracing::warn!("ended at once"),
    }
    clean(&config.dir)
}

fn settings(config: &Config) -> EngineSettings {
    EngineSettings {
        dir: config.dir.clone(),
        cache: cache_dir(&config.dir),
        blenders: config.blenders.clone(),
        look: !config.farm_blenders,
        agent_program: PathBuf::from("/proc/self/exe"),
        threads: config.threads,
        hang_timeout: Duration::from_secs(config.hang_timeout_secs),
        trial_delay: TRIAL_DELAY,
    }
}

/// Makes the folder, takes it for this process alone, and removes what a killed one left.
fn take_folder(dir: &Path) -> anyhow::Result<fs_err::File> {
    secret::create_private_dir(dir).context("making the agent's folder")?;
    let lock = fs_err::File::create(dir.join("lock"))?;
    lock.file().try_lock().with_context(|| {
        format!("another agent uses {}; give this one another --dir", dir.display())
    })?;
    clean(dir)?;
    secret::create_private_dir(&dir.join("work")).context("making the work folder")?;
    Ok(lock)
}

fn clean(dir: &Path) -> anyhow::Result<()> {
    match fs_err::remove_dir_all(dir.join("work")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

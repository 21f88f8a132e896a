//! Joins the farm whose user reads the code on this machine, and leaves it again.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, done};
use blendnet_net::ca::{self, CertRequest, ServerCert};
use blendnet_net::discovery::{Kind, announce};
use blendnet_net::host;
use blendnet_net::pair::{self, Code, Grant, Machine, Offer, PairError, TRIES};
use blendnet_net::secret::{Password, write_private};
use blendnet_protocol::Done;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::blender::sent;

const FILE: &str = "paired.json";

/// What an agent remembers of the farm that it is paired with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// What the farm calls this machine.
    pub name: String,
    /// Where the farm looks for it.
    pub listen: SocketAddr,
}

impl Membership {
    /// Of the agent whose folder this is; `None`: it belongs to nobody.
    pub fn load(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(FILE);
        match fs_err::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| {
                format!("{} is damaged; pair this machine again with --pair", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Shows a code and waits for a farm whose user knows it. `None`: ended before.
pub async fn pair(
    dir: &Path,
    listen: SocketAddr,
    soft: &CancellationToken,
) -> anyhow::Result<Option<Membership>> {
    let request = CertRequest::new().context("making a key")?;
    let password = Password::generate()?;
    let machine = Machine {
        name: host::name(),
        machine_id: machine_id(dir)?,
        request_pem: request.request_pem.clone(),
        password: password.reveal().to_owned(),
    };
    let code = Code::generate()?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}; choose another --listen"))?;
    let listen = listener.local_addr()?;
    tell(&code, listen)?;
    let _told = announce(Kind::WaitsToBePaired, listen);
    let install = |grant: &Grant| -> anyhow::Result<()> {
        let cert =
            ServerCert { cert_pem: grant.cert_pem.clone(), key_pem: request.key_pem.clone() };
        ca::install_bundle(dir, &grant.ca_pem, &cert, &password)?;
        // What another farm sent is not for this one.
        sent::forget(&sent::folder_in(dir))?;
        let membership = Membership { name: grant.name.clone(), listen };
        Ok(write_private(&dir.join(FILE), &serde_json::to_vec(&membership)?)?)
    };
    let offered = tokio::select! {
        offered = pair::offer(&listener, Arc::new(Offer::new(code, machine)), install) => offered,
        () = soft.cancelled() => return Ok(None),
    };
    match offered {
        Ok(Grant { name, .. }) => {
            tracing::info!(name, "this machine belongs to the farm now");
            Ok(Some(Membership { name, listen }))
        }
        Err(PairError::WrongCode { .. }) => anyhow::bail!(
            "{TRIES} wrong codes were given, so this one is good for nothing any more; \
             start again with --pair for another code"
        ),
        Err(error) => Err(error).context("pairing"),
    }
}

/// For the person at this machine.
fn tell(code: &Code, listen: SocketAddr) -> anyhow::Result<()> {
    let address = if listen.ip().is_unspecified() {
        format!("{}:{}", host::name(), listen.port())
    } else {
        listen.to_string()
    };
    let mut said = std::io::stderr();
    writeln!(said, "The code of this machine is {}", code.show())?;
    writeln!(said, "Where the farm runs, enter: blendnet farm pair {address}")?;
    if listen.ip().is_loopback() {
        writeln!(said, "Only this machine can reach {listen}; see --listen")?;
    }
    Ok(())
}

/// Stays the same for the agent of a folder, so that a farm knows a machine that is paired again.
fn machine_id(dir: &Path) -> anyhow::Result<String> {
    let path = dir.join("machine");
    if let Ok(id) = fs_err::read_to_string(&path) {
        return Ok(id);
    }
    let id = Password::generate()?.reveal().to_owned();
    write_private(&path, id.as_bytes())?;
    Ok(id)
}

/// Forgets the farm: its authority, the certificate, the password, and the Blenders that it sent.
pub fn forget(dir: &Path) -> anyhow::Result<()> {
    ca::remove_bundle(dir)?;
    sent::forget(&sent::folder_in(dir))?;
    match fs_err::remove_file(dir.join(FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[derive(Clone)]
struct Leaving {
    dir: PathBuf,
    shutdown: CancellationToken,
}

/// What a farm asks of a machine that it is paired with.
pub fn routes(dir: &Path, shutdown: &CancellationToken) -> OpenApiRouter {
    let leaving = Leaving { dir: dir.to_owned(), shutdown: shutdown.clone() };
    OpenApiRouter::new().routes(routes!(unpair)).with_state(leaving)
}

/// The farm lets go of this machine, which then ends.
#[utoipa::path(delete, path = "/pairing", tag = "room",
    responses((status = 200, description = "Done", body = Done),
        (status = 409, description = "It was not paired")))]
async fn unpair(State(Leaving { dir, shutdown }): State<Leaving>) -> ApiResult<()> {
    let member = Membership::load(&dir).ok().flatten();
    let Some(Membership { name, .. }) = member else {
        return Err(ApiError::conflict("this agent was not paired")
            .hint("one that a manager launched ends with it"));
    };
    if let Err(error) = forget(&dir) {
        return Err(ApiError::internal(error.as_ref()));
    }
    tracing::info!(name, "the farm let go of this machine; pair it again with --pair");
    shutdown.cancel();
    Ok(done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_its_id_and_forgets_its_farm_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let first = machine_id(dir.path()).unwrap();
        assert_eq!(machine_id(dir.path()).unwrap(), first);
        assert_eq!(Membership::load(dir.path()).unwrap(), None);
        fs_err::write(dir.path().join(FILE), "{").unwrap();
        assert!(Membership::load(dir.path()).unwrap_err().to_string().contains("--pair"));
        forget(dir.path()).unwrap();
        forget(dir.path()).unwrap();
        assert_eq!(Membership::load(dir.path()).unwrap(), None);
    }
}

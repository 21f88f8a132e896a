//! Hands something over to the window that is open.

use std::path::Path;
use std::time::{Duration, Instant};

use blendnet_net::client::{Client, ClientError, segment};
use blendnet_net::secret::Password;

use super::board::Standing;
use super::door::{Claim, Order, Sign, folder, sign_path};
use crate::workflow::data_dir::DataDir;
use crate::workflow::problem::Problem;

/// How long a window may take from its start until it answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a window that starts is asked.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(30);

/// The window that is open.
#[derive(Clone, Debug)]
pub struct Window {
    client: Client,
    pid: u32,
}

impl Window {
    /// Finds the window of a data folder; `None`: none is open.
    pub async fn find(data: &DataDir) -> Result<Option<Self>, Problem> {
        let until = Instant::now() + PATIENCE;
        loop {
            if !Claim::is_taken(data)? {
                return Ok(None);
            }
            // The sign goes up when the window can answer.
            if let Some(sign) = read_sign(data) {
                return Self::of(data, &sign).map(Some);
            }
            if Instant::now() > until {
                return Err(Problem::farm("a window of BlendNet is open and does not answer")
                    .hint("close it, or end its process, then try again"));
            }
            tokio::time::sleep(BETWEEN_KNOCKS).await;
        }
    }

    fn of(data: &DataDir, sign: &Sign) -> Result<Self, Problem> {
        let ours = env!("CARGO_PKG_VERSION");
        if sign.version != ours {
            let other = &sign.version;
            let message = format!("BlendNet {other} is open, and this is BlendNet {ours}");
            return Err(Problem::farm(message).hint("close its window, then try again"));
        }
        let folder = folder(data);
        let cant = |e: &dyn std::fmt::Display| Problem::farm(format!("the open window: {e}"));
        let ca = fs_err::read_to_string(folder.join("ca.pem")).map_err(|e| cant(&e))?;
        let password = Password::load(&folder.join("password")).map_err(|e| cant(&e))?;
        let client = Client::new(&sign.address, &ca, &password).map_err(|e| cant(&e))?;
        Ok(Self { client, pid: sign.pid })
    }

    /// Hands something over; gives the id of a hand-over.
    pub async fn hand_over(&self, order: &Order) -> Result<Option<String>, Problem> {
        self.client.post("door", order).await.map_err(|error| self.problem(error))
    }

    /// How far a hand-over is.
    pub async fn standing(&self, id: &str) -> Result<Standing, Problem> {
        let path = format!("door/{}", segment(id));
        self.client.get(&path).await.map_err(|error| self.problem(error))
    }

    fn problem(&self, error: ClientError) -> Problem {
        match error {
            ClientError::Refused { message, hint, .. } => {
                let problem = Problem::input(message);
                match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            other => Problem::farm(format!("the open window does not answer: {other}"))
                .hint(format!("close it, or end its process {}, then try again", self.pid)),
        }
    }
}

fn read_sign(data: &DataDir) -> Option<Sign> {
    let path: &Path = &sign_path(&folder(data));
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

//! The conversation: lines of JSON over TCP, short ones, and never for long.

use super::handshake::{Keys, Side, Started};
use super::{Code, Grant, Machine, PairError, TRIES};
use blendnet_protocol::VERSION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// For one message of the other side.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest message: a request or two certificates.
const MAX_LINE_BYTES: u64 = 32 << 10;
/// Conversations at the same time; further ones are closed at once.
const MAX_TALKS: usize = 16;

/// The first message of either side.
#[derive(Serialize, Deserialize)]
struct Hello {
    blendnet: String,
    element: String,
}

/// Every further one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Proof(String),
    Sealed(String),
    WrongCode { left: u32 },
    Refused(String),
}

struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    fn new(stream: TcpStream) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn send<T: Serialize>(&mut self, message: &T) -> Result<Vec<u8>, PairError> {
        let strange = |error: serde_json::Error| PairError::Strange { reason: error.to_string() };
        let mut line = serde_json::to_vec(message).map_err(strange)?;
        line.push(b'\n');
        let sent = tokio::time::timeout(PATIENCE, self.stream.get_mut().write_all(&line)).await;
        sent.map_err(|_late| PairError::TimedOut)??;
        Ok(line)
    }

    async fn receive<T: DeserializeOwned>(&mut self) -> Result<(T, Vec<u8>), PairError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE_BYTES);
        let read = tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await;
        read.map_err(|_late| PairError::TimedOut)??;
        if line.last() != Some(&b'\n') {
            let reason = "it ended, or said too much".to_owned();
            return Err(PairError::Strange { reason });
        }
        match serde_json::from_slice(&line) {
            Ok(message) => Ok((message, line)),
            Err(error) => Err(PairError::Strange { reason: error.to_string() }),
        }
    }

    async fn send_sealed<T: Serialize>(
        &mut self,
        keys: &mut Keys,
        what: &T,
    ) -> Result<(), PairError> {
        let strange = |error: serde_json::Error| PairError::Strange { reason: error.to_string() };
        let sealed = keys.seal(&serde_json::to_vec(what).map_err(strange)?)?;
        self.send(&Message::Sealed(hex::encode(sealed))).await.map(drop)
    }

    async fn receive_sealed<T: DeserializeOwned>(
        &mut self,
        keys: &mut Keys,
    ) -> Result<T, PairError> {
        let (message, _line) = self.receive().await?;
        let sealed = match message {
            Message::Sealed(sealed) => from_hex(&sealed)?,
            Message::WrongCode { left } => return Err(PairError::WrongCode { left }),
            Message::Refused(why) => return Err(PairError::Refused(why)),
            Message::Proof(_) => {
                return Err(PairError::Strange { reason: "a second proof".to_owned() });
            }
        };
        // Who could not seal it does not know the code.
        let plain = keys.open(sealed).ok_or(PairError::WrongCode { left: 0 })?;
        serde_json::from_slice(&plain)
            .map_err(|error| PairError::Strange { reason: error.to_string() })
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, PairError> {
    hex::decode(text).map_err(|error| PairError::Strange { reason: error.to_string() })
}

fn hello(started: &Started) -> Hello {
    Hello { blendnet: VERSION.to_owned(), element: hex::encode(&started.element) }
}

fn check_version(theirs: &str) -> Result<(), PairError> {
    if theirs == VERSION {
        return Ok(());
    }
    let theirs = theirs.chars().take(20).collect();
    Err(PairError::Version { theirs, ours: VERSION.to_owned() })
}

/// The manager's side, when both know the code: the machine waits for its certificate.
pub struct Joining {
    talk: Talk,
    keys: Keys,
    /// What the machine says of itself.
    pub machine: Machine,
}

impl Joining {
    /// Calls a machine that waits at `address` (`host:port`) and proves to know its code.
    pub async fn knock(address: &str, code: &Code) -> Result<Self, PairError> {
        let unreachable = |source| PairError::Unreachable { address: address.to_owned(), source };
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
        let stream = connected.map_err(|_late| PairError::TimedOut)?.map_err(unreachable)?;
        let mut talk = Talk::new(stream);
        let started = Started::new(Side::Manager, code);
        let ours = talk.send(&hello(&started)).await?;
        let (theirs, line) = talk.receive::<Hello>().await?;
        check_version(&theirs.blendnet)?;
        let mut keys = started.finish(&from_hex(&theirs.element)?, [&ours, &line])?;
        talk.send(&Message::Proof(hex::encode(keys.proof()))).await?;
        let machine = talk.receive_sealed(&mut keys).await?;
        Ok(Self { talk, keys, machine })
    }

    /// Gives the machine its certificate, and waits until it has written it down.
    pub async fn grant(mut self, grant: &Grant) -> Result<Machine, PairError> {
        self.talk.send_sealed(&mut self.keys, grant).await?;
        let () = self.talk.receive_sealed(&mut self.keys).await?;
        Ok(self.machine)
    }

    /// Tells the machine why it gets none.
    pub async fn refuse(mut self, why: &str) {
        let _gone = self.talk.send(&Message::Refused(why.to_owned())).await;
    }
}

/// The agent's side: what it shows and tells.
pub struct Offer {
    /// What its user reads.
    pub code: Code,
    /// What it tells a farm that knows the code.
    pub machine: Machine,
    left: AtomicU32,
}

impl Offer {
    /// An offer with all its tries.
    pub fn new(code: Code, machine: Machine) -> Self {
        Self { code, machine, left: AtomicU32::new(TRIES) }
    }

    /// A try is used up by asking, so that proofs at the same time are counted, too.
    fn take_try(&self) -> Option<u32> {
        let taken =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        taken.ok().map(|before| before - 1)
    }

    fn is_over(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

/// A farm that knew the code; it waits for [`Granted::written`].
struct Granted {
    talk: Talk,
    keys: Keys,
    grant: Grant,
}

/// Waits for a farm that knows the code, and lets `install` write down what it grants. Everybody
/// may call, and who says nothing holds up nobody. An error: too many wrong codes, or `install` failed.
pub async fn offer<E: std::fmt::Display>(
    listener: &TcpListener,
    offer: std::sync::Arc<Offer>,
    install: impl Fn(&Grant) -> Result<(), E>,
) -> Result<Grant, PairError> {
    let mut talks = JoinSet::new();
    loop {
        let talked = tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, peer)) = accepted && talks.len() < MAX_TALKS {
                    let offer = offer.clone();
                    talks.spawn(async move { (answer(stream, &offer).await, peer) });
                }
                continue;
            }
            Some(talked) = talks.join_next() => talked,
        };
        match talked {
            Ok((Ok(mut granted), _peer)) => {
                if let Err(error) = install(&granted.grant) {
                    let why = error.to_string();
                    let _gone = granted.talk.send(&Message::Refused(why.clone())).await;
                    return Err(PairError::Refused(why));
                }
                granted.talk.send_sealed(&mut granted.keys, &()).await?;
                return Ok(granted.grant);
            }
            Ok((Err(error), peer)) => tracing::warn!("{peer} did not pair: {error}"),
            Err(error) => tracing::error!(%error, "a conversation broke"),
        }
        if offer.is_over() {
            return Err(PairError::WrongCode { left: 0 });
        }
    }
}

async fn answer(stream: TcpStream, offer: &Offer) -> Result<Granted, PairError> {
    let mut talk = Talk::new(stream);
    let (theirs, line) = talk.receive::<Hello>().await?;
    let started = Started::new(Side::Agent, &offer.code);
    let ours = talk.send(&hello(&started)).await?;
    check_version(&theirs.blendnet)?;
    let mut keys = started.finish(&from_hex(&theirs.element)?, [&line, &ours])?;
    let (Message::Proof(proof), _line) = talk.receive().await? else {
        return Err(PairError::Strange { reason: "no proof".to_owned() });
    };
    let proof = from_hex(&proof)?;
    let left = offer.take_try().ok_or(PairError::WrongCode { left: 0 })?;
    if !keys.is_proof(&proof) {
        talk.send(&Message::WrongCode { left }).await?;
        return Err(PairError::WrongCode { left });
    }
    offer.left.fetch_add(1, Ordering::SeqCst);
    talk.send_sealed(&mut keys, &offer.machine).await?;
    let grant = talk.receive_sealed(&mut keys).await?;
    Ok(Granted { talk, keys, grant })
}

//! From the code to keys, without any I/O.

use super::{Code, PairError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use spake2::{Ed25519Group, Identity, Spake2};

const MANAGER: &[u8] = b"blendnet-manager";
const AGENT: &[u8] = b"blendnet-agent";
const KEY_LEN: usize = 32;

/// Which side of a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Manager,
    Agent,
}

/// Our half of the key exchange.
pub(super) struct Started {
    state: Spake2<Ed25519Group>,
    side: Side,
    /// What the other side needs.
    pub(super) element: Vec<u8>,
}

impl Started {
    pub(super) fn new(side: Side, code: &Code) -> Self {
        let password = spake2::Password::new(code.bytes());
        let (manager, agent) = (Identity::new(MANAGER), Identity::new(AGENT));
        let (state, element) = match side {
            Side::Manager => Spake2::start_a(&password, &manager, &agent),
            Side::Agent => Spake2::start_b(&password, &manager, &agent),
        };
        Self { state, side, element }
    }

    /// The keys, from their element and both hellos as they were sent, the manager's first.
    pub(super) fn finish(self, element: &[u8], hellos: [&[u8]; 2]) -> Result<Keys, PairError> {
        let bad = |reason: String| PairError::Strange { reason };
        let secret = self.state.finish(element).map_err(|error| bad(error.to_string()))?;
        let mut transcript = digest::Context::new(&digest::SHA256);
        for hello in hellos {
            transcript.update(&(hello.len() as u64).to_be_bytes());
            transcript.update(hello);
        }
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, transcript.finish().as_ref());
        let secret = salt.extract(&secret);
        let proof = hmac::Key::new(hmac::HMAC_SHA256, &expand(&secret, b"proof")?);
        let to_agent = Seal::new(&expand(&secret, b"manager to agent")?)?;
        let to_manager = Seal::new(&expand(&secret, b"agent to manager")?)?;
        let (sending, receiving) = match self.side {
            Side::Manager => (to_agent, to_manager),
            Side::Agent => (to_manager, to_agent),
        };
        Ok(Keys { proof, sending, receiving })
    }
}

fn expand(secret: &hkdf::Prk, purpose: &[u8]) -> Result<[u8; KEY_LEN], PairError> {
    let mut key = [0; KEY_LEN];
    let info = [purpose];
    let filled = secret.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
    filled.map(|()| key).map_err(|error| PairError::Strange { reason: error.to_string() })
}

/// What both sides have after the key exchange, if their codes were the same.
pub(super) struct Keys {
    proof: hmac::Key,
    sending: Seal,
    receiving: Seal,
}

impl Keys {
    /// The manager's proof that it knows the key.
    pub(super) fn proof(&self) -> Vec<u8> {
        hmac::sign(&self.proof, MANAGER).as_ref().to_vec()
    }

    /// Whether the manager knows the key.
    pub(super) fn is_proof(&self, given: &[u8]) -> bool {
        hmac::verify(&self.proof, MANAGER, given).is_ok()
    }

    /// Seals the next message.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, PairError> {
        let mut sealed = plain.to_vec();
        let nonce = self.sending.next()?;
        let done = self.sending.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed);
        done.map(|()| sealed).map_err(|error| PairError::Strange { reason: error.to_string() })
    }

    /// Opens the next message; `None`: the other side has another key.
    pub(super) fn open(&mut self, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = self.receiving.next().ok()?;
        let plain = self.receiving.key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        Some(plain.to_vec())
    }
}

/// The key of one direction, and how many messages went there.
struct Seal {
    key: LessSafeKey,
    count: u32,
}

impl Seal {
    fn new(key: &[u8]) -> Result<Self, PairError> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|error| PairError::Strange { reason: error.to_string() })?;
        Ok(Self { key: LessSafeKey::new(key), count: 0 })
    }

    /// A number is never used twice with a key.
    fn next(&mut self) -> Result<Nonce, PairError> {
        let full = || PairError::Strange { reason: "too many messages".to_owned() };
        self.count = self.count.checked_add(1).ok_or_else(full)?;
        let mut nonce = [0; NONCE_LEN];
        let (number, _rest) = nonce.split_at_mut(size_of::<u32>());
        number.copy_from_slice(&self.count.to_be_bytes());
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

//! `moto_server`, which speaks like Amazon, with a proxy before it that does what moto does not: it
//! answers a repeated client token as Amazon does, lets things go wrong, and gives instances addresses
//! of this computer, so that a test can run what would run on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong now.
#[derive(Debug, Default)]
pub struct Wrong {
    /// So many requests are refused as too many.
    pub throttled: u32,
    /// So many fleets find no capacity.
    pub taken: u32,
    /// There are no machines of these types.
    pub dry: BTreeSet<String>,
    /// So many lists of instances are empty.
    pub late: u32,
    /// All requests are refused.
    pub expired: bool,
}

/// A running `moto_server` behind its proxy. It ends with this.
#[derive(Debug)]
pub struct Moto {
    /// Where the proxy listens.
    pub url: String,
    wrong: Mutex<Wrong>,
    server_address: String,
    fleets: tokio::sync::Mutex<BTreeMap<String, Vec<u8>>>,
    _server: tokio::process::Child,
}

/// The program, if `scripts/setup.sh` could install it.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BLENDNET_TEST_MOTO") {
        return Some(PathBuf::from(named));
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let installed = fs_err::read_dir(cache.join("blendnet")).ok()?.flatten();
    let is_moto = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("moto-");
    let found = installed.filter(|entry| is_moto(&entry.file_name()));
    found.map(|entry| entry.path().join("bin/moto_server")).find(|program| program.exists())
}

impl Moto {
    /// Starts it, if it is installed. Must be called on a runtime that goes on.
    ///
    /// # Panics
    /// If it does not start.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub async fn start() -> Option<Arc<Self>> {
        let Some(program) = program() else {
            eprintln!(
                "SKIPPED: no moto_server; scripts/setup.sh installs it with the tests' other tools"
            );
            return None;
        };
        let mut server = tokio::process::Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("moto_server starts");
        let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
        let server_address = loop {
            let line = lines.next_line().await.expect("its messages").expect("it goes on");
            if let Some((_, address)) = line.split_once("Running on http://") {
                break address.trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let moto = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            wrong: Mutex::default(),
            server_address,
            fleets: tokio::sync::Mutex::default(),
            _server: server,
        });
        let weak = Arc::downgrade(&moto);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Some(moto) = weak.upgrade() else { return };
                tokio::spawn(async move { moto.serve(client).await });
            }
        });
        Some(moto)
    }

    /// Lets things go wrong, or right again.
    pub fn set(&self, change: impl FnOnce(&mut Wrong)) {
        change(&mut self.wrong.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// One request and its answer; every answer closes its connection.
    async fn serve(&self, mut client: TcpStream) {
        let Some((head, body)) = request(&mut client).await else { return };
        let form = String::from_utf8_lossy(&body).into_owned();
        let answer = match self.refusal(&form) {
            Some(answer) => answer,
            None => match value(&form, "ClientToken").filter(|_| action(&form, "CreateFleet")) {
                Some(token) => {
                    let mut fleets = self.fleets.lock().await;
                    if !fleets.contains_key(&token) {
                        fleets.insert(token.clone(), self.forward(&head, &body).await);
                    }
                    fleets[&token].clone()
                }
                None => self.forward(&head, &body).await,
            },
        };
        // A caller that died does not listen.
        let _heard = client.write_all(&answer).await.is_ok();
    }

    fn refusal(&self, form: &str) -> Option<Vec<u8>> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let error = |status: &str, code: &str| {
            let body = format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>said by the test</Message>\
                 </Error></Errors><RequestID>1</RequestID></Response>"
            );
            Some(xml(status, &body))
        };
        if wrong.expired {
            return error("400 Bad Request", "RequestExpired");
        }
        if wrong.throttled > 0 {
            wrong.throttled -= 1;
            return error("503 Service Unavailable", "RequestLimitExceeded");
        }
        let asks_for = |kind: &String| form.contains(&format!("InstanceType={kind}&"));
        let dry = wrong.dry.iter().any(asks_for);
        if (wrong.taken > 0 || dry) && action(form, "CreateFleet") {
            wrong.taken = wrong.taken.saturating_sub(1);
            return Some(xml(
                "200 OK",
                "<CreateFleetResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                 <requestId>1</requestId><fleetId>fleet-1</fleetId><errorSet><item>\
                 <errorCode>InsufficientInstanceCapacity</errorCode>\
                 <errorMessage>There is no Spot capacity</errorMessage></item></errorSet>\
                 <fleetInstanceSet/></CreateFleetResponse>",
            ));
        }
        if wrong.late > 0 && action(form, "DescribeInstances") {
            wrong.late -= 1;
            return Some(xml(
                "200 OK",
                "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                 <requestId>1</requestId><reservationSet/></DescribeInstancesResponse>",
            ));
        }
        None
    }

    async fn forward(&self, head: &str, body: &[u8]) -> Vec<u8> {
        let mut server = TcpStream::connect(&self.server_address).await.expect("moto answers");
        let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
        let dropped = ["connection:", "expect:"];
        let kept = rest.split("\r\n").filter(|line| {
            let line = line.to_ascii_lowercase();
            !dropped.iter().any(|name| line.starts_with(name))
        });
        let kept: Vec<&str> = kept.collect();
        let head = format!("{first}\r\nConnection: close\r\n{}\r\n\r\n", kept.join("\r\n"));
        server.write_all(head.as_bytes()).await.expect("moto listens");
        server.write_all(body).await.expect("moto listens");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await.expect("moto answers");
        on_this_computer(answer)
    }
}

/// Instances of moto's default network, `172.31.0.0/16`, have addresses of this computer instead.
fn on_this_computer(answer: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(answer) {
        // Of the same length, so the head stays true.
        Ok(text) => text.replace("<privateIpAddress>172.31.", "<privateIpAddress>127.31.").into(),
        Err(bytes) => bytes.into_bytes(),
    }
}

fn xml(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn value(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

fn action(form: &str, name: &str) -> bool {
    value(form, "Action").as_deref() == Some(name)
}

/// The head without its empty line, and the body.
async fn request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let lower = head.to_ascii_lowercase();
    if lower.contains("expect: 100-continue") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap_or(0));
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if client.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

//! An agent whose machine is taken away hands in all that it has rendered, and gives the rest back.

use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{AgentId, FarmView, Region, SampleRange};
use blendnet_tests::{Farm, Render, compare_exr, is_running, system_blender, wait_for};
use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SAMPLES: u32 = 384;
const OPTIONS: [&str; 6] = ["--agents", "1", "--threads-per-agent", "1", "--split", "samples"];

/// By then an agent has heard what its cloud says.
const HEARD_SECS: f64 = 4.0;

/// An agent that renders a chunk.
#[derive(Clone, Debug)]
struct InWork {
    agent: AgentId,
    pid: u32,
    doing: Region,
    samples_done: u32,
    elapsed_secs: f64,
}

impl InWork {
    fn of(view: &FarmView) -> Option<Self> {
        let agent = view.agents.first()?;
        let doing = agent.rendering.as_ref()?.region;
        let (id, pid, progress) = (agent.id.clone(), agent.pid?, agent.progress.as_ref()?);
        let (samples_done, elapsed_secs) = (progress.samples_done, progress.elapsed_secs);
        Some(Self { agent: id, pid, doing, samples_done, elapsed_secs })
    }

    /// Whether a good part of the chunk is rendered, and enough left at the speed of this very chunk.
    fn is_in_the_middle(&self) -> bool {
        let (done, all) =
            (f64::from(self.samples_done), f64::from(self.doing.samples.sample_count()));
        done >= all / 8.0 && (all - done) / done * self.elapsed_secs > HEARD_SECS
    }
}

/// Renders, has the agent `told` in the middle of a chunk, and checks that all that it had rendered is merged
/// when it is gone.
async fn taken_away(variables: &[(&str, &str)], tell: impl FnOnce(&Farm, u32)) {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let samples = SAMPLES.to_string();
    let size = ["--size", "288", "162", "--samples", &samples];
    let scene = blender.make_scene("glossy", &folder.path().join("scene.blend"), &size);
    let variables = [&[("BLENDNET_SAVE_SECS", "1")], variables].concat();
    let mut render = Render::start_with(&scene, folder.path(), &OPTIONS, &variables);
    render.wait_for_event("preview");
    let farm = Farm::of(folder.path());
    let in_the_middle =
        |view: &FarmView| InWork::of(view).is_some_and(|work| work.is_in_the_middle());
    let view = farm.wait_until("the middle of a chunk", in_the_middle).await;
    let told = InWork::of(&view).unwrap();
    tell(&farm, told.pid);
    // It renders on until it hears of it, maybe even another chunk.
    let last = RefCell::new(told.clone());
    let view = farm
        .wait_until("another agent in its place", |view| {
            if let Some(now) = InWork::of(view).filter(|now| now.agent == told.agent) {
                last.replace(now);
            }
            view.agents.iter().all(|other| other.id != told.agent)
        })
        .await;
    let frame = &view.jobs[0].frames[0];
    assert_eq!((frame.failures, &frame.failure), (0, &None), "nobody's fault");
    // Nobody else has rendered anything yet: what is merged by now is what it handed in.
    let last = last.into_inner();
    let start = last.doing.samples.start();
    let covers = |sample, range: SampleRange| (range.start()..range.end()).contains(&sample);
    let is_missing = |sample: &u32| !frame.covered.iter().any(|r| covers(*sample, r.samples));
    let unkept: Vec<u32> = (start..start + last.samples_done).filter(is_missing).collect();
    assert!(unkept.is_empty(), "{unkept:?} of {last:?} are lost, which was told as {told:?}");
    wait_for("the end of its process", Duration::from_secs(20), || !is_running(told.pid));
    let rendered = render.finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    let one_go = blender.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    assert_equal_nearly_everywhere(&compare_exr(&rendered.exr(1), &one_go));
}

#[tokio::test]
async fn sigterm_in_mid_range_loses_nothing_that_was_rendered() {
    taken_away(&[], |farm, pid| farm.signal(pid, "TERM")).await;
}

#[tokio::test]
async fn a_spot_notice_in_mid_range_loses_nothing_that_was_rendered() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", service.local_addr().unwrap());
    let taken = Arc::new(AtomicBool::new(false));
    let shared = taken.clone();
    std::thread::spawn(move || {
        for stream in service.incoming().map_while(Result::ok) {
            let _gone = answer(&stream, &shared).is_err();
        }
    });
    let variables = [("BLENDNET_NOTICES", "aws"), ("BLENDNET_METADATA_URL", url.as_str())];
    taken_away(&variables, |_, _| taken.store(true, Ordering::SeqCst)).await;
}

/// Answers as Amazon's service does; of a notice it tells the first who asks.
fn answer(mut stream: &TcpStream, taken: &AtomicBool) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let headers: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let knows = |header: &str| headers.iter().any(|line| line.eq_ignore_ascii_case(header));
    let (status, body) = if request.starts_with("PUT /latest/api/token ") {
        ("200 OK", "session".to_owned())
    } else if !knows("X-aws-ec2-metadata-token: session") {
        ("401 Unauthorized", String::new())
    } else if request.starts_with("GET /latest/meta-data/spot/instance-action ")
        && taken.swap(false, Ordering::SeqCst)
    {
        // Without a time: an agent takes that for half a minute.
        ("200 OK", "{\"action\": \"terminate\"}".to_owned())
    } else {
        ("404 Not Found", String::new())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

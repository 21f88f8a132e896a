use super::*;
use crate::workflow::handoff::client::Window;
use crate::workflow::handoff::tests::{described, handed};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;

/// An open door and what came through it.
struct Opened {
    _dir: tempfile::TempDir,
    data: DataDir,
    came: mpsc::Receiver<Delivery>,
    board: Board,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

async fn opened() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(Some(dir.path())).unwrap();
    let door = Door::put_up(Claim::take(&data).unwrap().unwrap()).await.unwrap();
    let (sender, came) = mpsc::channel();
    let (board, shutdown) = (Board::default(), CancellationToken::new());
    let deliver = move |delivery| sender.send(delivery).unwrap();
    let served = tokio::spawn(door.serve(board.clone(), deliver, shutdown.clone()));
    Opened { _dir: dir, data, came, board, shutdown, served }
}

fn scene(data: &DataDir) -> PathBuf {
    handed(data, &serde_json::to_value(described()).unwrap())
}

#[tokio::test]
async fn a_scene_is_handed_over_once_and_its_way_can_be_followed() {
    let opened = opened().await;
    let window = Window::find(&opened.data).await.unwrap().unwrap();
    let path = scene(&opened.data);
    let id = window.hand_over(&Order::Handoff(path.clone())).await.unwrap().unwrap();
    let Ok(Delivery::Handoff(handoff)) = opened.came.recv() else { panic!("a hand-over") };
    assert_eq!((&handoff.id, handoff.said.frame), (&id, 7));
    assert_eq!(window.standing(&id).await.unwrap(), Standing::HandedOver);
    opened.board.read(&handoff.blend, None);
    assert_eq!(window.standing(&id).await.unwrap(), Standing::Shown);
    let again = window.hand_over(&Order::Handoff(path)).await.unwrap_err();
    assert!(again.message.contains("already"), "{again}");
    assert!(window.standing("00").await.is_err());
    assert!(opened.came.try_recv().is_err());
}

#[tokio::test]
async fn a_second_window_gives_its_scene_to_the_first() {
    let opened = opened().await;
    assert!(Claim::take(&opened.data).unwrap().is_none());
    let window = Window::find(&opened.data).await.unwrap().unwrap();
    for (order, delivery) in [
        (Order::Scene("/a \"b\"\n.blend".into()), Delivery::Scene("/a \"b\"\n.blend".into())),
        (Order::Window, Delivery::Window),
    ] {
        window.hand_over(&order).await.unwrap();
        assert_eq!(opened.came.recv().unwrap(), delivery);
    }
}

#[tokio::test]
async fn a_window_that_closed_can_be_followed_by_another() {
    let opened = opened().await;
    opened.shutdown.cancel();
    opened.served.await.unwrap();
    assert!(Window::find(&opened.data).await.unwrap().is_none());
    assert!(Claim::take(&opened.data).unwrap().is_some());
}

#[tokio::test]
async fn only_the_user_can_read_what_opens_the_door() {
    let opened = opened().await;
    let folder = folder(&opened.data);
    let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in ["password", "ca.key", "server.key", "door.json"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_password_or_that_of_an_earlier_window_opens_nothing() {
    let opened = opened().await;
    let folder = folder(&opened.data);
    let path = scene(&opened.data);
    let right = fs_err::read_to_string(folder.join("password")).unwrap();
    for wrong in ["wrong", &right.chars().rev().collect::<String>()] {
        fs_err::write(folder.join("password"), wrong).unwrap();
        let window = Window::find(&opened.data).await.unwrap().unwrap();
        let problem = window.hand_over(&Order::Handoff(path.clone())).await.unwrap_err();
        assert!(problem.message.contains("password"), "{problem}");
    }
    assert!(opened.came.try_recv().is_err());
}

#[tokio::test]
async fn a_window_of_another_version_is_told_from_ours() {
    let opened = opened().await;
    let path = sign_path(&folder(&opened.data));
    let mut sign: Sign = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    sign.version = "9.9.9".to_owned();
    fs_err::write(&path, serde_json::to_vec(&sign).unwrap()).unwrap();
    let problem = Window::find(&opened.data).await.unwrap_err();
    assert!(problem.message.contains("9.9.9") && problem.hint.is_some(), "{problem}");
}

#[test]
fn what_only_browsers_send_is_refused() {
    let ours = [("host", "127.0.0.1:7"), ("content-type", "application/json")];
    let refused = |headers: &[(&'static str, &'static str)]| {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        why_not(&Method::POST, &all, "127.0.0.1:7").is_some()
    };
    assert!(!refused(&ours));
    for header in [
        ("origin", "null"),
        ("origin", "https://127.0.0.1:7"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "no-cors"),
        ("host", "evil.example:7"),
        ("host", "localhost:7"),
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        assert!(refused(&[ours.as_slice(), &[header]].concat()), "{header:?}");
    }
    assert!(refused(&[ours[0]]) && refused(&[ours[1]]));
}

use super::*;
use crate::testing::{Farm, Reply};
use axum::Router;
use bytes::Bytes;
use futures_util::stream;
use sha1::{Digest as _, Sha1};
use std::sync::Mutex;
use tokio::io::AsyncWriteExt as _;

const MAX_BYTES: u64 = 64 << 20;

fn id_of(bytes: &[u8]) -> BlobId {
    sha256_reader(&mut io::Cursor::new(bytes)).unwrap().0
}

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

fn body_of(bytes: &[u8]) -> impl Stream + use<> {
    let chunks: Vec<_> = bytes
        .chunks(10_000)
        .map(|chunk| Ok::<_, io::Error>(Bytes::copy_from_slice(chunk)))
        .collect();
    stream::iter(chunks)
}

trait Stream: futures_util::Stream<Item = Result<Bytes, io::Error>> {}
impl<S: futures_util::Stream<Item = Result<Bytes, io::Error>>> Stream for S {}

fn store(dir: &Path) -> BlobStore {
    BlobStore::open(&dir.join("blobs"), MAX_BYTES).unwrap()
}

/// Nothing half done is there and nothing is promised.
fn assert_clean(store: &BlobStore) {
    assert_eq!(fs::read_dir(store.incoming()).unwrap().count(), 0, "no file on its way in");
    assert_eq!(store.0.space.promised_bytes(), 0, "no space is promised");
}

async fn farm() -> (Farm, BlobStore) {
    let made = Mutex::new(None);
    let farm = Farm::start(|dir| {
        let store = store(dir);
        *made.lock().unwrap() = Some(store.clone());
        Router::new().nest("/api/v1", routes(store).into())
    });
    let farm = farm.await;
    (farm, made.into_inner().unwrap().unwrap())
}

#[tokio::test]
async fn what_is_received_is_a_read_only_file_named_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for size in [0, 1, 3 << 20] {
        let bytes = some_bytes(size);
        let sha1 = hex::encode_upper(Sha1::digest(&bytes));
        let expect = Expect { sha256: Some(id_of(&bytes)), sha1: Some(sha1), start: 0 };
        let (id, stored) = store.receive(body_of(&bytes), size as u64, expect).await.unwrap();
        assert_eq!((&id, stored), (&id_of(&bytes), size as u64));
        let path = store.path(&id).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(store.size_bytes(&id), Some(size as u64));
    }
    assert_clean(&store);
}

#[tokio::test]
async fn wrong_content_is_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let bytes = some_bytes(2 << 20);
    let size = bytes.len() as u64;
    let other = Expect { sha256: Some(id_of(b"other")), ..Expect::default() };
    let error = store.receive(body_of(&bytes), size, other).await.unwrap_err();
    assert!(matches!(error, BlobError::Checksum { algorithm: "SHA-256", .. }), "{error}");
    let other = Expect { sha1: Some("0".repeat(40)), ..Expect::default() };
    let error = store.receive(body_of(&bytes), size, other).await.unwrap_err();
    assert!(matches!(error, BlobError::Checksum { algorithm: "SHA-1", .. }), "{error}");
    let path = Expect {
        sha1: Some("../../../../../../../../../../etc/passw".into()),
        ..Expect::default()
    };
    let error = store.receive(body_of(&bytes), size, path).await.unwrap_err();
    assert!(matches!(error, BlobError::NotSha1 { .. }), "{error}");
    assert!(store.list().unwrap().is_empty());
    assert_clean(&store);
}

#[tokio::test]
async fn uploads_of_another_length_than_announced_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let bytes = some_bytes(2 << 20);
    let size = bytes.len() as u64;
    let error = store.receive(body_of(&bytes), size + 1, Expect::default()).await.unwrap_err();
    assert!(matches!(error, BlobError::Cut { .. }) && error.is_transient(), "{error}");
    let error = store.receive(body_of(&bytes), size - 1, Expect::default()).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLong { .. }), "{error}");
    let broken = stream::iter([Ok(Bytes::from(bytes)), Err(io::Error::other("gone"))]);
    let error = store.receive(broken, size, Expect::default()).await.unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    assert!(store.list().unwrap().is_empty());
    assert_clean(&store);
}

#[tokio::test]
async fn the_disk_is_shared_fairly_and_space_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let free = space::RESERVE_BYTES + (3 << 20);
    let space = Space::measured_by(move || Ok(free));
    let store = BlobStore::with_space(&dir.path().join("blobs"), MAX_BYTES, space).unwrap();
    let endless = stream::pending::<Result<Bytes, io::Error>>();
    let mut first = Box::pin(store.receive(endless, 2 << 20, Expect::default()));
    assert!(futures_util::poll!(&mut first).is_pending());
    let bytes = some_bytes(2 << 20);
    let error = store.receive(body_of(&bytes), 2 << 20, Expect::default()).await.unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    drop(first);
    while store.0.space.promised_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    store.receive(body_of(&bytes), 2 << 20, Expect::default()).await.unwrap();
    let error = store.receive(body_of(&bytes), MAX_BYTES + 1, Expect::default()).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { .. }), "{error}");
    assert_clean(&store);
}

#[tokio::test]
async fn local_files_are_moved_or_copied_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let file = dir.path().join("render.exr");
    fs::write(&file, b"pixels").unwrap();
    assert_eq!(hash_file(&file).unwrap(), (id_of(b"pixels"), 6));
    assert_eq!(store.copy_in(&file).await.unwrap(), (id_of(b"pixels"), 6));
    assert_eq!(fs::read(&file).unwrap(), b"pixels");
    assert_eq!(store.adopt(&file).await.unwrap(), (id_of(b"pixels"), 6));
    assert!(!file.exists() && store.contains(&id_of(b"pixels")));
    assert_eq!(store.put_bytes(b"look").unwrap(), id_of(b"look"));
    assert_eq!(store.missing(&[id_of(b"x"), id_of(b"look")]), [id_of(b"x")]);
    for bad in [dir.path().to_owned(), dir.path().join("gone"), "/dev/zero".into()] {
        assert!(store.adopt(&bad).await.is_err() && store.copy_in(&bad).await.is_err());
    }
    store.remove(&id_of(b"look")).unwrap();
    store.remove(&id_of(b"look")).unwrap();
    assert_eq!(store.list().unwrap(), [id_of(b"pixels")]);
    assert_clean(&store);
}

#[test]
fn a_disk_that_is_full_in_the_middle_is_told_from_other_trouble() {
    let full = || BlobError::of_write(rustix::io::Errno::NOSPC.into());
    assert!(full().is_disk_full());
    assert_eq!(crate::answer::ApiError::from(full()).status.as_u16(), 507);
    let other = BlobError::of_write(rustix::io::Errno::IO.into());
    assert!(!other.is_disk_full());
    assert_eq!(crate::answer::ApiError::from(other).status.as_u16(), 500);
}

#[test]
fn what_an_earlier_process_left_half_done_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    fs::write(first.incoming().join(".tmpabc"), b"half").unwrap();
    first.put_bytes(b"whole").unwrap();
    let second = store(dir.path());
    assert_eq!(second.list().unwrap(), [id_of(b"whole")]);
    assert_clean(&second);
}

#[tokio::test]
async fn blobs_go_up_and_down_over_https() {
    let (farm, store) = farm().await;
    let bytes = some_bytes(5 << 20);
    let (from, to) = (farm.dir.path().join("from"), farm.dir.path().join("to"));
    fs::write(&from, &bytes).unwrap();
    let id = id_of(&bytes);
    let (client, ids) = (farm.client(), std::slice::from_ref(&id));
    assert_eq!(client.missing_blobs(ids).await.unwrap(), ids);
    let (one, two) = tokio::join!(client.send_blob(&id, &from), client.send_blob(&id, &from));
    one.and(two).unwrap();
    client.send_blob(&id, &from).await.unwrap();
    assert!(client.missing_blobs(ids).await.unwrap().is_empty());
    let path = format!("blob/{id}");
    client.download(&path, &to, Some(&id)).await.unwrap();
    assert_eq!(fs::read(&to).unwrap(), bytes);
    let error = client.download(&path, &to, Some(&id_of(b"other"))).await.unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert_eq!(fs::read(&to).unwrap(), bytes, "the old file stays");
    assert_eq!(fs::read_dir(farm.dir.path()).unwrap().count(), 4, "no temporary file is left");
    assert_clean(&store);
    farm.ended().await;
}

#[tokio::test]
async fn two_uploads_of_one_blob_at_the_same_time_both_succeed() {
    let (farm, store) = farm().await;
    let bytes = some_bytes(1 << 20);
    let id = id_of(&bytes);
    let head = format!(
        "PUT /api/v1/blob/{id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
        farm.login(),
        bytes.len()
    );
    let (mut one, mut two) = (farm.connect().await, farm.connect().await);
    let (first, rest) = bytes.split_at(100_000);
    for stream in [&mut one, &mut two] {
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(first).await.unwrap();
        stream.flush().await.unwrap();
    }
    while store.0.space.promised_bytes() < bytes.len() as u64 + 1 {
        tokio::task::yield_now().await;
    }
    for stream in [&mut one, &mut two] {
        stream.write_all(rest).await.unwrap();
        assert_eq!(Reply::read(stream).await.status, 200);
    }
    assert_eq!(fs::read(store.path(&id).unwrap()).unwrap(), bytes);
    assert_clean(&store);
    farm.ended().await;
}

/// Sends the beginning of a blob, then breaks the connection; how much of it is kept.
async fn cut(farm: &Farm, store: &BlobStore, bytes: &[u8], sent: usize) -> u64 {
    let id = id_of(bytes);
    let mut stream = farm.connect().await;
    let head = format!(
        "PUT /api/v1/blob/{id} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n",
        farm.login(),
        bytes.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..sent]).await.unwrap();
    stream.flush().await.unwrap();
    while store.0.space.promised_bytes() == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    let half = || store.received_bytes(&id) > 0;
    let files = || fs::read_dir(store.incoming()).unwrap().count();
    while store.0.space.promised_bytes() > 0 || files() > usize::from(half()) {
        tokio::task::yield_now().await;
    }
    assert!(!store.contains(&id));
    store.received_bytes(&id)
}

#[tokio::test]
async fn an_upload_that_is_cut_half_way_is_gone_on_with() {
    let (farm, store) = farm().await;
    let bytes = some_bytes(12 << 20);
    let id = id_of(&bytes);
    let kept = cut(&farm, &store, &bytes, 9 << 20).await;
    assert!(kept >= 1 << 20, "{kept}");
    let asked: u64 = farm.client().get(&format!("blob/{id}/received")).await.unwrap();
    assert_eq!(asked, kept);
    let file = farm.dir.path().join("again");
    // Another first byte: it would be refused if it were sent once more.
    let mut other = bytes.clone();
    other[0] ^= 1;
    fs::write(&file, &other).unwrap();
    let sent = crate::client::Sent::default();
    farm.client().put_blob(&id, &file, other.len() as u64, &sent).await.unwrap();
    assert_eq!(fs::read(store.path(&id).unwrap()).unwrap(), bytes, "only the rest was sent");
    assert_clean(&store);
    farm.ended().await;
}

#[tokio::test]
async fn a_beginning_that_is_wrong_is_refused_and_forgotten() {
    let (farm, store) = farm().await;
    let bytes = some_bytes(12 << 20);
    let mut other = bytes.clone();
    other[0] ^= 1;
    let id = id_of(&bytes);
    fs::write(store.partial(&id), &other[..9 << 20]).unwrap();
    let file = farm.dir.path().join("file");
    fs::write(&file, &bytes).unwrap();
    let sent = crate::client::Sent::default();
    let client = farm.client();
    let again = || client.put_blob(&id, &file, bytes.len() as u64, &sent);
    assert_eq!(again().await.unwrap_err().status().unwrap().as_u16(), 409);
    again().await.unwrap();
    assert_eq!(fs::read(store.path(&id).unwrap()).unwrap(), bytes);
    farm.ended().await;
}

#[tokio::test]
async fn beginnings_survive_a_restart_and_small_ones_are_not_kept() {
    let (farm, store) = farm().await;
    let small = some_bytes(900 << 10);
    assert_eq!(cut(&farm, &store, &small, 800 << 10).await, 0);
    let bytes = some_bytes(4 << 20);
    let kept = cut(&farm, &store, &bytes, 3 << 20).await;
    farm.ended().await;
    let again = BlobStore::open(store.0.dir.as_path(), 1 << 30).unwrap();
    assert_eq!(again.received_bytes(&id_of(&bytes)), kept);
}

#[tokio::test]
async fn small_blobs_travel_in_bundles() {
    let (farm, store) = farm().await;
    let contents: Vec<Vec<u8>> = (0..1000_u32).map(|n| n.to_le_bytes().repeat(300)).collect();
    let mut bundle = crate::blobs::Bundle::default();
    assert!(contents.iter().all(|content| bundle.add(&id_of(content), content)));
    farm.client().put_bundle(bundle).await.unwrap();
    assert!(contents.iter().all(|content| store.contains(&id_of(content))));
    assert_clean(&store);
    farm.ended().await;
}

#[tokio::test]
async fn absurd_requests_are_refused_at_once_and_later_ones_are_served() {
    let (farm, store) = farm().await;
    let (id, login) = (id_of(b"small"), farm.login());
    let put = |id: &str, more: &str| format!("PUT /api/v1/blob/{id} HTTP/1.1\r\n{login}{more}");
    let hash = id.as_str();
    let path_sha1 = "Content-Length: 5\r\nX-Checksum-Sha1: ../../../etc/passwd\r\n";
    for (request, status, code) in [
        (put(hash, "Content-Length: 1000000000000000\r\n"), 413, "too_large"),
        (put(hash, ""), 411, "length_required"),
        (put(hash, "Transfer-Encoding: chunked\r\n"), 411, "length_required"),
        (put(hash, path_sha1), 400, "bad_request"),
        (put("..%2f..%2fetc%2fpasswd", "Content-Length: 5\r\n"), 400, "bad_request"),
        (put("..", "Content-Length: 5\r\n"), 400, "bad_request"),
        (put(".incoming", "Content-Length: 5\r\n"), 400, "bad_request"),
        (put(&hash.to_uppercase(), "Content-Length: 5\r\n"), 400, "bad_request"),
        (put("%ff%fe", "Content-Length: 5\r\n"), 400, "bad_request"),
        (format!("GET /api/v1/blob/..%2Fids%2Fca.key HTTP/1.1\r\n{login}"), 400, "bad_request"),
        (format!("GET /api/v1/blob/../ids/ca.key HTTP/1.1\r\n{login}"), 404, "not_found"),
        (format!("GET /api/v1/blob/{hash} HTTP/1.1\r\n{login}"), 404, "not_found"),
        (format!("DELETE /api/v1/blob/{hash} HTTP/1.1\r\n{login}"), 405, "method_not_allowed"),
    ] {
        let reply = farm.raw(&request).await;
        assert_eq!((reply.status, reply.code()), (status, code.to_owned()), "{request}");
    }
    let negative = farm.raw(&put(hash, "Content-Length: -1\r\n")).await;
    assert_eq!(negative.status, 400);
    assert_clean(&store);
    let file = farm.dir.path().join("small");
    fs::write(&file, b"small").unwrap();
    farm.client().send_blob(&id, &file).await.unwrap();
    farm.ended().await;
}

#[tokio::test]
async fn wrong_checksums_over_https_are_a_conflict_that_reaches_the_client() {
    let (farm, store) = farm().await;
    let file = farm.dir.path().join("file");
    fs::write(&file, some_bytes(3 << 20)).unwrap();
    let path = format!("blob/{}", id_of(b"other"));
    let error = farm.client().put_file(&path, &file, 3 << 20).await.unwrap_err();
    assert_eq!(error.code(), Some("checksum_mismatch"), "{error}");
    assert!(store.list().unwrap().is_empty());
    assert_clean(&store);
    farm.ended().await;
}

#[tokio::test]
async fn a_blob_is_sent_in_parts_and_only_when_it_is_needed() {
    let (farm, store) = farm().await;
    let id = store.put_bytes(b"0123456789").unwrap();
    let get = |method: &str, more: &str| {
        format!("{method} /api/v1/blob/{id} HTTP/1.1\r\n{}{more}", farm.login())
    };
    let etag = format!("etag: \"{id}\"");
    let whole = farm.raw(&get("GET", "")).await;
    assert_eq!((whole.status, whole.body.as_str()), (200, "0123456789"));
    assert!(whole.head.contains(&etag) && whole.head.contains("content-length: 10"));
    let head = farm.raw(&get("HEAD", "")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: 10") && head.head.contains(&etag));
    let part = farm.raw(&get("GET", "Range: bytes=3-5\r\n")).await;
    assert_eq!((part.status, part.body.as_str()), (206, "345"));
    assert!(part.head.contains("content-range: bytes 3-5/10"), "{}", part.head);
    let beyond = farm.raw(&get("GET", "Range: bytes=10-\r\n")).await;
    assert_eq!((beyond.status, beyond.code()), (416, "range_not_satisfiable".to_owned()));
    assert!(beyond.head.contains("content-range: bytes */10"), "{}", beyond.head);
    let known = farm.raw(&get("GET", &format!("If-None-Match: \"x\", W/\"{id}\"\r\n"))).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    let stale = farm.raw(&get("GET", "Range: bytes=3-5\r\nIf-Range: \"old\"\r\n")).await;
    assert_eq!((stale.status, stale.body.as_str()), (200, "0123456789"));
    farm.ended().await;
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke() {
    use axum::http::{HeaderMap, header::RANGE};
    use axum::response::{IntoResponse as _, Response};
    let dir = tempfile::tempdir().unwrap();
    let bytes = some_bytes(1 << 20);
    let file = dir.path().join("file");
    fs::write(&file, &bytes).unwrap();
    let served = file.clone();
    let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&asked);
    // The first answer breaks in the middle.
    let breaking = move |headers: HeaderMap| async move {
        let range = headers.get(RANGE).map(|range| range.to_str().unwrap().to_owned());
        let is_first = range.is_none();
        seen.lock().unwrap().push(range);
        let whole = file_response(&served, &headers, "image/x-exr").await;
        if !is_first {
            return whole;
        }
        let (parts, body) = whole.into_parts();
        let start = axum::body::to_bytes(body, 1 << 20).await.unwrap().slice(..600_000);
        let broken = stream::iter([Ok(start), Err(io::Error::other("broken"))]);
        let paced = futures_util::StreamExt::then(broken, |item| async {
            tokio::task::yield_now().await;
            item
        });
        Response::from_parts(parts, axum::body::Body::from_stream(paced)).into_response()
    };
    let farm = Farm::start(|_| Router::new().route("/file", axum::routing::get(breaking))).await;
    let to = dir.path().join("to");
    farm.client().download("/file", &to, Some(&id_of(&bytes))).await.unwrap();
    assert_eq!(fs::read(&to).unwrap(), bytes);
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].as_ref().is_some_and(|range| range != "bytes=0-"), "{asked:?}");
    farm.ended().await;
}

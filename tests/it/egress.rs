//! Alerts sent to destinations outside, as those who run them meet it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::*;

const SECRET: &str = "a-secret-of-some-length";

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }
}

/// What a receiver is to say, request by request; after that 200.
type Script = Arc<Mutex<VecDeque<Reply>>>;

#[derive(Clone, Copy, Debug)]
enum Reply {
    Status(u16),
    RetryAfter(u16, u32),
    Never,
}

/// A small HTTP server that keeps what it gets.
struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn new(script: &[Reply]) -> Receiver {
        Receiver::at(any_port(), script).await
    }

    async fn at(address: SocketAddr, script: &[Reply]) -> Receiver {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::default();
        let script: Script = Arc::new(Mutex::new(script.iter().copied().collect()));
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&script)));
            }
        });
        Receiver { address, seen, task }
    }

    fn url(&self) -> String {
        format!("http://{}/hook/s3cr3t-path", self.address)
    }

    fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    async fn has(&self, number: usize) -> Vec<Received> {
        self.until(&format!("{number} requests"), |seen| seen.len() >= number).await
    }

    async fn until(&self, what: &str, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let waited = timeout(PATIENCE, async {
            while !enough(&self.seen()) {
                tokio::task::yield_now().await;
            }
        });
        if waited.await.is_err() {
            panic!("never came: {what}; there are {:#?}", self.seen());
        }
        self.seen()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Received>>>, script: Script) {
    let mut buffer = Vec::new();
    loop {
        let Some(received) = request(&mut stream, &mut buffer).await else { return };
        let reply = script.lock().unwrap().pop_front().unwrap_or(Reply::Status(200));
        seen.lock().unwrap().push(received);
        let head = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} S\r\n"),
            Reply::RetryAfter(status, s) => format!("HTTP/1.1 {status} S\r\nretry-after: {s}\r\n"),
            Reply::Never => {
                // Until the other side has had enough of it.
                let _ = stream.read_buf(&mut buffer).await;
                return;
            }
        };
        let answer = format!("{head}content-length: 4\r\n\r\nfine");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request on a connection; `None` at its end.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some((received, length)) = parse(buffer) {
            buffer.drain(..length);
            return Some(received);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(buffer: &[u8]) -> Option<(Received, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..end]).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().unwrap();
    let body = buffer.get(end..end + length)?;
    let body = String::from_utf8(body.to_vec()).unwrap();
    Some((Received { path, headers, body }, end + length))
}

/// A server with destinations in a configuration of its own.
struct Stage {
    folder: tempfile::TempDir,
    address: SocketAddr,
    on_disk: bool,
}

impl Stage {
    fn new(destinations: &str) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        let stage = Stage { folder, address: any_port(), on_disk: true };
        stage.configure(destinations);
        stage
    }

    fn configure(&self, destinations: &str) {
        let text = destinations.replace("SECRET", self.path("secret").to_str().unwrap());
        let text = format!("[server]\npublic_url = \"https://calls.example\"\n{text}");
        std::fs::write(self.path("forewarn.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        self.path("forewarn.toml").to_str().unwrap().to_owned()
    }

    /// The same again where it was.
    fn start(&mut self) -> Server {
        let (config, data) = (self.config(), self.path("data"));
        let mut arguments = vec!["--config", &config];
        if self.on_disk {
            arguments.extend(["--data-dir", data.to_str().unwrap()]);
        }
        let server = Server::at_with(self.address, &arguments);
        self.address = server.address;
        server
    }
}

/// Somebody asks for help on a call that is new; gives the alert.
async fn ask_for_help(server: &Server, board: &mut Peer, call_id: &str) -> Value {
    let mut platform = server.ingest().await;
    let start = json!({"call_id": call_id, "queue": "billing", "team": "t1", "agent_id": "ana"});
    platform.start_with(start).await;
    platform.chunk(call_id, 1, "customer", "hello there").await;
    platform.acked(call_id, 1).await;
    let help = json!({"type": "raise_hand", "call_id": call_id, "note": "<!channel> a & b"});
    board.send(help).await;
    board.find(|m| m["type"] == "alert" && m["alert"]["call_id"] == call_id).await["alert"].clone()
}

async fn act(board: &mut Peer, what: &str, alert: &Value, more: Value) {
    let mut command = json!({"type": what, "alert_id": alert["alert_id"]});
    for (name, value) in more.as_object().unwrap() {
        command[name] = value.clone();
    }
    let reply = board.command(what, command).await;
    assert_eq!(reply["ok"], true, "{reply}");
}

fn resolved() -> Value {
    json!({"outcome": "averted"})
}

fn destination(name: &str, url: &str, more: &str) -> String {
    format!("[[destination]]\nname = \"{name}\"\nurl = \"{url}\"\nretry_min_ms = 1\n{more}\n")
}

/// Waits until `/metrics` shows it: what is counted comes after what is sent.
async fn counts(server: &Server, name: &str, enough: impl Fn(u64) -> bool) {
    let asked = timeout(PATIENCE, async {
        while !enough(server.metric(name).await) {
            tokio::task::yield_now().await;
        }
    });
    assert!(asked.await.is_ok(), "{name} is {}", server.metric(name).await);
}

/// As a receiver would, by the recipe in `src/egress/signature.rs`.
fn assert_signed(received: &Received) {
    let header = |name: &str| received.headers[name].clone();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{id}.{at}.{}", received.body).as_bytes());
    let expected = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    assert_eq!(id, received.id());
}

#[tokio::test]
async fn an_alert_arrives_signed_as_consoles_have_it() {
    let receiver = Receiver::new(&[]).await;
    let url = receiver.url();
    let more = "secret_file = \"SECRET\"\nheaders_file = \"HEADERS\"";
    let mut stage = Stage::new("");
    let headers = stage.path("headers");
    std::fs::write(&headers, "Authorization: Bearer t0ken\n\nX-Team: a: b\n").unwrap();
    let more = more.replace("HEADERS", headers.to_str().unwrap());
    stage.configure(&destination("own", &url, &more));
    let server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c-1").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    act(&mut board, "resolve", &alert, resolved()).await;
    let seen = receiver.has(3).await;
    for received in &seen {
        assert_signed(received);
        assert_eq!(received.path, "/hook/s3cr3t-path");
        assert_eq!(received.headers["content-type"], "application/cloudevents+json");
        assert_eq!(received.headers["authorization"], "Bearer t0ken");
        assert_eq!(received.headers["x-team"], "a: b");
        let event = received.json();
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], "https://calls.example");
        assert_eq!(event["subject"], "c-1");
    }
    let types: Vec<Value> = seen.iter().map(|received| received.json()["type"].clone()).collect();
    let expected = ["raised", "acknowledged", "resolved"].map(|s| format!("forewarn.alert.{s}"));
    assert_eq!(types, expected);
    let mut shown = alert.clone();
    shown.as_object_mut().unwrap().remove("latency_us");
    assert_eq!(seen[0].json()["data"], shown);
    let ids: HashSet<String> = seen.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 3);
    counts(&server, "egress_deliveries_total{destination=\"own\",result=\"delivered\"}", |sent| {
        sent == 3
    })
    .await;
    counts(&server, "egress_waiting{destination=\"own\"}", |left| left == 0).await;
}

#[tokio::test]
async fn what_fails_is_sent_again_before_anything_else() {
    let fails = [Reply::Status(500), Reply::Status(503), Reply::RetryAfter(429, 0)];
    let receiver = Receiver::new(&fails).await;
    let mut stage = Stage::new(&destination("own", &receiver.url(), ""));
    let server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c-1").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    let seen = receiver.has(5).await;
    let ids: Vec<String> = seen.iter().map(Received::id).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0], "{ids:?}");
    assert_eq!(seen[0].body, seen[3].body);
    server.logged("not delivered; it is tried again").await;
    server.logged("delivered after failures").await;
    assert!(!seen[0].headers.contains_key("webhook-signature"), "nothing signs without a secret");
}

#[tokio::test]
async fn nothing_is_lost_when_server_and_receiver_die() {
    let receiver = Receiver::new(&[]).await;
    let (url, place) = (receiver.url(), receiver.address);
    drop(receiver);
    let mut stage = Stage::new(&destination("own", &url, "retry_max_s = 1"));
    let mut server = stage.start();
    let mut board = server.board("sup").await;
    let mut raised = Vec::new();
    for call in 0..5 {
        let alert = ask_for_help(&server, &mut board, &format!("c-{call}")).await;
        act(&mut board, "acknowledge", &alert, json!({})).await;
        raised.push(alert);
    }
    server.logged("not delivered").await;
    let (status, _, body) = http(server.address, "GET", "/readyz", "").await;
    assert!(status == 200 && body.contains("destination `own` takes nothing"), "{body}");
    server.kill();
    server.wait();

    let mut server = stage.start();
    let mut board = server.board("sup").await;
    act(&mut board, "resolve", &raised[0], resolved()).await;
    let receiver = Receiver::at(place, &[]).await;
    let seen = receiver.has(11).await;
    server.kill();
    server.wait();
    let events: Vec<(String, String)> = seen
        .iter()
        .map(|received| {
            let event = received.json();
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            (text("subject"), text("type").replace("forewarn.alert.", ""))
        })
        .collect();
    let mut expected = Vec::new();
    for call in 0..5 {
        for step in ["raised", "acknowledged"] {
            expected.push((format!("c-{call}"), step.to_owned()));
        }
    }
    expected.push(("c-0".into(), "resolved".into()));
    assert_eq!(events, expected, "all of it, in order");

    // What it noted of its way before the second kill decides what comes again; whatever does is
    // the same to the letter.
    let server = stage.start();
    let mut board = server.board("sup").await;
    act(&mut board, "resolve", &raised[1], resolved()).await;
    let is_last = |received: &Received| {
        let event = received.json();
        event["subject"] == "c-1" && event["type"] == "forewarn.alert.resolved"
    };
    let all = receiver.until("the last", |seen| seen.iter().any(is_last)).await;
    let known: BTreeMap<String, String> =
        seen.iter().map(|received| (received.id(), received.body.clone())).collect();
    for again in all[11..].iter().filter(|received| !is_last(received)) {
        assert_eq!(known[&again.id()], again.body);
    }
}

#[tokio::test]
async fn what_was_delivered_is_not_sent_again_after_a_drain() {
    let receiver = Receiver::new(&[]).await;
    let mut stage = Stage::new(&destination("own", &receiver.url(), ""));
    let mut server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c-1").await;
    receiver.has(1).await;
    drop(board);
    server.terminate();
    assert!(server.wait().success());
    // A destination under another name begins with what comes from now on.
    let both = [destination("own", &receiver.url(), ""), destination("new", &receiver.url(), "")];
    stage.configure(&both.concat());
    let server = stage.start();
    let mut board = server.board("sup").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    let seen = receiver.has(3).await;
    let types: Vec<Value> = seen.iter().map(|received| received.json()["type"].clone()).collect();
    let taken = "forewarn.alert.acknowledged";
    assert_eq!(types, ["forewarn.alert.raised", taken, taken]);
    drop(server);
    assert_eq!(receiver.seen().len(), 3);
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_nobody_up() {
    let receiver = Receiver::new(&[Reply::Never; 64]).await;
    let more = "timeout_s = 3600\n[server]\ndrain_timeout_s = 2\n";
    let text = destination("own", &receiver.url(), more);
    let mut stage = Stage::new("");
    std::fs::write(stage.path("forewarn.toml"), text).unwrap();
    let mut server = stage.start();
    let mut board = server.board("sup").await;
    ask_for_help(&server, &mut board, "c-1").await;
    receiver.has(1).await;
    let mut platform = server.plain_ingest().await;
    platform.start("c-2").await;
    for seq in 1..=1_000 {
        platform.chunk("c-2", seq, "customer", "this is ridiculous, get me your manager").await;
    }
    platform.acked("c-2", 1_000).await;
    counts(&server, "egress_waiting{destination=\"own\"}", |waiting| waiting > 1).await;
    assert_eq!(receiver.seen().len(), 1);
    drop((platform, board));
    // What waits is kept, so it is no failure that it cannot be sent.
    server.terminate();
    assert!(server.wait().success());
}

#[tokio::test]
async fn what_is_refused_is_given_up_and_the_next_goes_on() {
    let receiver = Receiver::new(&[Reply::Status(400); 3]).await;
    let mut stage = Stage::new(&destination("own", &receiver.url(), ""));
    let server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c-1").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    let seen = receiver.has(4).await;
    let types: Vec<Value> = seen.iter().map(|received| received.json()["type"].clone()).collect();
    assert!(types[..3].iter().all(|kind| kind == "forewarn.alert.raised"), "{types:?}");
    assert_eq!(types[3], "forewarn.alert.acknowledged");
    server.logged("gave up: this message is not sent").await;
    let gave_up = "egress_deliveries_total{destination=\"own\",result=\"gave_up\"}";
    assert_eq!(server.metric(gave_up).await, 1);
}

#[tokio::test]
async fn pagerduty_gets_one_incident_for_an_alert() {
    let receiver = Receiver::new(&[]).await;
    let more = "format = \"pagerduty\"\nsecret_file = \"SECRET\"";
    let mut stage = Stage::new(&destination("pd", &receiver.url(), more));
    let server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c 1/ä").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    act(&mut board, "resolve", &alert, resolved()).await;
    let seen: Vec<Value> = receiver.has(3).await.iter().map(Received::json).collect();
    let actions: Vec<&Value> = seen.iter().map(|event| &event["event_action"]).collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve"]);
    for event in &seen {
        assert_eq!(event["dedup_key"], alert["dedup_key"]);
        assert_eq!(event["routing_key"], SECRET);
    }
    let payload = &seen[0]["payload"];
    assert_eq!(payload["component"], "billing");
    assert_eq!(payload["group"], "t1");
    assert_eq!(payload["class"], "manual");
    assert!(["critical", "warning"].contains(&payload["severity"].as_str().unwrap()));
    let link = seen[0]["links"][0]["href"].as_str().unwrap();
    assert!(link.starts_with("https://calls.example/#/call/c%201%2F%C3%A4/"), "{link}");
}

#[tokio::test]
async fn a_channel_gets_text_that_calls_nobody() {
    let receiver = Receiver::new(&[]).await;
    let mut stage = Stage::new("");
    std::fs::write(stage.path("url"), receiver.url()).unwrap();
    let path = stage.path("url");
    stage.configure(&format!(
        "[[destination]]\nname = \"team\"\nformat = \"slack\"\nurl_file = {path:?}\n"
    ));
    let server = stage.start();
    let mut board = server.board("sup").await;
    let alert = ask_for_help(&server, &mut board, "c-1").await;
    act(&mut board, "acknowledge", &alert, json!({})).await;
    act(&mut board, "resolve", &alert, resolved()).await;
    let seen = receiver.has(2).await;
    let text = |at: usize| seen[at].json()["text"].as_str().unwrap().to_owned();
    assert!(text(0).contains("help is asked for on call c-1"), "{}", text(0));
    assert!(text(0).contains("• &lt;!channel&gt; a &amp; b\n"), "{}", text(0));
    assert!(text(0).contains("<https://calls.example/#/call/c-1/"), "{}", text(0));
    assert!(text(1).starts_with("Call c-1 resolved as averted by sup\n"), "{}", text(1));
    assert_eq!(receiver.seen().len(), 2, "who has it is no news for a channel");
}

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let receiver =
        Receiver::new(&[Reply::Status(400), Reply::Status(401), Reply::Status(200)]).await;
    let mut stage = Stage::new("");
    let headers = stage.path("headers");
    std::fs::write(&headers, "authorization: Bearer t0ken-of-mine\n").unwrap();
    let more =
        format!("secret_file = \"SECRET\"\nheaders_file = {headers:?}\n[log]\nlevel = \"trace\"");
    stage.configure(&destination("own", &receiver.url(), &more));
    let server = stage.start();
    let mut board = server.board("sup").await;
    ask_for_help(&server, &mut board, "c-1").await;
    receiver.has(3).await;
    let (_, _, metrics) = http(server.address, "GET", "/metrics", "").await;
    let (_, _, ready) = http(server.address, "GET", "/readyz", "").await;
    let config = stage.config();
    let checked = run(&["config", "check", &config]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let test = move || run(&["destination", "test", "own", "--config", &config]);
    let tested = tokio::task::spawn_blocking(test).await.unwrap();
    assert!(tested.status.success(), "{}", stderr(&tested));
    let said = [server.stderr(), metrics, ready, stdout(&checked), stdout(&tested)].concat();
    assert!(said.contains("not delivered; it is tried again"));
    assert!(said.contains(&format!("url = \"http://{}/…\"", receiver.address)), "{said}");
    for secret in [SECRET, "t0ken-of-mine", "s3cr3t-path"] {
        let at = said.find(secret);
        assert!(at.is_none(), "{secret}: {}", &said[at.unwrap_or(0).saturating_sub(300)..][..400]);
    }
}

#[tokio::test]
async fn a_test_message_says_what_was_answered() {
    let receiver = Receiver::new(&[Reply::Status(200), Reply::Status(404)]).await;
    let text = destination("own", &receiver.url(), "min_level = \"critical\"");
    let pagerduty = "format = \"pagerduty\"\nsecret_file = \"SECRET\"";
    let stage = Stage::new(&(text + &destination("pd", &receiver.url(), pagerduty)));
    let config = stage.config();
    let test = |name: &'static str| {
        let config = config.clone();
        tokio::task::spawn_blocking(move || {
            run(&["destination", "test", name, "--config", &config])
        })
    };
    let done = test("own").await.unwrap();
    assert!(done.status.success() && stdout(&done).contains("status 200"), "{}", stderr(&done));
    let sent = receiver.has(1).await[0].json();
    assert!(sent["data"]["history"][0]["note"].as_str().unwrap().contains("This is a test"));
    let done = test("own").await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("did not take the test: status 404: fine"), "{}", stderr(&done));
    let done = test("pd").await.unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let sent: Vec<Value> = receiver.seen()[2..].iter().map(Received::json).collect();
    let actions: Vec<&Value> = sent.iter().map(|event| &event["event_action"]).collect();
    assert_eq!(actions, ["trigger", "resolve"], "nobody has to clear it away");
    let done = test("nobody").await.unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(stderr(&done).contains("no destination `nobody`; it has: own, pd"));
}

#[tokio::test]
async fn a_bad_destination_stops_the_start_with_its_line() {
    let stage = Stage::new("");
    for (text, line, why) in [
        (destination("a b", "http://a.example", ""), 4, "`name` is \"a b\""),
        (
            destination("a", "http://a.example", "secret_file = \"nowhere\""),
            7,
            "cannot read nowhere",
        ),
        (destination("a", "http://a.example", "format = \"pagerduty\""), 3, "`secret_file` or"),
        (
            destination("a", "http://a.example", "secret_env = \"NO_SUCH\""),
            7,
            "no variable NO_SUCH",
        ),
        (destination("a", "http://a.example", "format = \"xml\""), 7, "unknown variant `xml`"),
    ] {
        stage.configure(&text);
        let config = stage.config();
        for command in [&["config", "check", &config][..], &["serve", "--config", &config]] {
            let done = run(command);
            assert_eq!(done.status.code(), Some(2), "{text}");
            let error = stderr(&done);
            let place = format!("forewarn.toml:{line}: ");
            assert!(error.contains(&place) && error.contains(why), "{text}: {error}");
        }
    }
}

#[tokio::test]
async fn a_journal_in_memory_sends_and_says_that_it_forgets() {
    let receiver = Receiver::new(&[]).await;
    let mut stage = Stage::new(&destination("own", &receiver.url(), ""));
    stage.on_disk = false;
    let server = stage.start();
    server.logged("nor do alerts that wait for a destination").await;
    let mut board = server.board("sup").await;
    ask_for_help(&server, &mut board, "c-1").await;
    receiver.has(1).await;
}

/// Takes one request over TLS with the certificate of the fixtures, and gives what came.
fn take_over_tls(listener: StdListener) -> std::thread::JoinHandle<Vec<String>> {
    let fixture = |name: &str| fixtures().join(name);
    let chain = CertificateDer::pem_file_iter(fixture("server.pem")).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(fixture("server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        // Whoever does not trust us hangs up; the next one is heard.
        for stream in listener.incoming() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = stream.unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut buffer = Vec::new();
            let mut piece = [0; 4_096];
            while let Ok(read @ 1..) = tls.read(&mut piece) {
                buffer.extend_from_slice(&piece[..read]);
                if let Some((received, _)) = parse(&buffer) {
                    seen.push(received.body);
                    let _ = tls.write_all(b"HTTP/1.1 204 N\r\nconnection: close\r\n\r\n");
                    return seen;
                }
            }
            seen.push("hung up".into());
        }
        seen
    })
}

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls")
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let listener = StdListener::bind(any_port()).unwrap();
    let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
    let heard = take_over_tls(listener);
    let mut text = destination("stranger", &url, "");
    let authority = fixtures().join("ca.pem");
    let _ = write!(text, "{}", destination("own", &url, &format!("ca_file = {authority:?}")));
    let stage = Stage::new(&text);
    let test = |name: &str| run(&["destination", "test", name, "--config", &stage.config()]);
    let done = test("stranger");
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("invalid peer certificate"), "{}", stderr(&done));
    let done = test("own");
    assert!(done.status.success(), "{}", stderr(&done));
    let heard = heard.join().unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0] == "hung up" && heard[1].contains("This is a test"), "{heard:?}");
}

//! A server of the built binary, and a websocket client that fails instead of hanging.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use forewarn::call::Call;
use forewarn::corpus;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::witness::{self, Witness};

/// Guards against hanging; nothing is measured with it.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const INGEST: &str = "escalation.ingest.v1";
pub const CONSOLE: &str = "escalation.console.v1";

/// The binary under test, without variables that would change what it does.
pub fn forewarn() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOREWARN_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    forewarn().args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running `forewarn serve`. It is killed on drop, and must not have panicked.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    stderr: Collected,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    pub fn start() -> Server {
        Server::spawn(forewarn().args(["serve", "--listen", "127.0.0.1:0"]), None)
    }

    /// With the text of a configuration file.
    pub fn with_config(config: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = forewarn();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(path);
        Server::spawn(&mut command, Some(folder))
    }

    /// With a configuration file.
    pub fn with_file(config: &Path) -> Server {
        let mut command = forewarn();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        Server::spawn(&mut command, None)
    }

    /// The same, with a single thread for all connections.
    pub fn with_one_thread(config: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = forewarn();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(path);
        Server::spawn(command.env("TOKIO_WORKER_THREADS", "1"), Some(folder))
    }

    /// On an address that an earlier server had.
    pub fn at(address: SocketAddr) -> Server {
        Server::spawn(forewarn().args(["serve", "--listen", &address.to_string()]), None)
    }

    /// With a data directory; `address` is one that an earlier server had, or port 0.
    pub fn on_disk(dir: &Path, address: SocketAddr) -> Server {
        let mut command = forewarn();
        command.args(["serve", "--listen", &address.to_string(), "--data-dir"]).arg(dir);
        Server::spawn(&mut command, None)
    }

    /// With a data directory and a configuration, and all that it logs.
    pub fn on_disk_with(dir: &Path, config: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = forewarn();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
        command.arg("--config").arg(path).env("FOREWARN_LOG_LEVEL", "trace");
        Server::spawn(&mut command, Some(folder))
    }

    /// With more arguments of `serve`.
    pub fn with_arguments(arguments: &[&str]) -> Server {
        let mut command = forewarn();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Server::spawn(&mut command, None)
    }

    /// On an address that an earlier server had, or port 0, with more arguments of `serve`.
    pub fn at_with(address: SocketAddr, arguments: &[&str]) -> Server {
        let mut command = forewarn();
        command.args(["serve", "--listen", &address.to_string()]).args(arguments);
        Server::spawn(&mut command, None)
    }

    /// Any way of `serve`; `folder` stays as long as the server.
    pub fn spawn(command: &mut Command, folder: Option<tempfile::TempDir>) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = collect(child.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|url| Some(url.split_once("://")?.1));
        let address = address.and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            panic!("no address in {line:?}; stderr: {}", stderr.all());
        };
        Server { child, address, stderr, _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    pub async fn ingest(&self) -> Peer {
        Peer::ingest(self.address, "/v1/ingest?scores=true").await
    }

    /// A platform that does not ask for scores.
    pub async fn plain_ingest(&self) -> Peer {
        Peer::ingest(self.address, "/v1/ingest").await
    }

    /// A console that has had its hello.
    pub async fn console(&self, user: &str) -> Peer {
        let path = format!("/v1/console?user={user}");
        let mut peer = Peer::open(self.address, &path, Some(CONSOLE)).await;
        let hello = peer.next().await;
        assert_eq!((&hello["type"], &hello["user"]), (&json!("hello"), &json!(user)));
        peer
    }

    /// A console that has subscribed to everything and has its picture.
    pub async fn board(&self, user: &str) -> Peer {
        let mut peer = self.console(user).await;
        peer.subscribe(json!({}), None).await;
        peer
    }

    /// What `/metrics` shows. Who asks all the time is told to slow down.
    async fn metrics(&self) -> String {
        loop {
            match http(self.address, "GET", "/metrics", "").await {
                (429, ..) => tokio::time::sleep(Duration::from_millis(10)).await,
                (_, _, text) => return text,
            }
        }
    }

    /// A number that `/metrics` shows.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("forewarn_")?.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until `/metrics` shows at least that.
    pub async fn counts(&self, name: &str, least: u64) {
        let counted = async {
            while self.counted(name).await < least {
                tokio::task::yield_now().await;
            }
        };
        let patience = timeout(PATIENCE, counted).await;
        patience.unwrap_or_else(|_| panic!("{name} never comes to {least}"));
    }

    /// A number that `/metrics` shows once there is something to count.
    pub async fn counted(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("forewarn_")?.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |number| number.parse().unwrap())
    }

    /// Memory that it has in use, in KiB; `None` where the system does not tell.
    pub fn memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Asks `/readyz` until it says that.
    pub async fn says(&self, code: u16, what: &str) {
        let asked = async {
            loop {
                let (status, _, body) = http(self.address, "GET", "/readyz", "").await;
                if status == code && body.contains(what) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("/readyz never says {what:?}"));
    }

    pub fn terminate(&self) {
        signal(&self.child, "-TERM");
    }

    pub fn interrupt(&self) {
        signal(&self.child, "-INT");
    }

    pub fn hang_up(&self) {
        signal(&self.child, "-HUP");
    }

    pub fn kill(&self) {
        signal(&self.child, "-KILL");
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until the log has it: what is logged takes another way than what is answered.
    pub async fn logged(&self, what: &str) {
        let read = async {
            while !self.stderr().contains(what) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("never logged: {what:?}"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let stderr = self.stderr();
        if !std::thread::panicking() {
            assert!(!stderr.contains("panicked"), "the server panicked: {stderr}");
        } else {
            eprintln!("the server's stderr:\n{stderr}");
        }
    }
}

/// Waits for a child, which is killed when it takes too long.
pub fn wait(child: &mut Child) -> ExitStatus {
    let pid = child.id().to_string();
    let (done, over) = mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let in_time = over.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout);
        if !in_time {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
        in_time
    });
    let status = child.wait().unwrap();
    drop(done);
    assert!(guard.join().unwrap(), "the process did not end");
    status
}

/// What a pipe said.
pub struct Collected {
    text: Arc<(Mutex<String>, Condvar)>,
    reader: JoinHandle<()>,
}

/// Keeps reading a pipe, so that nobody blocks on it.
pub fn collect(mut pipe: impl Read + Send + 'static) -> Collected {
    let text = Arc::new((Mutex::new(String::new()), Condvar::new()));
    let sink = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            sink.0.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            sink.1.notify_all();
        }
    });
    Collected { text, reader }
}

impl Collected {
    pub fn so_far(&self) -> String {
        self.text.0.lock().unwrap().clone()
    }

    /// Everything, once the other end is closed.
    pub fn all(self) -> String {
        self.reader.join().unwrap();
        self.text.0.lock().unwrap().clone()
    }
}

/// A command in the background with its output collected. It is killed on drop.
pub struct Running {
    child: Option<Child>,
    pub out: Option<Collected>,
    pub err: Option<Collected>,
}

impl Running {
    pub fn spawn(arguments: &[&str]) -> Running {
        let mut command = forewarn();
        command.args(arguments).stdin(Stdio::null());
        Running::begin(command)
    }

    /// In a pseudo terminal of that size, where script(1) can make one.
    pub fn in_terminal(arguments: &[&str], rows: u16, columns: u16) -> Option<Running> {
        if Command::new("script").arg("--version").output().is_err() {
            return None;
        }
        let quoted: Vec<String> =
            arguments.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let binary = env!("CARGO_BIN_EXE_forewarn");
        let line = format!("stty rows {rows} cols {columns}; exec {binary} {}", quoted.join(" "));
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]).env("TERM", "xterm-256color");
        command.stdin(Stdio::piped());
        Some(Running::begin(command))
    }

    fn begin(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { child: Some(child), out: Some(collect(out)), err: Some(collect(err)) }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        let pipe = self.child.as_mut().unwrap().stdin.as_mut().unwrap();
        pipe.write_all(keys.as_bytes()).and_then(|()| pipe.flush()).unwrap();
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().unwrap(), name);
    }

    /// Waits for its end: status, stdout, stderr.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        let status = wait(self.child.as_mut().unwrap());
        (status, self.out.take().unwrap().all(), self.err.take().unwrap().all())
    }

    /// Waits until its stdout holds that.
    pub fn says(&self, what: &str) -> String {
        self.says_times(what, 1)
    }

    /// Waits until its stdout holds that so many times.
    pub fn says_times(&self, what: &str, times: usize) -> String {
        let (text, grown) = &*self.out.as_ref().unwrap().text;
        let missing = |text: &mut String| text.matches(what).count() < times;
        let waited = grown.wait_timeout_while(text.lock().unwrap(), PATIENCE, missing).unwrap();
        let text = waited.0.clone();
        let errors = self.err.as_ref().unwrap().so_far();
        assert!(!waited.1.timed_out(), "{what:?} is not in {text}; stderr: {errors}");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// A websocket client. Every read has a limit, and a failure shows what was seen.
pub struct Peer {
    pub ws: WebSocketStream<TcpStream>,
    seen: Vec<String>,
    witness: Witness,
}

impl Peer {
    pub async fn open(address: SocketAddr, path: &str, subprotocol: Option<&str>) -> Peer {
        Peer::try_open(address, path, subprotocol).await.unwrap()
    }

    /// For a server that may not be there.
    pub async fn try_open(
        address: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
    ) -> Result<Peer, String> {
        let headers = subprotocol.map(|name| ("sec-websocket-protocol", name));
        Peer::try_open_with(address, path, headers.as_slice()).await
    }

    /// With headers of its own.
    pub async fn try_open_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Peer, String> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).unwrap();
        let opened = tokio_tungstenite::client_async(request, stream).await;
        let (ws, _) = opened.map_err(|error| error.to_string())?;
        Ok(Peer { ws, seen: Vec::new(), witness: Witness::new(path) })
    }

    async fn ingest(address: SocketAddr, path: &str) -> Peer {
        let mut peer = Peer::open(address, path, Some(INGEST)).await;
        assert_eq!(peer.next().await["type"], "ready");
        peer
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.witness.sent(text);
        self.send_message(Message::text(text)).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        timeout(PATIENCE, self.ws.send(message)).await.expect("sending hangs").unwrap();
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.try_next().await {
            Ok(value) => value,
            Err(end) => panic!("the connection ended: {end}{}", self.history()),
        }
    }

    /// The next message, or the close code or error that came instead.
    pub async fn try_next(&mut self) -> Result<Value, String> {
        // Over all of it: pings come for ever.
        let Ok(read) = timeout(PATIENCE, read_text(&mut self.ws)).await else {
            panic!("nothing came{}", self.history());
        };
        let text = read?;
        let value = serde_json::from_str(&text).expect("every message is JSON");
        self.seen.push(text);
        self.witness.received(&value);
        Ok(value)
    }

    /// The next message of that type; others are skipped.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        self.find(|message| message["type"] == kind).await
    }

    /// The next message that is meant; others are skipped.
    pub async fn find(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        self.read_until(is_meant).await.pop().unwrap()
    }

    /// Everything up to the message that is meant, that included.
    pub async fn read_until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut read = Vec::new();
        loop {
            let message = self.next().await;
            let meant = is_meant(&message);
            read.push(message);
            if meant {
                return read;
            }
        }
    }

    /// Reads to the end and gives the close code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(end) = self.try_next().await {
                return end.parse().unwrap_or_else(|_| panic!("{end}{}", self.history()));
            }
        }
    }

    fn history(&self) -> String {
        let mut text = format!("; {} messages seen, the last:", self.seen.len());
        for line in self.seen.iter().rev().take(12).rev() {
            let _ = write!(text, "\n  {}", line.chars().take(400).collect::<String>());
        }
        text
    }

    // ---- as a platform

    /// Opens a call and returns `started`.
    pub async fn start(&mut self, call_id: &str) -> Value {
        self.start_with(json!({"call_id": call_id})).await
    }

    pub async fn start_with(&mut self, mut fields: Value) -> Value {
        fields["type"] = json!("call_start");
        let call_id = fields["call_id"].clone();
        self.send(fields).await;
        self.find(|m| m["type"] == "started" && m["call_id"] == call_id).await
    }

    pub async fn chunk(&mut self, call_id: &str, seq: u64, speaker: &str, text: &str) {
        self.send(chunk(call_id, seq, speaker, text)).await;
    }

    /// Waits until `seq` is durable.
    pub async fn acked(&mut self, call_id: &str, seq: u64) {
        self.find(|m| {
            m["type"] == "ack" && m["call_id"] == call_id && m["seq"].as_u64() >= Some(seq)
        })
        .await;
    }

    /// Everything the server still had to say: what comes before the ack of a marker. Acks may
    /// come behind other answers, but keep their order.
    pub async fn settled(&mut self, marker: &str) -> Vec<Value> {
        self.send(json!({"type": "call_start", "call_id": marker})).await;
        self.chunk(marker, 1, "other", "").await;
        let mut read = self.read_until(|m| m["type"] == "ack" && m["call_id"] == marker).await;
        read.retain(|message| message["call_id"] != marker);
        read
    }

    // ---- as a console

    /// Subscribes and returns the snapshot's parts.
    pub async fn subscribe(&mut self, filter: Value, since: Option<(&str, u64)>) -> Vec<Value> {
        let mut message = json!({"type": "subscribe", "id": "sub", "filter": filter});
        if let Some((epoch, offset)) = since {
            message["since"] = json!({"epoch": epoch, "offset": offset});
        }
        self.send(message).await;
        let parts = self.read_until(|m| m["type"] == "snapshot" && m["last"] == true).await;
        parts.into_iter().filter(|m| m["type"] == "snapshot").collect()
    }

    /// Sends a command and returns its reply.
    pub async fn command(&mut self, id: &str, mut command: Value) -> Value {
        command["id"] = json!(id);
        self.send(command).await;
        self.find(|m| m["type"] == "reply" && m["id"] == id).await
    }

    /// As `settled`, for a console.
    pub async fn quiet(&mut self, marker: &str) -> Vec<Value> {
        self.send(json!({"type": "unwatch", "id": marker, "call_id": "nobody's"})).await;
        let mut read = self.read_until(|m| m["type"] == "reply" && m["id"] == marker).await;
        read.pop();
        read
    }
}

async fn read_text(ws: &mut WebSocketStream<TcpStream>) -> Result<String, String> {
    loop {
        match ws.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(frame))) => {
                return Err(frame.map_or("no code".into(), |f| u16::from(f.code).to_string()));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("without a close".into()),
        }
    }
}

pub fn chunk(call_id: &str, seq: u64, speaker: &str, text: &str) -> Value {
    json!({"type": "chunk", "call_id": call_id, "seq": seq, "speaker": speaker, "text": text})
}

pub fn partial(call_id: &str, seq: u64, segment: &str, speaker: &str, text: &str) -> Value {
    let mut message = chunk(call_id, seq, speaker, text);
    message["final"] = json!(false);
    message["segment_id"] = json!(segment);
    message
}

/// A plain HTTP request: status, head and body.
pub async fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    request_body: &str,
) -> (u16, String, String) {
    http_with(address, method, path, "", request_body).await
}

/// With more lines of its head, each ended by CR LF.
pub async fn http_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    head: &str,
    request_body: &str,
) -> (u16, String, String) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}\
         content-length: {}\r\n\r\n{request_body}",
        request_body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(PATIENCE, exchange).await.expect("no answer");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let head = head.to_ascii_lowercase();
    witness::answered(method, path, request_body, status, &head, body);
    (status, head, body.to_owned())
}

/// A GET that must work.
pub async fn get(address: SocketAddr, path: &str) -> Value {
    let (status, _, body) = http(address, "GET", path, "").await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// The first calls of a corpus file.
pub fn calls(file: &str, number: usize) -> Vec<Call> {
    let calls = corpus::calls(&data("calls").join(file)).unwrap();
    calls.take(number).map(Result::unwrap).collect()
}

/// Writes calls as JSON Lines.
pub fn write_calls(path: &Path, calls: &[Call]) {
    let lines: Vec<String> =
        calls.iter().map(|call| serde_json::to_string(call).unwrap()).collect();
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

/// JSON Lines as values.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

//! A web server on 127.0.0.1 that answers as it is told, also wrongly. Everything it does is bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What to do with a request.
pub enum Reply {
    /// Send these bytes, then close.
    Bytes(Vec<u8>),
    /// Send this head, then a body without end (64 MiB of it at most), until the client hangs up.
    Endless(Vec<u8>),
    /// Send this and then nothing, while the connection stays open.
    Silence(Vec<u8>),
}

impl Reply {
    pub fn ok(body: &str) -> Self {
        Self::with("200 OK", &[], body)
    }

    pub fn with(status: &str, headers: &[&str], body: &str) -> Self {
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        Self::Bytes(text.into_bytes())
    }

    pub fn raw(text: &str) -> Self {
        Self::Bytes(text.replace('\n', "\r\n").into_bytes())
    }
}

/// Decides by the request's head and its number, from 0.
type Handler = dyn Fn(&str, usize) -> Reply + Send + Sync;

pub struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(handler: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (log, stop): (_, _) = (Arc::clone(&heads), Arc::clone(&stopping));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().take(1000) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { break };
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                open.push(std::thread::spawn(move || answer(stream, &log, &*handler)));
            }
            // Silent connections live until here.
            drop(open);
        });
        Self {
            address,
            heads,
            stopping,
            thread: Some(thread),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(mut stream: TcpStream, log: &Mutex<Vec<String>>, handler: &Handler) {
    let limit = Some(Duration::from_secs(5));
    stream.set_read_timeout(limit).unwrap();
    stream.set_write_timeout(limit).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let number = {
        let mut log = log.lock().unwrap();
        log.push(head.clone());
        log.len() - 1
    };
    // The client may hang up at any moment: that is what some tests are about.
    match handler(&head, number) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Reply::Endless(head) => {
            let _ = stream.write_all(&head);
            let chunk = [b'x'; 64 << 10];
            for _ in 0..1024 {
                if stream.write_all(&chunk).is_err() {
                    return;
                }
            }
        }
        Reply::Silence(head) => {
            let _ = stream.write_all(&head);
            // Ends when the client gives up.
            let _ = stream.read(&mut byte);
        }
    }
}

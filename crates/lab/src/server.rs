//! The lab's own HTTP server: files of one folder, to the lab's hosts only, every request remembered.
//!
//! Its thread enters the lab's network namespace before it binds, so that nothing of it is reachable from elsewhere.
//! It speaks as much of HTTP/1.1 as apt needs (RFC 9112): GET and HEAD, many requests on a connection, no ranges.

use crate::network;
use anyhow::{Context, Result};
use rustix::net::Shutdown;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The head of a request may be this long, in bytes.
const HEAD_MAX: u64 = 16 << 10;

/// Requests that are remembered; the rest are answered all the same.
const REMEMBERED_MAX: usize = 100_000;

/// A connection on which nothing comes is ended.
const SILENCE_MAX: Duration = Duration::from_secs(5);

type Remembered = Arc<Mutex<Vec<String>>>;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    thread: Option<JoinHandle<()>>,
    requests: Remembered,
}

impl Server {
    /// Serves what lies in `folder` on port 80 of the lab's bridge.
    pub fn start(namespace: &str, folder: PathBuf) -> Result<Self> {
        let namespace = namespace.to_owned();
        let bound = std::thread::spawn(move || bind(&namespace)).join();
        let listener = match bound {
            Ok(listener) => listener.context("cannot listen in the lab's network")?,
            Err(_) => anyhow::bail!("the server's thread ended by itself"),
        };
        let requests = Remembered::default();
        let (own, remembered) = (listener.try_clone()?, Arc::clone(&requests));
        let thread = std::thread::spawn(move || {
            while let Ok((connection, _)) = own.accept() {
                let (folder, remembered) = (folder.clone(), Arc::clone(&remembered));
                // A host that goes away in mid-answer is no concern of the server's.
                std::thread::spawn(move || drop(converse(&connection, &folder, &remembered)));
            }
        });
        Ok(Self {
            listener,
            thread: Some(thread),
            requests,
        })
    }

    /// Decoded paths asked for below `prefix`, in order.
    pub fn requests(&self, prefix: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests
            .iter()
            .filter(|path| path.starts_with(prefix))
            .cloned()
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // On Linux this ends a waiting `accept` with an error.
        let _ = rustix::net::shutdown(&self.listener, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread that calls it ends afterwards, so no other work is done in the wrong namespace. A socket belongs to the
/// namespace it was made in.
fn bind(namespace: &str) -> Result<TcpListener> {
    let handle = File::open(network::file(namespace))?;
    move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(TcpListener::bind((network::SERVER, 80))?)
}

fn converse(connection: &TcpStream, folder: &Path, remembered: &Remembered) -> io::Result<()> {
    connection.set_read_timeout(Some(SILENCE_MAX))?;
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    while let Some((method, path)) = request(&mut reader)? {
        {
            let mut requests = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if requests.len() < REMEMBERED_MAX {
                requests.push(path.clone());
            }
        }
        answer(connection, &method, &path, folder)?;
    }
    Ok(())
}

/// The method and the decoded path, or none at the end of the connection.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let mut head = reader.take(HEAD_MAX);
    let mut first = String::new();
    if head.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    loop {
        let mut line = String::new();
        // Nothing more, or a head that is too long.
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            return Ok(Some((method.to_owned(), decode(path))));
        }
    }
}

fn answer(mut to: &TcpStream, method: &str, path: &str, folder: &Path) -> io::Result<()> {
    let found = inside(folder, path).and_then(|file| File::open(file).ok());
    let file = found.filter(|file| file.metadata().is_ok_and(|of| of.is_file()));
    match (method, file) {
        ("GET" | "HEAD", Some(file)) => {
            let length = file.metadata()?.len();
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
            if method == "GET" {
                io::copy(&mut file.take(length), &mut to)?;
            }
            Ok(())
        }
        ("GET" | "HEAD", None) => {
            to.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        }
        _ => to.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"),
    }
}

/// The file of a path, if the path goes only downwards.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let down = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    down.then(|| folder.join(relative))
}

/// RFC 3986, section 2.1; what is no valid escape stays as it is.
fn decode(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("/a%2bb_1%253a2.deb"), "/a+b_1%3a2.deb");
        assert_eq!(decode("/100%"), "/100%");
        assert_eq!(decode("/%zz"), "/%zz");
    }

    #[test]
    fn path_leads_only_down() {
        let folder = Path::new("/served");
        assert_eq!(
            inside(folder, "/pool/a.deb"),
            Some(PathBuf::from("/served/pool/a.deb"))
        );
        assert_eq!(inside(folder, "/../etc/passwd"), None);
        assert_eq!(inside(folder, "/pool/../../etc/passwd"), None);
    }

    #[test]
    fn request_is_read_with_its_head_and_no_further() {
        let mut text = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n".as_bytes();
        let first = request(&mut text).unwrap();
        assert_eq!(first, Some(("GET".to_owned(), "/a".to_owned())));
        let second = request(&mut text).unwrap();
        assert_eq!(second, Some(("HEAD".to_owned(), "/b".to_owned())));
        assert_eq!(request(&mut text).unwrap(), None);
    }
}

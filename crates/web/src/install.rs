//! How an agent comes to a new host: a script with fixed commands, and the program that it fetches.
//!
//! The one line that a person copies pins the server's keys, so the script is the server's; the script pins it again, and
//! checks the program's SHA-256 before anything of it runs. Both are public: they hold no secret. The token stays with the
//! person, and goes to the script in its environment, which other users of the host cannot read.

mod script;

use crate::access::Anybody;
use crate::base64;
use crate::listen::Certificates;
use crate::problem::Problem;
use crate::routes::Call;
use crate::shared::Shared;
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use overlock_model::plan::Digest;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::Semaphore;

/// Programs that are read at once: each is some megabytes in memory.
const READS: usize = 4;

/// What installs agents.
#[derive(Debug)]
pub struct Install {
    /// The server's address as agents reach it: `https://fleet.example.org:8443`.
    address: String,
    /// What the server shows, whose keys are pinned.
    certificates: Arc<Certificates>,
    program: Option<PathBuf>,
    known: Mutex<Option<Known>>,
    reads: Arc<Semaphore>,
}

/// The digest of a program, as long as its file stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    bytes: u64,
    changed: SystemTime,
    digest: Digest,
}

impl Install {
    /// `program` is the agent's; without one, agents are installed in another way.
    #[must_use]
    pub fn new(
        address: impl Into<String>,
        certificates: Arc<Certificates>,
        program: Option<PathBuf>,
    ) -> Self {
        Self {
            address: address.into(),
            certificates,
            program,
            known: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS)),
        }
    }

    /// `overlock-agent` next to this program, if it is there.
    #[must_use]
    pub fn program_beside_us() -> Option<PathBuf> {
        let program = std::env::current_exe()
            .ok()?
            .with_file_name("overlock-agent");
        program.is_file().then_some(program)
    }

    /// The server's address as agents reach it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The pins as curl wants them: our own key, and the operator's where curl is shown that one.
    #[must_use]
    pub fn pins(&self) -> String {
        let host = host_of(&self.address);
        let operators = self.certificates.operators_pin(host);
        let pins = [Some(self.certificates.pin()), operators];
        let pins = pins
            .iter()
            .flatten()
            .map(|pin| format!("sha256//{}", base64::encode(pin.bytes())));
        pins.collect::<Vec<_>>().join(";")
    }

    /// The line that installs and enrols an agent; `token` is shown as it is.
    #[must_use]
    pub fn line(&self, token: &str) -> String {
        format!(
            "curl -fsSk --pinnedpubkey '{}' {}/agent/v1/install.sh | OVERLOCK_ENROL_TOKEN={token} sh",
            self.pins(),
            self.address
        )
    }

    /// The program with its digest.
    async fn read(&self) -> Result<(Bytes, Digest), Problem> {
        let path = self.program.clone().ok_or_else(Problem::not_found)?;
        let _turn = self.reads.acquire().await.map_err(Problem::internal)?;
        let read = tokio::task::spawn_blocking(move || {
            let bytes = std::fs::read(&path)?;
            let digest = Digest::of(&bytes);
            let known = Known {
                bytes: bytes.len() as u64,
                changed: std::fs::metadata(&path)?.modified()?,
                digest,
            };
            Ok::<_, std::io::Error>((Bytes::from(bytes), known))
        });
        let (bytes, known) = read
            .await
            .map_err(Problem::internal)?
            .map_err(Problem::internal)?;
        *self.lock() = Some(known);
        Ok((bytes, known.digest))
    }

    /// The program's digest; the file is read only when it has changed.
    async fn digest(&self) -> Result<Digest, Problem> {
        let path = self.program.as_deref().ok_or_else(Problem::not_found)?;
        let known = *self.lock();
        match known.filter(|known| known.is_of(path)) {
            Some(known) => Ok(known.digest),
            None => self.read().await.map(|(_, digest)| digest),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_of(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| {
            metadata.len() == self.bytes
                && metadata
                    .modified()
                    .is_ok_and(|changed| changed == self.changed)
        })
    }
}

/// The host in an address: `fleet.example.org` of `https://fleet.example.org:8443`.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Gives the script.
pub(crate) async fn script(call: Call<Shared, Anybody>) -> Result<Response, Problem> {
    let install = &call.shared.install;
    let digest = install.digest().await?;
    let text = script::text(&install.address, &install.pins(), digest);
    Ok(typed("text/x-shellscript; charset=utf-8", text.into()))
}

/// Gives the program.
pub(crate) async fn program(call: Call<Shared, Anybody>) -> Result<Response, Problem> {
    let (bytes, digest) = call.shared.install.read().await?;
    let mut response = typed("application/octet-stream", bytes);
    let digest = HeaderValue::from_str(&digest.to_string()).map_err(Problem::internal)?;
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-overlock-sha256"), digest);
    Ok(response)
}

fn typed(kind: &'static str, body: Bytes) -> Response {
    let mut response = body.into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

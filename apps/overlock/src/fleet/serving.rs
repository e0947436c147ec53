//! A server in this process: started, announced, fed with news of feeds, and stopped in order.

use crate::exit::Failure;
use crate::state::State;
use overlock_web::{Options, Server, ServerError};
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// Where a running server says how it is reached.
pub fn folder(data: &Path) -> PathBuf {
    data.join("server")
}

/// Starts a server, and writes down its address and its authority for the command line and for tests.
pub async fn start(options: Options) -> Result<Server, Failure> {
    let folder = folder(&options.data);
    let server = Server::start(options).await.map_err(failure)?;
    let announce = || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        put(&folder.join("authority.pem"), authority(&server))?;
        put(&folder.join("address"), server.url())
    };
    announce()?;
    Ok(server)
}

/// The certificate of a server's authority (PEM).
pub fn authority(server: &Server) -> &str {
    server.shared().authority.pem()
}

/// What a server that cannot start means for the exit code.
fn failure(error: ServerError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure {
        hint,
        ..Failure::environment(error)
    }
}

/// A reader sees the old file or the new one.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

/// Returns when somebody wants this process to end: a signal, or the terminal's interrupt.
pub async fn told_to_stop() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// A runtime for a server: all cores.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    bound_arenas();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Has glibc keep memory apart for no more threads than there are cores. A server has dozens of threads that mostly wait;
/// by default each gets its own part of memory and keeps what others could use: a fifth more in all, and slower (decision
/// 0031).
fn bound_arenas() {
    #[cfg(target_env = "gnu")]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let arenas = libc::c_int::try_from(cores).unwrap_or(libc::c_int::MAX);
        #[expect(
            unsafe_code,
            reason = "mallopt(3) takes two numbers and may be called at any time"
        )]
        // SAFETY: glibc takes its own lock, and refuses a value that it does not like.
        let _is_taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}

/// Says to systemd that the service is ready, where systemd asks (`sd_notify(3)`).
pub fn tell_service_manager() {
    // Where nobody listens there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Asks publishers for news of all feeds that the fleet's systems need, again and again, until it is dropped.
pub async fn feed(
    server: std::sync::Arc<overlock_web::shared::Shared>,
    mirror: Option<String>,
    every: std::time::Duration,
    state: State,
) {
    loop {
        tokio::time::sleep(every).await;
        let systems = server.truth.read(systems);
        let (mirror, state) = (mirror.clone(), state.clone());
        let asked = tokio::task::spawn_blocking(move || news(&systems, mirror.as_deref(), state));
        match asked.await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                tracing::warn!(
                    error = format!("{:#}", failure.error),
                    "feeds cannot be asked for news"
                );
            }
            Err(error) => tracing::error!(%error, "asking for news of feeds failed"),
        }
    }
}

/// The distinct systems of the fleet.
fn systems(fleet: &overlock_fleet::Fleet) -> Vec<overlock_model::os::Os> {
    let distinct: std::collections::BTreeMap<(&str, &str), _> = fleet
        .hosts()
        .filter_map(|host| host.os())
        .map(|os| ((os.id.as_str(), os.version_id.as_str()), os))
        .collect();
    distinct.into_values().cloned().collect()
}

/// Fetches what these systems need, and compiles it; the server sees new tables by itself.
fn news(
    systems: &[overlock_model::os::Os],
    mirror: Option<&str>,
    state: State,
) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for os in systems {
        for publisher in overlock_feeds::publishers::needed(os, true, &[]) {
            if !wanted
                .iter()
                .any(|known: &overlock_feeds::publishers::Publisher| known.id == publisher.id)
            {
                wanted.push(publisher);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let state = State {
        now: state.clock(),
        ..state
    };
    let options = overlock_feeds::sync::Options::default();
    crate::scan::tables::fetch(&wanted, mirror, options, &state).map(drop)
}

//! A server in this process: started, announced, and stopped in order.

use crate::exit::Failure;
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
    raise_descriptors();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Open files that a server asks for: what its units ask for too. More would slow programs that close all they may have.
const DESCRIPTORS: u64 = 131_072;

/// A connection is a file descriptor, and a fleet may come back all at once: as many as the system lets this process have.
/// The soft limit is low for the sake of programs that use `select(2)`, which this one does not.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is no limit.
    let may = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    let current = current.map(|current| current.max(may));
    let raised = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays low");
    }
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

/// Ends a server's runtime. What still runs beside it, such as the fetching of a feed, is not waited for long: it writes
/// each file whole or not at all.
pub fn end(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
}

/// Says to systemd that the service is ready, where systemd asks (`sd_notify(3)`).
pub fn tell_service_manager() {
    // Where nobody listens there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

//! Our own accept loop: TCP, TLS, HTTP/1 and HTTP/2, each step bounded in time and number.
//!
//! Called by [`crate::Server`]. It is our own because the certificate of the other end must reach the handlers, and because
//! ten thousand agents come back at once after an outage: a crowd is let in by turns, nobody is turned away early, and one
//! address cannot take every place.

mod peers;
mod stop;
mod tls;
mod unanswered;

pub use peers::{Peer, one_address};
pub use stop::{Stop, Stopper, stopper};
pub use tls::{Certificates, OperatorFiles, TlsError};
pub use unanswered::Received;

use crate::authority::HostIdentity;
use crate::limits::Limits;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use peers::{Places, PlacesTaken};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use unanswered::Unanswered;

/// Rest after the system refused a connection, most likely for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// A connection of HTTP/2 that does not answer a ping within [`PING_TIMEOUT`] is gone.
const PING_EVERY: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What serves connections.
#[derive(Debug)]
pub struct Listener {
    /// What the routes are reached through.
    pub router: Router,
    /// The server's certificates.
    pub certificates: Arc<Certificates>,
    /// Bounds.
    pub limits: Limits,
}

struct Shared {
    router: Router,
    tls: TlsAcceptor,
    http: auto::Builder<TokioExecutor>,
    unanswered: Unanswered,
    limits: Limits,
}

impl Listener {
    /// Serves until stopped; then running requests have [`Limits::stop`] to end.
    pub async fn run(self, listener: TcpListener, stop: Stop) {
        let limits = self.limits;
        let shared = Arc::new(Shared {
            router: self.router,
            tls: TlsAcceptor::from(self.certificates.config()),
            http: http(&limits),
            unanswered: Unanswered::new(limits),
            limits,
        });
        let places = Arc::new(Places::new(limits.connections_per_address));
        let connections = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = stop.stopped() => break,
                accepted = async {
                    let permit = Arc::clone(&connections).acquire_owned().await;
                    (permit, listener.accept().await)
                } => accepted,
            };
            let (permit, (stream, address)) = match accepted {
                (Ok(permit), Ok(accepted)) => (permit, accepted),
                (_, Err(error)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
                (Err(_), Ok(_)) => break,
            };
            let place = match places.take(address.ip()) {
                Ok(place) => place,
                Err(PlacesTaken) => {
                    tracing::debug!(%address, "too many connections from one address");
                    continue;
                }
            };
            let shared = Arc::clone(&shared);
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                serve(shared, stream, address, watcher).await;
                drop((place, permit));
            });
        }
        drop(listener);
        if timeout(limits.stop, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were still open when the server stopped");
        }
    }
}

fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(64 << 10);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(32 << 10)
        .max_concurrent_streams(limits.streams);
    http
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr, watcher: Watcher) {
    // Small answers are to leave at once.
    drop(stream.set_nodelay(true));
    let handshake = async {
        // Who says nothing takes no place. To be readable is not enough: that is sometimes said without cause.
        stream.peek(&mut [0]).await?;
        let Some(mut place) = shared.unanswered.place(address.ip()).await else {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        };
        let accepted = place.during(shared.tls.accept(stream)).await;
        accepted.map(|tls| (tls, place))
    };
    let (tls, mut place) = match timeout(shared.limits.handshake, handshake).await {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "TLS failed");
            return;
        }
        Err(_) => {
            tracing::debug!(%address, "TLS took too long");
            return;
        }
    };
    let certificate = tls
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first)
        .map(HostIdentity::of);
    let identity = match certificate {
        None => None,
        Some(Ok(identity)) => Some(identity),
        Some(Err(error)) => {
            tracing::warn!(%address, %error, "a certificate of this authority names no host");
            return;
        }
    };
    let peer = Peer {
        address,
        identity: identity.map(Arc::new),
        received: Received::default(),
    };
    let received = peer.received.clone();
    let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let (router, received) = (shared.router.clone(), peer.received.clone());
        async move {
            let answer: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
            received.say();
            answer
        }
    });
    let connection = shared.http.serve_connection(TokioIo::new(tls), service);
    // Boxed, so that the task stays small while the handshake runs.
    let mut connection = Box::pin(watcher.watch(connection));
    let first = place.during(async {
        tokio::select! {
            ended = &mut connection => Some(ended),
            () = received.said() => None,
        }
    });
    let first = first.await;
    drop(place);
    let ended = match first {
        Some(ended) => ended,
        None => connection.await,
    };
    if let Err(error) = ended {
        tracing::debug!(%address, error = %error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;

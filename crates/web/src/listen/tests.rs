use super::*;
use crate::access::{Agent, AgentProof, Anybody, Public};
use crate::agents::refused::Refused;
use crate::authority::{Authority, ServerKey};
use crate::problem::Problem;
use crate::routes::{Call, Route, Routes};
use crate::testing::{Client, TestHost};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use overlock_model::plan::HostId;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    authority: Arc<Authority>,
    stopper: Stopper,
    task: JoinHandle<()>,
    entered: Arc<Notify>,
    leave: Arc<Notify>,
}

/// Handlers wait here, so that a test knows where a request is.
struct Gate {
    entered: Arc<Notify>,
    leave: Arc<Notify>,
}

async fn hello(_: Call<Gate, Anybody>) -> Result<Response, Problem> {
    Ok("hello".into_response())
}

async fn who(call: Call<Gate, AgentProof>) -> Result<Response, Refused> {
    Ok(call.proof.identity().host.to_string().into_response())
}

async fn slow(call: Call<Gate, Anybody>) -> Result<Response, Problem> {
    call.shared.entered.notify_one();
    call.shared.leave.notified().await;
    Ok("done".into_response())
}

fn authority() -> Arc<Authority> {
    Arc::new(Authority::open(&Authority::make("test", Timestamp::now()).unwrap()).unwrap())
}

async fn start(limits: Limits) -> Running {
    let authority = authority();
    let key = ServerKey::open(&ServerKey::make().unwrap()).unwrap();
    let names = vec!["127.0.0.1".parse().unwrap()];
    let certificates =
        Certificates::new(Arc::clone(&authority), key, names, None, Timestamp::now()).unwrap();
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gate = Arc::new(Gate {
        entered: Arc::clone(&entered),
        leave: Arc::clone(&leave),
    });
    let router = Routes::with_limits(gate, limits)
        .add(Route::get("/hello"), Public, hello)
        .add(Route::get("/slow"), Public, slow)
        .add(Route::get("/who"), Agent, who)
        .finish();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = stopper();
    let task = tokio::spawn(
        Listener {
            router,
            certificates: Arc::new(certificates),
            limits,
        }
        .run(listener, stop),
    );
    Running {
        address,
        authority,
        stopper,
        task,
        entered,
        leave,
    }
}

#[tokio::test]
async fn a_host_is_known_by_its_certificate_and_nobody_else_is() {
    let server = start(Limits::default()).await;
    let id = HostId::from_random([1; 16]);
    let host = TestHost::signed(&server.authority, id.clone());
    let client = Client::new(server.address, &server.authority, Some(&host));
    assert_eq!(client.get("/who").await.body, id.to_string());

    let nobody = Client::new(server.address, &server.authority, None);
    assert_eq!(nobody.get("/hello").await.body, "hello");
    assert_eq!(nobody.get("/who").await.status, 401);
}

#[tokio::test]
async fn a_certificate_of_another_fleet_is_refused_by_tls() {
    let server = start(Limits::default()).await;
    let host = TestHost::signed(&authority(), HostId::from_random([1; 16]));
    let client = Client::new(server.address, &server.authority, Some(&host));
    let request = axum::http::Request::get("/hello").body("".into()).unwrap();
    assert!(client.try_send(request).await.is_err());
}

#[tokio::test]
async fn another_fleets_server_is_refused_by_the_client() {
    let server = start(Limits::default()).await;
    let client = Client::new(server.address, &authority(), None);
    assert!(client.connect().await.is_err());
}

#[tokio::test]
async fn an_expired_certificate_is_refused_by_tls() {
    let server = start(Limits::default()).await;
    let (key, request) = TestHost::request();
    let id = HostId::from_random([1; 16]);
    let long_ago = Timestamp::now() - jiff::SignedDuration::from_hours(48);
    let signed = server
        .authority
        .sign_host(
            &request,
            &id,
            long_ago,
            jiff::SignedDuration::from_hours(24),
        )
        .unwrap();
    let chain = signed.chain;
    let client = Client::new(
        server.address,
        &server.authority,
        Some(&TestHost { id, key, chain }),
    );
    let request = axum::http::Request::get("/who").body("".into()).unwrap();
    assert!(client.try_send(request).await.is_err());
}

#[tokio::test]
async fn a_stop_lets_running_requests_end_and_takes_no_new_ones() {
    let server = start(Limits::default()).await;
    let client = Client::new(server.address, &server.authority, None);
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.get("/slow").await.body }
    });
    server.entered.notified().await;
    server.stopper.stop();
    server.leave.notify_one();
    assert_eq!(running.await.unwrap(), "done");
    server.task.await.unwrap();
    assert!(client.connect().await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let limits = Limits {
        stop: std::time::Duration::from_millis(50),
        ..Limits::default()
    };
    let server = start(limits).await;
    let client = Client::new(server.address, &server.authority, None);
    let running = tokio::spawn(async move { client.get("/slow").await.body });
    server.entered.notified().await;
    server.stopper.stop();
    server.task.await.unwrap();
    running.abort();
}

#[tokio::test]
async fn who_says_nothing_in_time_is_shown_the_door() {
    let limits = Limits {
        handshake: std::time::Duration::from_millis(100),
        head: std::time::Duration::from_millis(100),
        ..Limits::default()
    };
    let server = start(limits).await;
    let mut silent = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0);

    let client = Client::new(server.address, &server.authority, None);
    let mut slow = client.connect().await.unwrap();
    slow.write_all(b"GET /hello HTTP/1.1\r\nHo").await.unwrap();
    let mut answer = Vec::new();
    // The end of the connection ends the read, with or without an answer before it.
    drop(slow.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn one_address_takes_only_its_share_of_connections() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let server = start(limits).await;
    let client = Client::new(server.address, &server.authority, None);
    let first = client.connect().await.unwrap();
    assert!(client.connect().await.is_err());
    drop(first);
}

#[tokio::test]
async fn a_connection_gives_its_place_back_with_an_answer_an_end_or_in_time() {
    let limits = |unanswered_for| Limits {
        unanswered: 1,
        unanswered_for,
        ..Limits::default()
    };
    let server = start(limits(std::time::Duration::from_secs(3600))).await;
    let client = Client::new(server.address, &server.authority, None);
    // Who says nothing at all has no place.
    let _mute = TcpStream::connect(server.address).await.unwrap();
    // Who has had an answer has none any more, though its connection stays open.
    let mut open = client.connect().await.unwrap();
    open.write_all(b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(open.read_buf(&mut answer).await.unwrap(), 0);
    }
    assert_eq!(client.get("/hello").await.body, "hello");
    drop(open);
    let silent = client.connect().await.unwrap();
    drop(silent);
    assert_eq!(client.get("/hello").await.body, "hello");

    let server = start(limits(std::time::Duration::from_millis(50))).await;
    let client = Client::new(server.address, &server.authority, None);
    let silent = client.connect().await.unwrap();
    assert_eq!(client.get("/hello").await.body, "hello");
    drop(silent);
}

//! Every route of a running server, as nobody and as somebody else.

use super::*;
use crate::access::Needed;
use crate::testing::guest::Guest;
use crate::testing::{Answer, Client};

/// The path of a route with something in place of its parameters.
fn path(route: &RouteInfo) -> String {
    route
        .path
        .split('/')
        .map(|segment| {
            if segment.starts_with('{') {
                "x"
            } else {
                segment
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status.as_u16(), 400 | 401 | 403 | 404 | 405)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_lets_anybody_in_whom_it_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let guest = Guest::enrolled(&server, 1).await;
    let nobody = Client::new(server.address(), &server.shared().authority, None);
    assert!(server.table().len() >= 7);
    for route in server.table() {
        let path = path(route);
        let send = async |client: &Client, headers: &[(&str, &str)]| {
            client
                .send(route.method.clone(), &path, headers, "{}")
                .await
        };
        let as_nobody = send(&nobody, &[]).await;
        let as_liar = send(&nobody, &[("authorization", "Bearer ovt1.wrong")]).await;
        let as_agent = send(&guest.client, &[]).await;
        match route.needed {
            Needed::Public | Needed::Enrol => {
                assert_ne!(as_nobody.status, 403, "{path}");
            }
            Needed::Agent => {
                assert_eq!(as_nobody.status, 401, "{path}");
                assert_eq!(as_liar.status, 401, "{path}");
            }
            Needed::Permission(_) | Needed::Everywhere(_) => {
                assert_eq!(as_nobody.status, 401, "{path}");
                assert_eq!(as_liar.status, 401, "{path}");
                assert_eq!(as_agent.status, 401, "{path}: a host is no person");
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_spelling_of_a_path_reaches_a_handler() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let guest = Guest::enrolled(&server, 1).await;
    for route in server.table() {
        let path = path(route);
        let (head, last) = path.rsplit_once('/').unwrap();
        for trick in [
            format!("/{path}"),
            format!("{path}/"),
            format!("{path}//"),
            format!("{path};x=1"),
            format!("{path}%2f"),
            format!("{path}%00"),
            format!("{path}/."),
            format!("{path}/..{path}"),
            format!("{head}//{last}"),
            format!("{head}/./{last}"),
            format!("{head}/%2e/{last}"),
            format!("{head}/x/%2e%2e/{last}"),
            format!("{head}%2f{last}"),
        ] {
            // What does not begin with `/` is no path of a request (RFC 9112 section 3.2.1).
            if !trick.starts_with('/') {
                continue;
            }
            let answer = guest
                .client
                .send(route.method.clone(), &trick, &[], "{}")
                .await;
            assert!(!is_let_in(&answer), "{trick}: {}", answer.status);
            assert_eq!(answer.code(), "path_refused", "{trick}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_reaches_no_handler() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let nobody = Client::new(server.address(), &server.shared().authority, None);
    for path in ["/agent/v1/poll", "/agent/v1/install.sh"] {
        for method in ["PUT", "DELETE", "TRACE", "CONNECTED"] {
            let method = method.parse().unwrap();
            let answer = nobody.send(method, path, &[], "").await;
            assert_eq!(answer.code(), "method_refused", "{path}");
        }
    }
    assert_eq!(nobody.get("/nothing").await.code(), "not_found");
    server.stop().await;
}

#[test]
fn an_address_of_ours_is_written_as_an_url() {
    let url = |name: &str| url_of(&name.parse().unwrap(), 8443);
    assert_eq!(url("fleet.example.org"), "https://fleet.example.org:8443");
    assert_eq!(url("192.0.2.1"), "https://192.0.2.1:8443");
    assert_eq!(url("2001:db8::1"), "https://[2001:db8::1]:8443");
}

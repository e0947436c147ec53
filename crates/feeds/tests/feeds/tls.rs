//! HTTPS with a certificate of our own: trusted only through `SSL_CERT_FILE`, and never left for plain HTTP.
//!
//! The variable is of the whole process, so the trusting half runs as a child of the test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use overlock_feeds::{Cause, Kind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::world::*;

const ADDRESS: &str = "OVERLOCK_TEST_TLS_ADDRESS";

#[test]
fn https_needs_a_trusted_certificate_and_never_falls_back_to_http() {
    let folder = tempfile::tempdir().unwrap();
    if !certificate(folder.path()) {
        let test = "https_needs_a_trusted_certificate_and_never_falls_back_to_http";
        overlock_testkit::skip(test, "it needs the program `openssl`");
        return;
    }
    let address = serve(folder.path());

    let outcome = World::new().sync(&feed(&format!("{address}/list")));
    assert!(
        matches!(cause(&outcome), Cause::Connection(_)),
        "{outcome:?}"
    );
    let (error, _) = failure(&outcome);
    assert!(
        overlock_model::one_line::in_one_line(error).contains("certificate"),
        "{error:?}"
    );
    assert_eq!(error.kind(), Kind::Environment);

    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::trusting_child", "--ignored"])
        .env("SSL_CERT_FILE", folder.path().join("cert.pem"))
        .env_remove("SSL_CERT_DIR")
        .env(ADDRESS, address)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
#[ignore = "run by the test above, with SSL_CERT_FILE set"]
fn trusting_child() {
    let address = std::env::var(ADDRESS).unwrap();
    let world = World::new();
    assert_eq!(
        updated(&world.sync(&feed(&format!("{address}/list")))),
        (1, 0)
    );
    let outcome = world.sync(&feed(&format!("{address}/down")));
    let Cause::Redirect { why } = cause(&outcome) else {
        panic!("{outcome:?}")
    };
    assert_eq!(why, "from https to http");
}

/// Makes `cert.pem` and `key.pem` for 127.0.0.1; false without `openssl`.
fn certificate(folder: &Path) -> bool {
    Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=overlock-test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Answers a few connections and ends with the test's process: `/down` leads to plain HTTP, all else is the feed.
fn serve(folder: &Path) -> String {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(20).flatten() {
            let limit = Some(Duration::from_secs(5));
            stream.set_read_timeout(limit).unwrap();
            stream.set_write_timeout(limit).unwrap();
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut head = [0; 4096];
            // A client that does not trust us hangs up here.
            let Ok(length) = stream.read(&mut head) else {
                continue;
            };
            let answer = if head[..length].starts_with(b"GET /down ") {
                format!(
                    "HTTP/1.1 302 Found\r\nLocation: http://{address}/list\r\n\
                     Connection: close\r\nContent-Length: 0\r\n\r\n"
                )
            } else {
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\none\n".to_owned()
            };
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    format!("https://{address}")
}

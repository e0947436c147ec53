//! Hosts that lie, tokens that are replayed, messages that are bombs.

use super::server::{Served, package_sets, reported, runtime};
use hyper::StatusCode;
use overlock_load::connection::Connection;
use overlock_load::draw::{PackageSet, Random};
use overlock_load::guest::Guest;
use overlock_model::plan::Digest;
use overlock_protocol::check_in::Instance;
use overlock_protocol::{
    Message, Poll, Report, Section, SectionContent, SectionDigests, SectionReport, Update,
};
use serde_json::Value;
use std::sync::Arc;

#[test]
fn a_host_speaks_for_itself_only() {
    let test = "a_host_speaks_for_itself_only";
    let Some(sets) = package_sets(test, 2) else {
        return;
    };
    let served = Served::new();
    let other_server = Served::new();
    let secret = served.set_up().secret(3);
    let foreign_secret = other_server.set_up().secret(1);
    runtime().block_on(async {
        let mut random = Random(41);
        let (honest, _) = reported(&served, &secret, "honest", &sets[0], &mut random).await;
        let (_, mut liars) = reported(&served, &secret, "liar", &sets[1], &mut random).await;
        // Another host's id under one's own certificate.
        let poll = Poll {
            schema: Poll::schema(),
            host: honest.host.clone(),
            instance: Instance::from_random([1; 8]),
            count: 1,
            state: honest.state(),
            hold_seconds: 0,
        };
        let (status, _) = liars
            .post("/agent/v1/poll", poll.to_bytes().unwrap())
            .await
            .unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        // A host of another server, whose authority is another.
        let (stranger, _) = reported(
            &other_server,
            &foreign_secret,
            "stranger",
            &sets[0],
            &mut random,
        )
        .await;
        let tls = {
            let mut config = (*stranger.tls).clone();
            config.dangerous().set_certificate_verifier(trusting());
            std::sync::Arc::new(config)
        };
        let reached = async {
            let mut connection = Connection::open(&served.door(), tls).await?;
            connection
                .post("/agent/v1/poll", poll.to_bytes().unwrap())
                .await
        };
        assert!(
            !matches!(reached.await, Ok((status, _)) if status.is_success()),
            "a host of another server was heard"
        );
        // Without any certificate.
        let tls = served.door().tls(None).unwrap();
        let mut connection = Connection::open(&served.door(), tls).await.unwrap();
        let (status, _) = connection
            .post("/agent/v1/poll", poll.to_bytes().unwrap())
            .await
            .unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        // The honest host was not harmed.
        assert_eq!(served.standing("honest"), "active");
    });
}

/// Trusts every server: the attacker's own choice.
fn trusting() -> std::sync::Arc<dyn rustls::client::danger::ServerCertVerifier> {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    #[derive(Debug)]
    struct All;
    impl ServerCertVerifier for All {
        fn verify_server_cert(
            &self,
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &[rustls_pki_types::CertificateDer<'_>],
            _: &rustls_pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls_pki_types::UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls_pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            rustls::crypto::aws_lc_rs::default_provider()
                .signature_verification_algorithms
                .supported_schemes()
        }
    }
    std::sync::Arc::new(All)
}

#[test]
fn a_token_works_once_and_not_after_its_time() {
    let test = "a_token_works_once_and_not_after_its_time";
    let Some(sets) = package_sets(test, 1) else {
        return;
    };
    let served = Served::new();
    let once = served.set_up().secret(1);
    let short = served.says(&["host", "token", "--valid", "1s"]);
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
    let expired = short.lines().next().unwrap().rsplit('.').next().unwrap();
    // Until the clock says that its time is over: a second at the most.
    while jiff::Timestamp::now() <= ends {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    runtime().block_on(async {
        let mut random = Random(51);
        let mut enrol = async |secret: &str, name: &str| {
            Guest::enrol(
                &served.door(),
                secret,
                name.to_owned(),
                sets[0].clone(),
                &mut random,
            )
            .await
            .map(|guest| guest.name)
            .map_err(|error| format!("{error:#}"))
        };
        assert_eq!(enrol(&once, "first").await, Ok("first".to_owned()));
        for (secret, name) in [
            (once.as_str(), "replayed"),
            (expired, "expired"),
            (&"0".repeat(64), "guessed"),
        ] {
            let refused = enrol(secret, name).await.unwrap_err();
            assert!(refused.contains("token_refused"), "{name}: {refused}");
        }
    });
    // A one-time token for the first administrator is used up as well.
    let again = served.says(&["setup", "--again"]);
    let token = again.lines().next().unwrap().to_owned();
    assert_eq!(served.login(&token).status.code(), Some(0));
    assert_eq!(served.login(&token).status.code(), Some(4));
}

/// A server, a token for one host, and that host's packages; `None` after telling that the test is skipped.
fn of_one_host(test: &str) -> Option<(Served, String, Vec<Arc<PackageSet>>)> {
    let sets = package_sets(test, 1)?;
    let served = Served::new();
    let secret = served.set_up().secret(1);
    Some((served, secret, sets))
}

#[test]
fn bombs_and_giants_are_refused_and_the_server_stays_small() {
    let test = "bombs_and_giants_are_refused_and_the_server_stays_small";
    let Some((served, secret, sets)) = of_one_host(test) else {
        return;
    };
    runtime().block_on(async {
        let mut random = Random(61);
        let (guest, mut connection) =
            reported(&served, &secret, "attacker", &sets[0], &mut random).await;
        let before = served.peak_mib();
        // 1 GB of the same byte packs into less than 100 KB.
        let giant = vec![b' '; 1 << 30];
        let refused = connection.post("/agent/v1/report", giant).await;
        assert!(
            matches!(&refused, Ok((status, _)) if *status == StatusCode::PAYLOAD_TOO_LARGE),
            "{refused:?}"
        );
        // A million packages.
        let lines: Vec<String> = (0..1_000_000)
            .map(|number| {
                format!("{{\"name\":\"p{number:07}\",\"type\":\"deb\",\"version\":\"1\"}}")
            })
            .collect();
        let report = Report {
            schema: Report::schema(),
            host: guest.host.clone(),
            instance: Instance::from_random([2; 8]),
            count: 1,
            collected: jiff::Timestamp::now(),
            sections: vec![SectionReport {
                section: Section::Packages,
                digest: Digest::of(lines.join("\n").as_bytes()),
                update: Update::Full { lines },
            }],
            dropped: Vec::new(),
        };
        let mut connection = Connection::open(&served.door(), guest.tls.clone())
            .await
            .unwrap();
        let (status, _) = connection
            .post("/agent/v1/report", report.to_bytes().unwrap())
            .await
            .unwrap();
        assert!(status.is_client_error(), "{status}");
        let grown = served.peak_mib() - before;
        assert!(grown < 400.0, "the server grew by {grown:.0} MiB");
        // Deep nesting.
        let deep = format!(
            "{{\"schema\":\"overlock.poll/1\",\"x\":{}",
            "[".repeat(50_000)
        );
        let mut connection = Connection::open(&served.door(), guest.tls.clone())
            .await
            .unwrap();
        let (status, _) = connection
            .post("/agent/v1/poll", deep.into_bytes())
            .await
            .unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
    });
    served.json(&["host", "show", "attacker"]);
}

#[test]
fn hostile_names_are_stored_and_shown_harmless() {
    let test = "hostile_names_are_stored_and_shown_harmless";
    let Some((served, secret, sets)) = of_one_host(test) else {
        return;
    };
    runtime().block_on(async {
        let mut random = Random(71);
        let (mut guest, mut connection) =
            reported(&served, &secret, "host", &sets[0], &mut random).await;
        let evil =
            "<script>alert(1)</script>\u{1b}[2J\u{202e}../../etc/passwd'; DROP TABLE hosts; --";
        let mut sections = guest.sections().clone();
        let package = serde_json::json!({"name": evil, "type": "deb", "version": "1"});
        sections.insert(Section::Packages, SectionContent::of([package]).unwrap());
        guest.become_like(sections);
        guest
            .report(&mut connection, &SectionDigests::new(), None)
            .await
            .unwrap();
    });
    let inventory = served.says(&["host", "inventory", "host"]);
    let inventory: Value = serde_json::from_str(&inventory).unwrap();
    let name = inventory
        .pointer("/packages/0/name")
        .and_then(Value::as_str);
    assert!(name.unwrap().starts_with("<script>"), "stored as it came");
    let shown = served.says(&[
        "exposure",
        "package",
        "<script>alert(1)</script>\u{1b}[2J\u{202e}../../etc/passwd'; DROP TABLE hosts; --",
    ]);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    assert_eq!(
        served.json(&["host", "list"])["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_host_whose_clock_is_years_off_is_judged_by_the_servers_and_said_to_be() {
    let test = "a_host_whose_clock_is_years_off_is_judged_by_the_servers_and_said_to_be";
    let Some((served, secret, sets)) = of_one_host(test) else {
        return;
    };
    runtime().block_on(async {
        let mut random = Random(81);
        let (guest, mut connection) =
            reported(&served, &secret, "late", &sets[0], &mut random).await;
        let hello = overlock_protocol::Hello {
            schema: overlock_protocol::Hello::schema(),
            host: guest.host.clone(),
            instance: Instance::from_random([3; 8]),
            agent: "0.1.0".to_owned(),
            machine_id: guest.machine_id().to_owned(),
            boot_id: String::new(),
            time: "2016-01-01T00:00:00Z".parse().unwrap(),
            switched_off: [].into(),
            helper: false,
        };
        let (status, _) = connection
            .post("/agent/v1/hello", hello.to_bytes().unwrap())
            .await
            .unwrap();
        assert_eq!(status, StatusCode::OK);
    });
    served.await_judged(1);
    // Signs of life are written down in batches, a few seconds apart.
    served.until(std::time::Duration::from_secs(30), || {
        let shown = served.json(&["host", "show", "late"]);
        let notes = shown.get("notes").map(Value::to_string).unwrap_or_default();
        (notes.contains("clock is") && notes.contains("days behind")).then_some(())
    });
}

#[test]
fn a_copied_key_on_two_machines_quarantines_both() {
    let test = "a_copied_key_on_two_machines_quarantines_both";
    let Some((served, secret, sets)) = of_one_host(test) else {
        return;
    };
    runtime().block_on(async {
        let mut random = Random(91);
        let (mut original, mut connection) =
            reported(&served, &secret, "web-1", &sets[0], &mut random).await;
        original.poll(&mut connection).await.unwrap();
        // The copy starts: a new instance, which might be a restart of the original …
        let mut copy = original.copied(&mut random);
        let mut copys = Connection::open(&served.door(), copy.tls.clone())
            .await
            .unwrap();
        copy.hello(&mut copys).await.unwrap();
        copy.poll(&mut copys).await.unwrap();
        // … until the original speaks again.
        let refused = original.poll(&mut connection).await.unwrap_err();
        assert!(
            format!("{refused:#}").contains("quarantined"),
            "{refused:#}"
        );
        let refused = copy.poll(&mut copys).await.unwrap_err();
        assert!(
            format!("{refused:#}").contains("quarantined"),
            "{refused:#}"
        );
    });
    assert_eq!(served.standing("web-1"), "quarantined");
    served.says(&[
        "host",
        "release",
        "web-1",
        "--reason",
        "the copy was a test machine",
    ]);
    assert_eq!(served.standing("web-1"), "active");
}

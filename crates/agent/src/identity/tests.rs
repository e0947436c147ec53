//! Identities that come back, that are renewed, and that are lost half-way.

use super::*;

fn certificate(expires: &str) -> Certificate {
    Certificate {
        chain: "chain".into(),
        expires: expires.parse().unwrap(),
        renew_after: expires.parse().unwrap(),
    }
}

fn identity() -> Identity {
    Identity::new(
        ServerUrl::try_from("https://overlock.example.org".to_owned()).unwrap(),
        "authority".into(),
        HostId::from_random([1; 16]),
        Key::generate().unwrap(),
        certificate("2026-01-08T00:00:00Z"),
    )
}

#[test]
fn an_identity_comes_back_and_hides_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::open(&folder.path().join("agent")).unwrap();
    assert!(matches!(
        folder.identity(),
        Err(IdentityError::NotEnrolled { .. })
    ));
    folder.store(&identity()).unwrap();
    let back = folder.identity().unwrap();
    assert_eq!(back.certificate, identity().certificate);
    assert!(!format!("{back:?}").contains("PRIVATE"));
    std::fs::write(folder.identity_path(), "{}").unwrap();
    let error = folder.identity().unwrap_err();
    assert!(error.hint().unwrap().starts_with("enrol again"), "{error}");
}

#[test]
fn the_former_certificate_stays_until_the_new_one_has_worked() {
    let now = "2026-01-07T00:00:00Z".parse().unwrap();
    let renewed = identity().renewed(certificate("2026-01-15T00:00:00Z"));
    let back = renewed.fallen_back(now).unwrap();
    assert_eq!(back.certificate, certificate("2026-01-08T00:00:00Z"));
    assert_eq!(back.former, None);
    assert_eq!(
        renewed.fallen_back("2026-01-09T00:00:00Z".parse().unwrap()),
        None
    );
    assert_eq!(renewed.proved().fallen_back(now), None);
}

#[test]
fn a_host_id_is_made_once_and_the_journals_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let one = Folder::open(&folder.path().join("one")).unwrap();
    let host = one.host(None).unwrap();
    assert_eq!(one.host(Some(HostId::from_random([9; 16]))).unwrap(), host);
    let other = Folder::open(&folder.path().join("other")).unwrap();
    let journal = HostId::from_random([7; 16]);
    assert_eq!(other.host(Some(journal.clone())).unwrap(), journal);
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::open(&folder.path().join("agent")).unwrap();
    let key = folder.enrolling().unwrap();
    assert_eq!(folder.enrolling().unwrap(), key);
    assert!(key.request().unwrap().contains("CERTIFICATE REQUEST"));
    assert_eq!(key.fingerprint().unwrap().len(), 64);
    folder.enrolled();
    assert_ne!(folder.enrolling().unwrap(), key);
}

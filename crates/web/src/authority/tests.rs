use super::*;

fn authority() -> Authority {
    Authority::open(&Authority::make("test", Timestamp::UNIX_EPOCH).unwrap()).unwrap()
}

fn host() -> HostId {
    HostId::from_random([7; 16])
}

/// A signing request that asks for far more than it gets.
fn request(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["admin.example.org".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serialize_request(key).unwrap().pem().unwrap()
}

#[test]
fn a_host_gets_its_key_signed_under_the_name_that_the_server_gives() {
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let signed = authority
        .sign_host(&request(&key), &host(), now, HOST_LIFE)
        .unwrap();
    assert_eq!(signed.renew_after, now + HOST_LIFE / 2);
    let der = CertificateDer::from_pem_slice(signed.chain.as_bytes()).unwrap();
    let identity = HostIdentity::of(&der).unwrap();
    assert_eq!(identity.host, host());
    assert_eq!(identity.serial, signed.serial);
    assert_eq!(identity.key, Digest::of(&key.subject_public_key_info()));
    assert_eq!(identity.key, signed.key);
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert!(!parsed.is_ca());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert_eq!(
        parsed.validity().not_after.timestamp(),
        (now + HOST_LIFE).as_second()
    );
    parsed.verify_signature(None).unwrap_err();
    let (_, root) = X509Certificate::from_der(authority.certificate()).unwrap();
    parsed.verify_signature(Some(root.public_key())).unwrap();
}

#[test]
fn a_request_that_its_own_key_did_not_sign_is_refused() {
    let authority = authority();
    let request = request(&KeyPair::generate().unwrap());
    let (_, mut pem) = x509_parser::pem::parse_x509_pem(request.as_bytes()).unwrap();
    let at = pem.contents.len() - 3;
    pem.contents[at] ^= 1;
    let mut forged = String::from("-----BEGIN CERTIFICATE REQUEST-----\n");
    forged.push_str(&crate::base64::encode(&pem.contents));
    forged.push_str("\n-----END CERTIFICATE REQUEST-----\n");
    for wrong in [forged.as_str(), "", "-----BEGIN CERTIFICATE REQUEST-----\n"] {
        let refused = authority.sign_host(wrong, &host(), Timestamp::UNIX_EPOCH, HOST_LIFE);
        assert!(
            matches!(refused, Err(AuthorityError::Request(_))),
            "{wrong}"
        );
    }
}

#[test]
fn serial_numbers_never_repeat() {
    let authority = authority();
    let request = request(&KeyPair::generate().unwrap());
    let sign = || {
        authority
            .sign_host(&request, &host(), Timestamp::UNIX_EPOCH, HOST_LIFE)
            .unwrap()
            .serial
    };
    let one = sign();
    assert_ne!(one, sign());
    assert_eq!(one.len(), 32);
}

#[test]
fn an_authority_comes_back_with_its_fingerprint_and_a_foreign_key_is_refused() {
    let pair = Authority::make("test", Timestamp::UNIX_EPOCH).unwrap();
    let one = Authority::open(&pair).unwrap();
    assert_eq!(
        one.fingerprint(),
        Authority::open(&pair).unwrap().fingerprint()
    );
    let other = Authority::make("test", Timestamp::UNIX_EPOCH).unwrap();
    let mixed = AuthorityPair {
        certificate: pair.certificate.clone(),
        key: other.key,
    };
    assert!(matches!(
        Authority::open(&mixed),
        Err(AuthorityError::Damaged(_))
    ));
    assert!(!format!("{pair:?}").contains("PRIVATE"));
}

#[test]
fn a_server_certificate_names_no_host() {
    let authority = authority();
    let key = ServerKey::open(&ServerKey::make().unwrap()).unwrap();
    let names = ["fleet.example.org".parse().unwrap(), "::1".parse().unwrap()];
    let signed = authority
        .sign_server(&key, &names, Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(HostIdentity::of(&signed.chain[0]), Err(PeerError::Name));
    assert!("fleet example".parse::<ServerName>().is_err());
    assert!("".parse::<ServerName>().is_err());
}

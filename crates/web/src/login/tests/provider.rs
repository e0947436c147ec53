//! How often the provider is asked about itself, and what happens while it is away.

use super::idp::Fault;
use super::*;

#[tokio::test]
async fn a_provider_is_asked_about_itself_once_an_hour() {
    let site = Site::start().await;
    for _ in 0..3 {
        site.browser().logged_in().await;
    }
    let asked = site.idp.asked();
    assert_eq!((asked.discovery, asked.keys, asked.token), (1, 1, 3));
    site.pass(SignedDuration::from_mins(60));
    site.browser().logged_in().await;
    assert_eq!(site.idp.asked().discovery, 1);
}

#[tokio::test]
async fn a_key_that_is_new_is_looked_for_but_not_by_everybody() {
    let site = Site::start().await;
    site.browser().logged_in().await;
    site.pass(SignedDuration::from_mins(2));
    site.idp.asked();
    site.idp.rename_key("2");
    site.browser().logged_in().await;
    assert_eq!(site.idp.asked().keys, 1);
    // Made-up keys ask the provider once a minute at most.
    site.pass(SignedDuration::from_mins(2));
    site.idp.fault(Fault::UnknownKey);
    for _ in 0..5 {
        assert_eq!(problem(&site.browser().login().await), "unauthenticated");
    }
    assert_eq!(site.idp.asked().keys, 1);
}

#[tokio::test]
async fn what_is_known_of_a_provider_is_used_for_a_day() {
    let site = Site::start().await;
    site.browser().logged_in().await;
    site.idp.asked();
    site.idp.fault(Fault::DiscoveryFails);
    site.pass(SignedDuration::from_hours(23));
    for _ in 0..3 {
        site.browser().logged_in().await;
    }
    // It is not asked again while it rests.
    assert_eq!(site.idp.asked().discovery, 1);
    site.pass(SignedDuration::from_hours(1));
    assert_eq!(site.browser().says("/api/v1/login").await, "unavailable");
    site.idp.fault(None);
    assert_eq!(site.browser().says("/api/v1/login").await, "unavailable");
    site.pass(SignedDuration::from_secs(10));
    site.browser().logged_in().await;
}

#[tokio::test]
async fn a_provider_that_is_gone_is_told_as_such() {
    let site = Site::start().await;
    site.idp.stop();
    assert_eq!(site.browser().says("/api/v1/login").await, "unavailable");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_at_start() {
    let here: PublicAddress = "https://fleet.example.org".parse().unwrap();
    let make = |issuer: &str, client: &str, trust: Trust| {
        let mut settings = OidcSettings::new(issuer, client);
        settings.trust = trust;
        Oidc::new(settings, &here, LoginLimits::default()).map(drop)
    };
    let issuer = "https://id.example.org/realms/one";
    assert!(make(issuer, "overlock", Trust::Platform).is_ok());
    assert!(matches!(
        make("http://id.example.org", "overlock", Trust::Platform),
        Err(OidcSettingsError::Issuer(_))
    ));
    assert!(matches!(
        make(issuer, "", Trust::Platform),
        Err(OidcSettingsError::ClientId)
    ));
    for pem in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let made = make(issuer, "overlock", Trust::Only(pem.to_owned()));
        assert!(matches!(made, Err(OidcSettingsError::Trust(_))), "{pem}");
    }
}

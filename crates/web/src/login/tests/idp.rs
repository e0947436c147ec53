//! A real identity provider over real TLS: discovery, keys, authorization and token endpoint, with codes that work once and
//! PKCE that is checked. A fault makes it, or somebody who has its place on the network, misbehave in one way.

use crate::authority::{Authority, ServerKey};
use crate::limits::Limits;
use crate::listen::{Certificates, Listener, Stopper, stopper};
use crate::testing::Client;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use axum::Router;
use axum::extract::{RawForm, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};
use openidconnect::url::form_urlencoded;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::net::TcpListener;

pub const CLIENT_ID: &str = "overlock";
pub const CLIENT_SECRET: &str = "s3cret of the client/+";

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Expired,
    FromTheFuture,
    WrongAudience,
    SecondAudience,
    OtherParty,
    WrongIssuer,
    WrongNonce,
    NoNonce,
    UnknownKey,
    KeyOfAnother,
    AlgNone,
    AlgNoneWithSignature,
    SharedSecretIsThePublicKey,
    SharedSecretIsTheClientSecret,
    WrongSignature,
    ClaimsChanged,
    NotAToken,
    NoIdToken,
    GroupsAreNumbers,
    NoSubject,
    TokenEndpointFails,
    TokenEndpointRefusesTheClient,
    TokenEndpointRedirects,
    HugeAnswer,
    EndlessNesting,
    NotJson,
    PersonDenied,
    AnswerOfAnotherIssuer,
    OtherState,
    NoCode,
    WrongCode,
    DiscoveryOfAnotherIssuer,
    DiscoveryWithoutTls,
    DiscoveryFails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    Rs256,
    Es256,
}

/// Who logs in next, and how.
#[derive(Debug, Clone)]
pub struct Person {
    pub subject: String,
    pub name: String,
    pub groups: Value,
}

struct Code {
    nonce: Option<String>,
    challenge: String,
    redirect: String,
    person: Person,
}

#[derive(Debug, Default)]
pub struct Asked {
    pub discovery: usize,
    pub keys: usize,
    pub token: usize,
}

struct Keys {
    rsa: rsa::KeyPair,
    ec: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
}

struct Inner {
    origin: String,
    issuer: String,
    keys: Keys,
    codes: Mutex<HashMap<String, Code>>,
    asked: Mutex<Asked>,
    how: Mutex<How>,
}

struct How {
    fault: Option<Fault>,
    alg: Alg,
    key_name: String,
    person: Person,
    now: Timestamp,
    auth_in_body: bool,
}

pub struct Idp {
    inner: Arc<Inner>,
    pub issuer: String,
    pub authority: Arc<Authority>,
    pub client: Client,
    stopper: Stopper,
}

fn rsa_key() -> rsa::KeyPair {
    rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn ec_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

impl Idp {
    pub async fn start(now: Timestamp) -> Self {
        let made = Timestamp::now();
        let authority = Arc::new(Authority::open(&Authority::make("idp", made).unwrap()).unwrap());
        let key = ServerKey::open(&ServerKey::make().unwrap()).unwrap();
        let names = vec!["127.0.0.1".parse().unwrap()];
        let certificates =
            Certificates::new(Arc::clone(&authority), key, names, None, made).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("https://{address}");
        let issuer = format!("{origin}/realms/test");
        let inner = Arc::new(Inner {
            origin: origin.clone(),
            issuer: issuer.clone(),
            keys: Keys {
                rsa: rsa_key(),
                ec: ec_key(),
                stranger: ec_key(),
            },
            codes: Mutex::default(),
            asked: Mutex::default(),
            how: Mutex::new(How {
                fault: None,
                alg: Alg::Rs256,
                key_name: "1".to_owned(),
                person: Person {
                    subject: "7c2f".to_owned(),
                    name: "Ada Example".to_owned(),
                    groups: json!(["/ops", "/staff"]),
                },
                now,
                auth_in_body: false,
            }),
        });
        let router = Router::new()
            .route(
                "/realms/test/.well-known/openid-configuration",
                get(discovery),
            )
            .route("/realms/test/keys", get(keys))
            .route("/realms/test/authorize", get(authorize))
            .route("/realms/test/token", post(token))
            .with_state(Arc::clone(&inner));
        let (stopper, stop) = stopper();
        tokio::spawn(
            Listener {
                router,
                certificates: Arc::new(certificates),
                limits: Limits::default(),
            }
            .run(listener, stop),
        );
        Self {
            inner,
            issuer,
            client: Client::new(address, &authority, None),
            authority,
            stopper,
        }
    }

    pub fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.inner.how.lock().unwrap().fault = fault.into();
    }

    pub fn alg(&self, alg: Alg) {
        self.inner.how.lock().unwrap().alg = alg;
    }

    pub fn person(&self, person: Person) {
        self.inner.how.lock().unwrap().person = person;
    }

    /// The same key under a new name: to those who know the old name only, it is a new key.
    pub fn rename_key(&self, name: &str) {
        self.inner.how.lock().unwrap().key_name = name.to_owned();
    }

    pub fn now(&self, now: Timestamp) {
        self.inner.how.lock().unwrap().now = now;
    }

    pub fn wants_secret_in_the_body(&self) {
        self.inner.how.lock().unwrap().auth_in_body = true;
    }

    pub fn asked(&self) -> Asked {
        std::mem::take(&mut self.inner.asked.lock().unwrap())
    }

    pub fn stop(&self) {
        self.stopper.stop();
    }
}

impl Inner {
    fn fault(&self) -> Option<Fault> {
        self.how.lock().unwrap().fault
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault() == Some(fault)
    }
}

pub fn url64(bytes: &[u8]) -> String {
    crate::base64::encode(bytes)
        .replace('+', "-")
        .replace('/', "_")
        .trim_end_matches('=')
        .to_owned()
}

fn pairs(text: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn error(status: StatusCode, word: &str) -> Response {
    (status, axum::Json(json!({"error": word}))).into_response()
}

async fn discovery(State(idp): State<Arc<Inner>>) -> Response {
    idp.asked.lock().unwrap().discovery += 1;
    if idp.is(Fault::DiscoveryFails) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let issuer = &idp.issuer;
    let named = if idp.is(Fault::DiscoveryOfAnotherIssuer) {
        format!("{}/realms/other", idp.origin)
    } else {
        issuer.clone()
    };
    let token = if idp.is(Fault::DiscoveryWithoutTls) {
        format!("{}/token", issuer.replace("https://", "http://"))
    } else {
        format!("{issuer}/token")
    };
    let mut document = json!({
        "issuer": named,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": token,
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // What an attacker would say; nobody is to believe it.
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
    });
    if idp.how.lock().unwrap().auth_in_body {
        document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    }
    axum::Json(document).into_response()
}

async fn keys(State(idp): State<Arc<Inner>>) -> Response {
    idp.asked.lock().unwrap().keys += 1;
    let rsa = idp.keys.rsa.public_key();
    let ec = idp.keys.ec.public_key().as_ref();
    let name = idp.how.lock().unwrap().key_name.clone();
    axum::Json(json!({"keys": [
        {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": format!("rsa-{name}"),
         "n": url64(rsa.modulus().big_endian_without_leading_zero()),
         "e": url64(rsa.exponent().big_endian_without_leading_zero())},
        {"kty": "EC", "use": "sig", "crv": "P-256", "kid": format!("ec-{name}"),
         "x": url64(&ec[1..33]), "y": url64(&ec[33..])},
        {"kty": "of the future", "kid": "odd"},
    ]}))
    .into_response()
}

async fn authorize(State(idp): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    let asked = pairs(query.unwrap_or_default().as_bytes());
    let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if get("client_id") != CLIENT_ID
        || get("response_type") != "code"
        || get("code_challenge_method") != "S256"
        || !get("scope").split(' ').any(|scope| scope == "openid")
    {
        return error(StatusCode::BAD_REQUEST, "invalid_request");
    }
    let redirect = get("redirect_uri");
    let mut answer = form_urlencoded::Serializer::new(String::new());
    if idp.is(Fault::PersonDenied) {
        answer.append_pair("error", "access_denied");
    } else if !idp.is(Fault::NoCode) {
        let code = url64(&crate::authority::random::<16>().unwrap());
        idp.codes.lock().unwrap().insert(
            code.clone(),
            Code {
                nonce: asked.get("nonce").cloned(),
                challenge: get("code_challenge"),
                redirect: redirect.clone(),
                person: idp.how.lock().unwrap().person.clone(),
            },
        );
        let code = if idp.is(Fault::WrongCode) {
            "wrong".to_owned()
        } else {
            code
        };
        answer.append_pair("code", &code);
    }
    let state = if idp.is(Fault::OtherState) {
        "other".to_owned()
    } else {
        get("state")
    };
    answer
        .append_pair("state", &state)
        .append_pair("session_state", "x");
    let iss = if idp.is(Fault::AnswerOfAnotherIssuer) {
        "https://other.example.org"
    } else {
        &idp.issuer
    };
    answer.append_pair("iss", iss);
    let location = format!("{redirect}?{}", answer.finish());
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

async fn token(
    State(idp): State<Arc<Inner>>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    idp.asked.lock().unwrap().token += 1;
    let form = pairs(&form);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let form_encoded =
        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!(
        "{}:{}",
        form_encoded(CLIENT_ID),
        form_encoded(CLIENT_SECRET)
    );
    let basic = format!("Basic {}", crate::base64::encode(basic.as_bytes()));
    let is_client = if idp.how.lock().unwrap().auth_in_body {
        get("client_id") == CLIENT_ID && get("client_secret") == CLIENT_SECRET
    } else {
        headers
            .get("authorization")
            .is_some_and(|given| given.as_bytes() == basic.as_bytes())
    };
    match idp.fault() {
        Some(Fault::TokenEndpointFails) => {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        Some(Fault::TokenEndpointRedirects) => {
            return (
                StatusCode::TEMPORARY_REDIRECT,
                [(LOCATION, "https://127.0.0.1:9/")],
            )
                .into_response();
        }
        Some(Fault::HugeAnswer) => {
            return ([(CONTENT_TYPE, "application/json")], vec![b' '; 8 << 20]).into_response();
        }
        Some(Fault::EndlessNesting) => {
            return ([(CONTENT_TYPE, "application/json")], vec![b'['; 100_000]).into_response();
        }
        Some(Fault::NotJson) => return ([(CONTENT_TYPE, "text/html")], "<p>hello").into_response(),
        Some(Fault::TokenEndpointRefusesTheClient) => {
            return error(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        _ if !is_client => return error(StatusCode::UNAUTHORIZED, "invalid_client"),
        _ => {}
    }
    let code = idp.codes.lock().unwrap().remove(get("code"));
    let proof = url64(digest(&SHA256, get("code_verifier").as_bytes()).as_ref());
    match code {
        Some(code)
            if get("grant_type") == "authorization_code"
                && code.redirect == get("redirect_uri")
                && code.challenge == proof =>
        {
            let mut answer =
                json!({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60});
            if !idp.is(Fault::NoIdToken) {
                answer["id_token"] = id_token(&idp, &code).into();
            }
            axum::Json(answer).into_response()
        }
        _ => error(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}

fn id_token(idp: &Inner, code: &Code) -> String {
    let how = idp.how.lock().unwrap();
    let minutes = |count: i64| (how.now + SignedDuration::from_mins(count)).as_second();
    let mut claims = json!({
        "iss": idp.issuer, "aud": CLIENT_ID, "azp": CLIENT_ID, "sub": code.person.subject,
        "iat": minutes(0), "exp": minutes(5), "name": code.person.name,
        "email": "ada@example.org", "groups": code.person.groups, "nonce": code.nonce,
        "realm_access": {"roles": ["x"]},
    });
    let mut header = match how.alg {
        Alg::Rs256 => json!({"alg": "RS256", "kid": format!("rsa-{}", how.key_name)}),
        Alg::Es256 => json!({"alg": "ES256", "kid": format!("ec-{}", how.key_name), "typ": "JWT"}),
    };
    match how.fault {
        // Within the leeway it would hold.
        Some(Fault::Expired) => claims["exp"] = minutes(-2).into(),
        Some(Fault::FromTheFuture) => claims["iat"] = minutes(2).into(),
        Some(Fault::WrongAudience) => claims["aud"] = json!("other"),
        Some(Fault::SecondAudience) => claims["aud"] = json!([CLIENT_ID, "other"]),
        Some(Fault::OtherParty) => claims["azp"] = json!("other"),
        Some(Fault::WrongIssuer) => claims["iss"] = json!("https://other.example.org"),
        Some(Fault::WrongNonce) => claims["nonce"] = json!("other"),
        Some(Fault::NoNonce) => claims["nonce"] = Value::Null,
        Some(Fault::GroupsAreNumbers) => claims["groups"] = json!([1, 2]),
        Some(Fault::NoSubject) => claims["sub"] = json!(""),
        Some(Fault::UnknownKey) => header["kid"] = json!("unknown"),
        Some(Fault::AlgNone | Fault::AlgNoneWithSignature) => header = json!({"alg": "none"}),
        Some(Fault::SharedSecretIsThePublicKey | Fault::SharedSecretIsTheClientSecret) => {
            header["alg"] = json!("HS256");
        }
        Some(Fault::NotAToken) => return "a.b".to_owned(),
        _ => {}
    }
    let text = |value: &Value| url64(value.to_string().as_bytes());
    let signed = format!("{}.{}", text(&header), text(&claims));
    let message = signed.as_bytes();
    let shared = |secret: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message)
            .as_ref()
            .to_vec()
    };
    let mut signature = match (how.fault, how.alg) {
        (Some(Fault::AlgNone), _) => Vec::new(),
        (Some(Fault::SharedSecretIsThePublicKey), _) => {
            use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
            let der: PublicKeyX509Der<'_> = idp.keys.rsa.public_key().as_der().unwrap();
            shared(der.as_ref())
        }
        (Some(Fault::SharedSecretIsTheClientSecret), _) => shared(CLIENT_SECRET.as_bytes()),
        (Some(Fault::KeyOfAnother), Alg::Es256) => ec_sign(&idp.keys.stranger, message),
        (Some(Fault::KeyOfAnother), Alg::Rs256) => rsa_sign(&STRANGER, message),
        (_, Alg::Rs256) => rsa_sign(&idp.keys.rsa, message),
        (_, Alg::Es256) => ec_sign(&idp.keys.ec, message),
    };
    if how.fault == Some(Fault::WrongSignature) {
        signature[7] ^= 1;
    }
    if how.fault == Some(Fault::ClaimsChanged) {
        claims["groups"] = json!(["/admins"]);
        return format!("{}.{}.{}", text(&header), text(&claims), url64(&signature));
    }
    format!("{signed}.{}", url64(&signature))
}

/// A key that the provider does not have.
static STRANGER: LazyLock<rsa::KeyPair> = LazyLock::new(rsa_key);

fn rsa_sign(key: &rsa::KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .unwrap();
    signature
}

fn ec_sign(key: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    key.sign(&SystemRandom::new(), message)
        .unwrap()
        .as_ref()
        .to_vec()
}

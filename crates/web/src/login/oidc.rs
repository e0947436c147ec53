//! Login by OpenID Connect: authorization code with PKCE, state and nonce; the ID token is checked, never just decoded.
//!
//! ```text
//!  begin ─► address at the provider ─► (person logs in there) ─► callback with code and state
//!    └─► Pending, kept in the session ──────────── taken once ──────┐       │
//!                                                                   ▼       ▼
//!                                         finish: code + verifier ─► ID token ─► Identity
//! ```
//!
//! Called by [`super::routes`]. The provider's answers are used for nothing but the identity: the access token is dropped.

use super::LoginLimits;
use super::identity::{Identity, IdentityError, groups};
use super::provider::{DiscoveryError, Known, Provider, Wanted, chain};
use super::settings::{AddressError, OidcSettings, PublicAddress, https};
use super::transport::{Transport, TransportError, TrustError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse,
};
use openidconnect::{ClaimsVerificationError, IdToken};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Where the provider sends people back to.
pub(super) const CALLBACK: &str = "/api/v1/login/callback";
/// Longest code that is taken to the provider, in bytes.
const CODE_BYTES: usize = 4096;

/// Signatures that are taken: with a key that only the provider has. The others (`none`, and those by a shared secret, for
/// which a public key could be passed off) are never taken, whatever a token or the provider says.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// All claims that are not the standard's.
#[derive(Debug, Serialize, Deserialize)]
struct OtherClaims(serde_json::Map<String, serde_json::Value>);
impl AdditionalClaims for OtherClaims {}

type Token = IdToken<
    OtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A login that was begun, and waits for the person to come back. Secret: whoever has it can end the login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    next: Url,
    begun: Timestamp,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending(since {})", self.begun)
    }
}

impl Pending {
    /// Whether this is the login that the provider's answer belongs to.
    pub(super) fn is_of(&self, state: &str) -> bool {
        verify_slices_are_equal(self.state.as_bytes(), state.as_bytes()).is_ok()
    }

    /// Whether it is too late to end it. One that was begun in the future is of a clock that was set back.
    pub(super) fn is_over(&self, limits: &LoginLimits, now: Timestamp) -> bool {
        now.duration_since(self.begun).abs() >= limits.pending_life
    }

    /// Where the person goes then.
    pub(super) fn next(&self) -> &Url {
        &self.next
    }
}

/// What came back with the person.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    /// RFC 9207: who answers.
    iss: Option<String>,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider does not tell about itself.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The provider does not answer, answers too much, or nothing that can be read.
    #[error("the identity provider gives no usable answer for the code: {0}")]
    Exchange(String),
    /// The provider does not take our name or secret.
    #[error("the identity provider refuses this server: {0}")]
    Client(String),
    /// The provider says no to the person.
    #[error("the identity provider refuses the login: {0}")]
    Refused(String),
    /// The answer is none, or another provider's.
    #[error("the answer of the identity provider cannot be used: {0}")]
    Answer(&'static str),
    /// The ID token does not hold.
    #[error("the ID token does not hold: {0}")]
    Token(String),
    /// The claims cannot be used.
    #[error("the claims of the ID token cannot be used")]
    Claims(#[from] IdentityError),
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OidcSettingsError {
    /// The issuer is no address.
    #[error("the issuer cannot be used")]
    Issuer(#[source] AddressError),
    /// The client has no name.
    #[error("the client id is empty")]
    ClientId,
    /// The trust cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The client of one identity provider.
#[derive(Debug)]
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    callback: Url,
    limits: LoginLimits,
}

impl Oidc {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(
        settings: OidcSettings,
        address: &PublicAddress,
        limits: LoginLimits,
    ) -> Result<Self, OidcSettingsError> {
        https(&settings.issuer).map_err(OidcSettingsError::Issuer)?;
        if settings.client_id.is_empty() {
            return Err(OidcSettingsError::ClientId);
        }
        // `IssuerUrl` keeps the text as given: issuers are compared as texts, so a slash at the end matters.
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| {
            OidcSettingsError::Issuer(AddressError::of(&settings.issuer, "an address"))
        })?;
        let transport = Transport::new(&settings.trust, &limits)?;
        Ok(Self {
            provider: Provider::new(issuer, transport, limits),
            callback: address.at(CALLBACK),
            settings,
            limits,
        })
    }

    /// The issuer, as its tokens name it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Begins a login: where the person goes, and what is kept until they are back.
    pub(super) async fn begin(
        &self,
        next: Url,
        now: Timestamp,
    ) -> Result<(Url, Pending), OidcError> {
        let known = self.provider.known(Wanted::Kept, now).await?;
        let client = self.client(&known);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (address, state, nonce) = request.set_pkce_challenge(challenge).url();
        let pending = Pending {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            next,
            begun: now,
        };
        Ok((address, pending))
    }

    /// Ends a login. The caller has taken `pending` out of the session by the answer's state, so that it works once.
    pub(super) async fn finish(
        &self,
        pending: Pending,
        answer: Answer,
        now: Timestamp,
    ) -> Result<Identity, OidcError> {
        if answer
            .iss
            .is_some_and(|issuer| issuer != self.settings.issuer)
        {
            return Err(OidcError::Answer("it is of another issuer"));
        }
        if let Some(error) = answer.error {
            return Err(OidcError::Refused(error.chars().take(80).collect()));
        }
        let code = answer
            .code
            .filter(|code| !code.is_empty() && code.len() <= CODE_BYTES)
            .ok_or(OidcError::Answer("it has no code"))?;
        let known = self.provider.known(Wanted::Kept, now).await?;
        let tokens = self
            .client(&known)
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| OidcError::Exchange(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
            .request_async(self.provider.transport())
            .await
            .map_err(exchange_error)?;
        let token = tokens
            .id_token()
            .ok_or_else(|| OidcError::Exchange("it holds no ID token".to_owned()))?;
        let nonce = Nonce::new(pending.nonce);
        match self.check(token, &nonce, &known, now) {
            Err(TokenError::UnknownKey) => {
                let newer = Wanted::NewerThan(known.since);
                let known = self.provider.known(newer, now).await?;
                self.check(token, &nonce, &known, now)
            }
            checked => checked,
        }
        .map_err(|error| match error {
            TokenError::UnknownKey => OidcError::Token("its key is not the provider's".to_owned()),
            TokenError::Refused(why) => OidcError::Token(why),
            TokenError::Claims(error) => error.into(),
        })
    }

    /// OpenID Connect Core 1.0 section 3.1.3.7. Step 8 (a shared secret) does not arise: see [`SIGNATURES`].
    fn check(
        &self,
        token: &Token,
        nonce: &Nonce,
        known: &Known,
        now: Timestamp,
    ) -> Result<Identity, TokenError> {
        // Clocks of two machines differ a little: the token may be that much too old, or too new.
        let late = SystemTime::from(now - self.limits.leeway);
        let newest = (now + self.limits.leeway).as_second();
        let verifier = IdTokenVerifier::new_public_client(
            ClientId::new(self.settings.client_id.clone()),
            known.metadata.issuer().clone(),
            known.metadata.jwks().clone(),
        )
        .set_allowed_algs(SIGNATURES)
        .set_time_fn(move || late.into())
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() <= newest {
                Ok(())
            } else {
                Err(format!("it is of the future: {issued}"))
            }
        });
        let claims = token.claims(&verifier, nonce).map_err(token_error)?;
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != self.settings.client_id)
        {
            return Err(TokenError::Refused(
                "it was made for another client".to_owned(),
            ));
        }
        let groups = groups(&claims.additional_claims().0, &self.settings.groups_claim)
            .map_err(TokenError::Claims)?;
        let name = claims
            .name()
            .and_then(|names| names.get(None))
            .map(|name| name.as_str())
            .or_else(|| claims.preferred_username().map(|name| name.as_str()));
        let email = claims.email().map(|email| email.as_str());
        Identity::new(claims.subject().as_str(), name, email, groups).map_err(TokenError::Claims)
    }

    fn client(&self, known: &Known) -> OidcClient {
        let secret = self.settings.client_secret.as_ref();
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        // Section 3 of Discovery: where nothing is said, it is `client_secret_basic`.
        let in_the_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        OidcClient::from_provider_metadata(
            known.metadata.as_ref().clone(),
            ClientId::new(self.settings.client_id.clone()),
            secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned())),
        )
        .set_redirect_uri(RedirectUrl::from_url(self.callback.clone()))
        .set_auth_type(if in_the_body {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        })
    }
}

enum TokenError {
    UnknownKey,
    Refused(String),
    Claims(IdentityError),
}

fn token_error(error: ClaimsVerificationError) -> TokenError {
    match error {
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ) => TokenError::UnknownKey,
        error => TokenError::Refused(chain(&error)),
    }
}

fn exchange_error(
    error: RequestTokenError<TransportError, StandardErrorResponse<CoreErrorResponseType>>,
) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(response) => {
            let said = || response.error().as_ref().chars().take(80).collect();
            match response.error() {
                // RFC 6749 section 5.2: the code is wrong, used, expired, or another client's.
                CoreErrorResponseType::InvalidGrant => OidcError::Refused(said()),
                _ => OidcError::Client(said()),
            }
        }
        error => OidcError::Exchange(chain(&error)),
    }
}

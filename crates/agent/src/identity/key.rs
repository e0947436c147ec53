//! The key of a host: made here, never sent; what goes out is a request signed with it and its fingerprint.

use super::IdentityError;
use overlock_model::plan::Digest;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A key in PKCS #8 PEM, which does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub(super) String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Key {
    /// A new ECDSA key over P-256.
    ///
    /// # Errors
    /// When the provider gives none.
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self(
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem(),
        ))
    }

    /// A certificate signing request (PEM) with this key. It states no names: the server writes them.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn request(&self) -> Result<String, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params
            .serialize_request(&KeyPair::from_pem(&self.0)?)?
            .pem()?)
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo), as hex: what people compare.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn fingerprint(&self) -> Result<String, IdentityError> {
        let key = KeyPair::from_pem(&self.0)?;
        Ok(Digest::of(&key.subject_public_key_info()).to_string())
    }
}

//! Whose signatures count: SSHSIG over the header's canonical bytes, by enough different people.
//!
//! The format is OpenSSH's `PROTOCOL.sshsig`, as `ssh-keygen -Y sign -n overlock-plan-v1` writes it. Approvers are
//! counted by name and not by key, so that somebody with two keys is still one (T2).

use crate::refusal::plain;
use crate::{Limits, Refusal};
use overlock_model::plan::{Header, SIGNATURE_NAMESPACE};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PublicKey, SshSig};
use std::collections::BTreeSet;

/// What this host wants to see before it acts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// No trust root exists: root may carry out a plan that was made on this host. A fleet's plan is refused.
    UnsignedLocalAllowed,
    /// Every plan is signed by enough of these, a local one too.
    Keys(Approvers),
}

/// A name with one of its keys.
#[derive(Debug, Clone)]
pub struct Approver {
    name: String,
    key: PublicKey,
}

/// Approvers, and how many of them it takes.
#[derive(Debug, Clone)]
pub struct Approvers {
    keys: Vec<Approver>,
    threshold: usize,
}

/// A trust root that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No key of OpenSSH's one-line form.
    #[error("the key of `{name}` cannot be read: {why}")]
    Key {
        /// Whose.
        name: String,
        /// Why.
        why: String,
    },
    /// A kind of key whose signatures are not checked here.
    #[error(
        "the key of `{name}` is of type `{algorithm}`; use ssh-ed25519 or ecdsa-sha2-nistp256, best on a security key (sk-)"
    )]
    Algorithm {
        /// Whose.
        name: String,
        /// Its type.
        algorithm: String,
    },
    /// An approver without a name.
    #[error("an approver has no name, or one of more than 255 bytes or with control characters")]
    Name,
    /// One key cannot speak for two.
    #[error("`{first}` and `{second}` have the same key")]
    SharedKey {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Nobody, or more than there are.
    #[error("a threshold of {threshold} is not between 1 and {approvers}, the number of approvers")]
    Threshold {
        /// As configured.
        threshold: usize,
        /// Different names.
        approvers: usize,
    },
}

impl Approver {
    /// From a name and a public key in OpenSSH's one-line form (`ssh-ed25519 AAAA… comment`).
    ///
    /// # Errors
    /// When the name is empty or not printable, or the key is unreadable or of a type that is not checked here.
    pub fn new(name: &str, key: &str) -> Result<Self, TrustError> {
        if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return Err(TrustError::Name);
        }
        let name = name.to_owned();
        let key = match PublicKey::from_openssh(key) {
            Ok(key) => key,
            Err(error) => {
                let why = plain(&error.to_string());
                return Err(TrustError::Key { name, why });
            }
        };
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            } => Ok(Self { name, key }),
            other => Err(TrustError::Algorithm {
                name,
                algorithm: plain(other.as_ref()),
            }),
        }
    }
}

impl Approvers {
    /// `threshold` different names must sign; a name may have several keys.
    ///
    /// # Errors
    /// When two names share a key, or the threshold is 0 or above the number of names.
    pub fn new(keys: Vec<Approver>, threshold: usize) -> Result<Self, TrustError> {
        for (at, approver) in keys.iter().enumerate() {
            let shared = keys.iter().take(at).find(|other| {
                other.name != approver.name && other.key.key_data() == approver.key.key_data()
            });
            if let Some(other) = shared {
                return Err(TrustError::SharedKey {
                    first: other.name.clone(),
                    second: approver.name.clone(),
                });
            }
        }
        let names: BTreeSet<&str> = keys.iter().map(|approver| approver.name.as_str()).collect();
        let approvers = names.len();
        if threshold == 0 || threshold > approvers {
            return Err(TrustError::Threshold {
                threshold,
                approvers,
            });
        }
        Ok(Self { keys, threshold })
    }

    fn of(&self, key: &KeyData) -> Option<&Approver> {
        self.keys
            .iter()
            .find(|approver| approver.key.key_data() == key)
    }
}

/// Whether enough approvers signed this header.
///
/// A signature by an unknown key counts for nothing and does no harm; one by a known key that does not fit is refused,
/// because somebody meant to say something else.
pub(crate) fn judge(
    trust: &Trust,
    header: &Header,
    signatures: &[String],
    limits: &Limits,
) -> Result<(), Refusal> {
    let count = signatures.len();
    let approvers = match trust {
        Trust::UnsignedLocalAllowed if count == 0 => return Ok(()),
        Trust::UnsignedLocalAllowed => return Err(Refusal::SignaturesWithoutTrust { count }),
        Trust::Keys(approvers) => approvers,
    };
    let needed = approvers.threshold;
    if count == 0 {
        return Err(Refusal::Unsigned { needed });
    }
    let max = limits.signatures_max;
    if count > max {
        return Err(Refusal::TooManySignatures { count, max });
    }
    let message = header.bytes()?;
    let mut names = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for (at, armor) in signatures.iter().enumerate() {
        let signature =
            parse(armor, limits).map_err(|why| Refusal::SignatureUnreadable { at, why })?;
        let Some(approver) = approvers.of(signature.public_key()) else {
            unknown.insert(
                signature
                    .public_key()
                    .fingerprint(HashAlg::Sha256)
                    .to_string(),
            );
            continue;
        };
        let name = &approver.name;
        approver
            .key
            .verify(SIGNATURE_NAMESPACE, &message, &signature)
            .map_err(|error| Refusal::SignatureWrong {
                at,
                approver: name.clone(),
                why: plain(&error.to_string()),
            })?;
        if !is_touched(&signature) {
            let approver = name.clone();
            return Err(Refusal::SignatureUntouched { at, approver });
        }
        names.insert(name.clone());
    }
    if names.len() < needed {
        return Err(Refusal::TooFewApprovals {
            needed,
            approvers: names.into_iter().collect(),
            unknown: unknown.into_iter().collect(),
        });
    }
    Ok(())
}

/// One spelling for each signature: version 1, nothing reserved, and what it reads as is written as it was.
///
/// The crate's reader lets lengths pass that do not fit what they stand before, and the version is not signed, so a
/// signature could be changed and still verify. That would break nothing that is signed, but "the same plan" would have
/// two files.
fn parse(armor: &str, limits: &Limits) -> Result<SshSig, String> {
    if armor.len() > limits.signature_bytes_max {
        let max = limits.signature_bytes_max;
        return Err(format!("it is longer than {max} bytes"));
    }
    let is_armor = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=- \n".contains(&byte);
    if !armor.bytes().all(is_armor) {
        return Err("it holds characters that armor has not".to_owned());
    }
    let signature = SshSig::from_pem(armor).map_err(|error| plain(&error.to_string()))?;
    if signature.version() != SshSig::VERSION || !signature.reserved().is_empty() {
        return Err("it is of another version of the format".to_owned());
    }
    let again = signature
        .to_pem(LineEnding::LF)
        .map_err(|error| plain(&error.to_string()))?;
    // Version 0.6 of the crate reads signatures of this one type and writes them wrongly.
    let is_written_wrongly = signature.algorithm() == Algorithm::SkEcdsaSha2NistP256;
    if again.trim_end() != armor.strip_suffix('\n').unwrap_or(armor) && !is_written_wrongly {
        return Err("it is not written as `ssh-keygen` does".to_owned());
    }
    Ok(signature)
}

/// Whether the flags of a security key say that somebody was there (`PROTOCOL.u2f`, "SSH U2F Signatures"; bit 0 of the
/// flags of WebAuthn, section 6.1). OpenSSH itself wants it too, unless told otherwise. Other keys know no such thing.
fn is_touched(signature: &SshSig) -> bool {
    let is_hardware = matches!(
        signature.algorithm(),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256
    );
    // The last five bytes: flags, then a counter of 32 bits.
    let flags = signature.signature_bytes().iter().rev().nth(4);
    !is_hardware || flags.is_some_and(|flags| flags & 1 == 1)
}

//! Signatures of Release files, checked in this process.
//!
//! The verdict is ours and not apt's: no MD5 or SHA-1 signatures, keys not expired and not revoked when they signed,
//! and only keys that the source's `Signed-By` allows. One good signature is enough, as for apt: archives sign with
//! several keys while they change them.
//!
//! Self-signatures of keys may still use SHA-1: they only state expiry and flags of a key that the administrator has
//! put there, and refusing them would turn many good third-party sources into alarms.

use overlock_model::repository::Signature as Verdict;
use pgp::composed::{
    CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{RevocationCode, Signature, SignatureType};
use pgp::types::{KeyDetails, Tag};

/// Keys, signatures and armored blocks in one file: more are not looked at.
const KEYS_MAX: usize = 2_000;
const SIGNATURES_MAX: usize = 64;
const KEY_MARK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// The keys that may sign one source.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<SignedPublicKey>,
    /// Where not empty, only keys with these fingerprints (a trailing `!` excludes subkeys) may sign.
    only: Vec<String>,
}

impl KeyRing {
    /// An empty ring that takes only keys with these fingerprints (upper-case hex); with none given, any key.
    #[must_use]
    pub fn limited_to(only: Vec<String>) -> Self {
        Self {
            keys: Vec::new(),
            only,
        }
    }

    /// Adds the keys of a file, binary or armored (several blocks too). False where nothing in it could be read.
    pub fn add(&mut self, bytes: &[u8]) -> bool {
        let before = self.keys.len();
        match std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.contains(KEY_MARK))
        {
            Some(text) => {
                for block in text.split(KEY_MARK).skip(1).take(KEYS_MAX) {
                    let block = format!("{KEY_MARK}{block}");
                    if let Ok((keys, _)) = SignedPublicKey::from_armor_many_buf(block.as_bytes()) {
                        self.keys.extend(keys.take(KEYS_MAX).flatten());
                    }
                }
            }
            None => {
                if let Ok(keys) = SignedPublicKey::from_bytes_many(bytes) {
                    self.keys.extend(keys.take(KEYS_MAX).flatten());
                }
            }
        }
        self.keys.truncate(KEYS_MAX);
        self.keys.len() > before
    }

    fn allows(&self, primary: &str, signer: &str) -> bool {
        self.only.is_empty()
            || self.only.iter().any(|only| match only.strip_suffix('!') {
                Some(exact) => exact == signer,
                None => only == primary || only == signer,
            })
    }
}

/// Checks an InRelease file. The text is what the signature covers, and all that may be believed of the file; it is
/// `None` where the file is no signed message.
#[must_use]
pub fn verify_inline(bytes: &[u8], ring: &KeyRing) -> (Option<String>, Verdict) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (
            None,
            Verdict::Bad {
                why: "the file is not UTF-8".to_owned(),
            },
        );
    };
    if !text.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
        return (None, Verdict::Unsigned);
    }
    match CleartextSignedMessage::from_string(text) {
        Ok((message, _)) => {
            let signed = message.signed_text();
            let verdict = judge(message.signatures(), signed.as_bytes(), ring);
            (Some(signed), verdict)
        }
        Err(error) => (
            None,
            Verdict::Bad {
                why: format!("the signature cannot be read: {error}"),
            },
        ),
    }
}

/// Checks a Release file with its detached signature (`Release.gpg`).
#[must_use]
pub fn verify_detached(content: &[u8], signature: &[u8], ring: &KeyRing) -> Verdict {
    let armored = signature.starts_with(b"-----BEGIN");
    let read = if armored {
        DetachedSignature::from_armor_many_buf(signature).map(|(all, _)| all)
    } else {
        DetachedSignature::from_bytes_many(signature)
    };
    match read {
        Ok(all) => {
            let all: Vec<Signature> = all
                .take(SIGNATURES_MAX)
                .flatten()
                .map(|detached| detached.signature)
                .collect();
            judge(&all, content, ring)
        }
        Err(error) => Verdict::Bad {
            why: format!("the signature cannot be read: {error}"),
        },
    }
}

/// One good signature makes it good; else a bad one by a known key weighs more than an unknown key.
fn judge(signatures: &[Signature], content: &[u8], ring: &KeyRing) -> Verdict {
    let mut worst = Verdict::Bad {
        why: "there is no signature in it".to_owned(),
    };
    for (index, signature) in signatures.iter().take(SIGNATURES_MAX).enumerate() {
        let verdict = judge_one(signature, content, ring);
        if matches!(verdict, Verdict::Verified { .. }) {
            return verdict;
        }
        if index == 0 || matches!(verdict, Verdict::Bad { .. }) {
            worst = verdict;
        }
    }
    worst
}

fn judge_one(signature: &Signature, content: &[u8], ring: &KeyRing) -> Verdict {
    let bad = |why: String| Verdict::Bad { why };
    if !matches!(
        signature.typ(),
        Some(SignatureType::Binary | SignatureType::Text)
    ) {
        return bad("it is not a signature over a document".to_owned());
    }
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => {}
        Some(weak) => {
            return bad(format!(
                "the signature uses {weak}, which no longer protects"
            ));
        }
        None => return bad("the signature is of an unknown version".to_owned()),
    }
    let Some(at) = signature.created().map(|time| time.as_secs()) else {
        return bad("the signature does not say when it was made".to_owned());
    };
    let mut why = None;
    for key in &ring.keys {
        let primary = fingerprint(&key.primary_key);
        if names(signature, &key.primary_key) && ring.allows(&primary, &primary) {
            match usable(key, at).and_then(|()| {
                signature
                    .verify(&key.primary_key, content)
                    .map_err(|error| error.to_string())
            }) {
                Ok(()) => return Verdict::Verified { key: primary },
                Err(reason) => why = Some(reason),
            }
        }
        for subkey in &key.public_subkeys {
            let signer = fingerprint(&subkey.key);
            if names(signature, &subkey.key) && ring.allows(&primary, &signer) {
                match usable(key, at)
                    .and_then(|()| usable_subkey(key, subkey, at))
                    .and_then(|()| {
                        signature
                            .verify(&subkey.key, content)
                            .map_err(|error| error.to_string())
                    }) {
                    Ok(()) => return Verdict::Verified { key: signer },
                    Err(reason) => why = Some(reason),
                }
            }
        }
    }
    match why {
        Some(why) => bad(why),
        None => Verdict::UnknownKey {
            key: issuer(signature),
        },
    }
}

fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

/// Whether the signature says that this key made it.
fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    if fingerprints.is_empty() {
        return ids.contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

fn issuer(signature: &Signature) -> String {
    match (
        signature.issuer_fingerprint().first(),
        signature.issuer_key_id().first(),
    ) {
        (Some(fingerprint), _) => format!("{fingerprint:X}"),
        (None, Some(id)) => id.to_string().to_ascii_uppercase(),
        (None, None) => "not named".to_owned(),
    }
}

/// Whether the certificate held at `at` (seconds since 1970): not revoked, not expired, with a self-signature.
fn usable(key: &SignedPublicKey, at: u32) -> Result<(), String> {
    let primary = &key.primary_key;
    let created = primary.created_at().as_secs();
    if created > at {
        return Err("the key is younger than the signature".to_owned());
    }
    let revocations = key.details.revocation_signatures.iter();
    if revocations
        .filter(|sig| sig.typ() == Some(SignatureType::KeyRevocation))
        .any(|sig| revokes(sig, at) && sig.verify_key(primary).is_ok())
    {
        return Err("the key is revoked".to_owned());
    }
    let certifications = key.details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|sig| {
            sig.typ() != Some(SignatureType::CertRevocation)
                && names(sig, primary)
                && sig
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        })
    });
    let direct = key
        .details
        .direct_signatures
        .iter()
        .filter(|sig| sig.verify_key(primary).is_ok());
    match newest(certifications.chain(direct), at) {
        Some(newest) => holds(newest, created, at),
        None => Err("the key has no valid self-signature from before the signature".to_owned()),
    }
}

/// Whether a subkey was bound to its certificate at `at`, for signing, in both directions (RFC 9580, 10.1.5).
fn usable_subkey(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    at: u32,
) -> Result<(), String> {
    let primary = &key.primary_key;
    let bound = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |sig| {
            sig.typ() == Some(kind) && sig.verify_subkey_binding(primary, &subkey.key).is_ok()
        })
    };
    if bound(SignatureType::SubkeyRevocation).any(|sig| revokes(sig, at)) {
        return Err("the subkey is revoked".to_owned());
    }
    let Some(binding) = newest(bound(SignatureType::SubkeyBinding), at) else {
        return Err("the subkey is not bound to its key".to_owned());
    };
    let signs_back = |sig: &Signature| sig.verify_primary_key_binding(&subkey.key, primary).is_ok();
    if !binding.key_flags().sign() || !binding.embedded_signature().is_some_and(signs_back) {
        return Err("the subkey may not sign".to_owned());
    }
    holds(binding, subkey.key.created_at().as_secs(), at)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, at: u32) -> Option<&'a Signature> {
    let time = |sig: &Signature| sig.created().map(|time| time.as_secs());
    signatures
        .filter(|sig| time(sig).is_some_and(|time| time <= at))
        .max_by_key(|sig| time(sig))
}

fn holds(self_signature: &Signature, created: u32, at: u32) -> Result<(), String> {
    match self_signature
        .key_expiration_time()
        .map(|duration| duration.as_secs())
    {
        Some(seconds)
            if seconds > 0 && u64::from(created) + u64::from(seconds) <= u64::from(at) =>
        {
            Err("the key had expired when it signed".to_owned())
        }
        _ => Ok(()),
    }
}

/// A key that was retired or superseded keeps its older signatures; any other reason takes back all of them
/// (RFC 9580, 5.2.3.31).
fn revokes(revocation: &Signature, at: u32) -> bool {
    match revocation.revocation_reason_code() {
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired) => {
            revocation.created().is_none_or(|time| time.as_secs() <= at)
        }
        _ => true,
    }
}

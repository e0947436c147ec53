//! Checking an index's signature against the keys that the host trusts.
//!
//! The first gzip member holds one file, `.SIGN.RSA.KEYNAME` (PKCS #1 v1.5 with SHA-1, apk-tools 2) or
//! `.SIGN.RSA256.KEYNAME`; it signs all bytes after that member. Keys are PEM files of that name in `/etc/apk/keys`.

use crate::archive::{Bounded, TarReader};
use aws_lc_rs::{digest, signature};
use overlock_model::repository::Signature;
use overlock_rootfs::Root;

/// Where trusted keys are; the second is that of apk-tools 3.
const KEY_FOLDERS: [&str; 2] = ["/etc/apk/keys", "/usr/lib/apk/keys"];
const KEY_BYTES: u64 = 64 << 10;
const SIGNATURE_BYTES: u64 = 1 << 20;

/// What the signature of an index is worth, and the name of the key that made it.
pub(super) fn verify(root: &Root, stored: &[u8]) -> (Signature, Option<String>) {
    let Some((file_name, made, signed)) = split(stored) else {
        return (Signature::Unsigned, None);
    };
    let (algorithm, key_name): (&signature::RsaParameters, _) =
        if let Some(key) = file_name.strip_prefix(".SIGN.RSA256.") {
            (&signature::RSA_PKCS1_2048_8192_SHA256, key)
        } else if let Some(key) = file_name.strip_prefix(".SIGN.RSA.") {
            (
                &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                key,
            )
        } else if file_name.starts_with(".SIGN.") {
            return (
                Signature::Unchecked {
                    why: format!("signature of an unknown kind: `{file_name}`"),
                },
                None,
            );
        } else {
            return (Signature::Unsigned, None);
        };
    let unknown = || {
        (
            Signature::UnknownKey {
                key: key_name.to_owned(),
            },
            None,
        )
    };
    if key_name.contains('/') {
        return unknown();
    }
    let pem = KEY_FOLDERS
        .iter()
        .find_map(|folder| root.read(&format!("{folder}/{key_name}"), KEY_BYTES).ok());
    let Some(pem) = pem else { return unknown() };
    let Some(key) = pem_content(&pem) else {
        return (
            Signature::Unchecked {
                why: format!("key `{key_name}` is no PEM file"),
            },
            None,
        );
    };
    match signature::UnparsedPublicKey::new(algorithm, &key).verify(signed, &made) {
        Ok(()) => {
            let fingerprint = digest::digest(&digest::SHA256, &key);
            let key = fingerprint
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect();
            (Signature::Verified { key }, Some(key_name.to_owned()))
        }
        Err(_) => (
            Signature::Bad {
                why: format!("key `{key_name}` did not make it over these bytes"),
            },
            None,
        ),
    }
}

/// Name and content of the first file, and the bytes after its gzip member.
fn split(stored: &[u8]) -> Option<(String, Vec<u8>, &[u8])> {
    let mut member = flate2::bufread::GzDecoder::new(stored);
    let mut tar = TarReader::new(Bounded::new(&mut member, SIGNATURE_BYTES));
    let name = tar.next_file().ok()??.name;
    let made = tar.read_file(SIGNATURE_BYTES).ok()?;
    // The decoder knows where the member ends only once all of it was read.
    while tar.next_file().ok()?.is_some() {}
    Some((name, made, member.into_inner()))
}

/// The DER inside a PEM file (RFC 7468).
fn pem_content(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for character in body
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
    {
        let six = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

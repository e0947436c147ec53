//! Certificates that the server's authority has issued, and those it refuses.

use crate::Store;
use crate::columns::{Columns, free_text, micros};
use crate::database::Writing;
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use serde_json::json;
use sqlx::any::AnyRow;

/// A certificate of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER.
    pub fingerprint: Digest,
    /// Its serial number, as hex.
    pub serial: String,
    /// Whose it is.
    pub host: HostId,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pub key: Digest,
    /// From when on it holds.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Whether a certificate may be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateStanding {
    /// It may.
    Current,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// It was not issued here, or for another host.
    Unknown,
}

/// What a listener needs to tell current certificates from others without asking the database each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Store {
    /// Keeps a certificate that was issued, and makes it its host's newest.
    ///
    /// # Errors
    /// When the database fails, or has this serial number.
    pub async fn issued(&self, certificate: &Certificate, by: &By) -> Result<(), StoreError> {
        const DOING: &str = "keeping a certificate";
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO certificates (fingerprint, serial, host, key_digest, not_before, not_after) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(certificate.fingerprint.bytes().as_slice())
        .bind(&certificate.serial)
        .bind(certificate.host.as_str())
        .bind(certificate.key.bytes().as_slice())
        .bind(micros(certificate.not_before))
        .bind(micros(certificate.not_after))
        .execute(writing.connection())
        .await
        .doing(DOING)?;
        sqlx::query(
            "UPDATE hosts SET key_digest = $2, certificate_serial = $3, certificate_until = $4 WHERE id = $1",
        )
        .bind(certificate.host.as_str())
        .bind(certificate.key.bytes().as_slice())
        .bind(&certificate.serial)
        .bind(micros(certificate.not_after))
        .execute(writing.connection())
        .await
        .doing(DOING)?;
        let body = json!({
            "serial": certificate.serial,
            "fingerprint": certificate.fingerprint,
            "key": certificate.key,
            "not_after": certificate.not_after,
        });
        writing
            .log(by, Entry::of("certificate.issue", &certificate.host, body))
            .await?;
        writing.commit().await
    }

    /// Revokes all certificates of a host that are not revoked yet; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_certificates(
        &self,
        host: &HostId,
        why: &str,
        by: &By,
    ) -> Result<u64, StoreError> {
        let mut writing = self.write().await?;
        let revoked = revoke(&mut writing, host, None, why, by.at).await?;
        if revoked > 0 {
            let body = json!({ "count": revoked, "why": free_text(why) });
            writing
                .log(by, Entry::of("certificate.revoke", host, body))
                .await?;
            writing.commit().await?;
        }
        Ok(revoked)
    }

    /// Whether a certificate may be used by a host now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn certificate_standing(
        &self,
        host: &HostId,
        fingerprint: Digest,
        now: Timestamp,
    ) -> Result<CertificateStanding, StoreError> {
        let row = sqlx::query("SELECT * FROM certificates WHERE fingerprint = $1 AND host = $2")
            .bind(fingerprint.bytes().as_slice())
            .bind(host.as_str())
            .fetch_optional(&self.pool)
            .await
            .doing("reading a certificate")?;
        let Some(row) = row else {
            return Ok(CertificateStanding::Unknown);
        };
        if let Some(since) = row.optional_time("revoked")? {
            let why = row.optional_text("revoked_why")?.unwrap_or_default();
            return Ok(CertificateStanding::Revoked { since, why });
        }
        Ok(if row.time("not_after")? <= now {
            CertificateStanding::Expired
        } else {
            CertificateStanding::Current
        })
    }

    /// The certificates of a host, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn certificates(&self, host: &HostId) -> Result<Vec<KnownCertificate>, StoreError> {
        sqlx::query("SELECT * FROM certificates WHERE host = $1 ORDER BY not_before DESC, serial")
            .bind(host.as_str())
            .fetch_all(&self.pool)
            .await
            .doing("reading certificates")?
            .iter()
            .map(known)
            .collect()
    }

    /// A page of the certificates that have not ended, of hosts after one, by host: for the memory of a listener.
    /// At most `limit` hosts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_certificates(
        &self,
        after: Option<&HostId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<KnownCertificate>, StoreError> {
        sqlx::query(
            "SELECT * FROM certificates WHERE not_after > $3 AND host IN \
             (SELECT id FROM hosts WHERE id > $1 ORDER BY id LIMIT $2) ORDER BY host, not_before",
        )
        .bind(after.map_or("", HostId::as_str))
        .bind(i64::from(limit))
        .bind(micros(now))
        .fetch_all(&self.pool)
        .await
        .doing("reading certificates")?
        .iter()
        .map(known)
        .collect()
    }
}

/// Revokes the certificates of a host that are not revoked yet, inside a transaction whose log row tells of it; those of
/// one key may be kept. Returns how many.
pub(crate) async fn revoke(
    writing: &mut Writing,
    host: &HostId,
    kept: Option<Digest>,
    why: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    // No key is empty.
    let kept = kept.map_or_else(Vec::new, |key| key.bytes().to_vec());
    let revoked = sqlx::query(
        "UPDATE certificates SET revoked = $2, revoked_why = $3 \
         WHERE host = $1 AND revoked IS NULL AND key_digest <> $4",
    )
    .bind(host.as_str())
    .bind(micros(at))
    .bind(free_text(why))
    .bind(kept)
    .execute(writing.connection())
    .await
    .doing("revoking certificates")?;
    Ok(revoked.rows_affected())
}

fn known(row: &AnyRow) -> Result<KnownCertificate, StoreError> {
    Ok(KnownCertificate {
        certificate: Certificate {
            fingerprint: row.digest("fingerprint")?,
            serial: row.text("serial")?,
            host: row.host("host")?,
            key: row.digest("key_digest")?,
            not_before: row.time("not_before")?,
            not_after: row.time("not_after")?,
        },
        revoked: row.optional_time("revoked")?,
    })
}

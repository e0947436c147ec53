//! Idempotency keys: a request that makes something may be sent again, and makes it once.
//!
//! ```text
//!  same key, same body   ─► the answer that was given
//!  same key, other body  ─► 422
//!  same key, still busy  ─► 409, come back
//! ```
//!
//! Answers may hold a secret that is shown once and that the database must not know. So the database keeps only the digest
//! of the key, and the answer sealed with it: who cannot say the key cannot read the answer.

use super::answer::Made;
use crate::access::Caller;
use crate::authority::{hex, random};
use crate::problem::{Code, Problem};
use crate::routes::Call;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use overlock_model::plan::Digest;
use overlock_store::{Begun, Kept, Store};
use serde::{Deserialize, Serialize};

/// The header's name.
pub(crate) const HEADER: &str = "Idempotency-Key";
/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a request may be busy before its key is free again; above any bound of a request.
const BUSY: SignedDuration = SignedDuration::from_mins(5);
const KEY_BYTES: usize = 128;

#[derive(Serialize, Deserialize)]
struct Sealed {
    location: Option<String>,
    body: String,
}

/// Makes something, once for each key. `what` names the route with its parameters.
pub(crate) async fn once<S, F>(
    store: &Store,
    call: &Call<S, Caller>,
    now: Timestamp,
    what: &str,
    make: F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<Made, Problem>> + Send + 'static,
{
    if !call.headers().contains_key(HEADER) {
        return make.await?.response();
    }
    let key = call
        .header(HEADER)
        .filter(|key| is_key(key))
        .ok_or_else(|| {
            Problem::invalid(format!(
                "`{HEADER}` is 1 to {KEY_BYTES} printable characters"
            ))
        })?;
    let actor = call.proof.actor().to_string();
    let keyed = Keyed::of(&actor, key);
    let named = (&*actor, keyed.name.as_str());
    let length = |text: &[u8]| (text.len() as u64).to_be_bytes();
    let request = Digest::joined(&[
        b"overlock request",
        &length(what.as_bytes()),
        what.as_bytes(),
        &call.body,
    ]);
    match store.begin(named, request, now, now + BUSY).await? {
        Begun::New => {}
        Begun::Running => {
            return Err(Problem::new(
                Code::Conflict,
                "the same request is still being carried out",
            )
            .retry_after(5));
        }
        Begun::Another => return Err(Problem::new(Code::IdempotencyMismatch, "")),
        Begun::Done(kept) => return keyed.open(&kept.response)?.response(),
    }
    let begun = Begin {
        actor,
        keyed,
        request,
        until: now + KEPT,
    };
    begun.carry_out(store.clone(), make).await?.response()
}

/// A request that took its key.
struct Begin {
    actor: String,
    keyed: Keyed,
    request: Digest,
    until: Timestamp,
}

impl Begin {
    /// Makes the thing and keeps the answer. Goes on when the client hangs up: a thing that is there without its answer
    /// would be made once more.
    async fn carry_out<F>(self, store: Store, make: F) -> Result<Made, Problem>
    where
        F: Future<Output = Result<Made, Problem>> + Send + 'static,
    {
        let work = async move {
            let named = (&*self.actor, self.keyed.name.as_str());
            let made = match make.await {
                Ok(made) => made,
                Err(problem) => {
                    store.give_back(named, self.request).await?;
                    return Err(problem);
                }
            };
            let kept = Kept {
                status: 201,
                response: self.keyed.seal(&made)?,
            };
            store.finish(named, self.request, &kept, self.until).await?;
            Ok(made)
        };
        tokio::spawn(work).await.map_err(Problem::internal)?
    }
}

fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What follows from a key.
struct Keyed {
    name: String,
    secret: [u8; 32],
}

impl Keyed {
    fn of(actor: &str, key: &str) -> Self {
        let derive = |purpose: &[u8]| {
            let length = (actor.len() as u64).to_be_bytes();
            Digest::joined(&[purpose, &length, actor.as_bytes(), key.as_bytes()])
        };
        Self {
            name: derive(b"overlock idempotency name").to_string(),
            secret: *derive(b"overlock idempotency seal").bytes(),
        }
    }

    fn cipher(&self) -> Result<LessSafeKey, Problem> {
        UnboundKey::new(&AES_256_GCM, &self.secret)
            .map(LessSafeKey::new)
            .map_err(Problem::internal)
    }

    fn seal(&self, made: &Made) -> Result<Vec<u8>, Problem> {
        let nonce: [u8; NONCE_LEN] = random().map_err(Problem::internal)?;
        let plain = Sealed {
            location: made.location.clone(),
            body: String::from_utf8_lossy(&made.body).into_owned(),
        };
        let mut text = serde_json::to_vec(&plain).map_err(Problem::internal)?;
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
            .map_err(Problem::internal)?;
        Ok([nonce.as_slice(), &text].concat())
    }

    fn open(&self, sealed: &[u8]) -> Result<Made, Problem> {
        let damaged = || Problem::internal("a kept answer is damaged");
        let (nonce, text) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(damaged)?;
        let mut text = text.to_vec();
        let plain = self
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::empty(),
                &mut text,
            )
            .map_err(|_| damaged())?;
        let sealed: Sealed = serde_json::from_slice(plain).map_err(|_| damaged())?;
        Ok(Made {
            body: sealed.body.into_bytes(),
            location: sealed.location,
        })
    }
}

/// A random id of 16 bytes.
pub(crate) fn new_id() -> Result<String, Problem> {
    Ok(hex(&random::<16>().map_err(Problem::internal)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_read_by_its_key_only_and_holds_no_plain_secret() {
        let made = Made::new(&"ovlk_secret", Some("/api/v1/tokens/1".into())).unwrap();
        let keyed = Keyed::of("ada", "key-1");
        let sealed = keyed.seal(&made).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
        assert_eq!(keyed.open(&sealed), Ok(made.clone()));
        assert!(Keyed::of("ada", "key-2").open(&sealed).is_err());
        assert!(Keyed::of("bob", "key-1").open(&sealed).is_err());
        assert!(keyed.open(&sealed[..5]).is_err());
        assert_ne!(keyed.seal(&made).unwrap(), sealed);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_finds_the_answer_when_asking_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = overlock_store::Database::in_folder(folder.path());
        let store = Store::open(&database).await.unwrap();
        let now = Timestamp::now();
        let keyed = Keyed::of("ada", "key-1");
        let (name, request) = (keyed.name.clone(), Digest::of(b"request"));
        let begin = || store.begin(("ada", &name), request, now, now + BUSY);
        assert_eq!(begin().await.unwrap(), Begun::New);
        let begun = Begin {
            actor: "ada".into(),
            keyed,
            request,
            until: now + KEPT,
        };
        let (started, starts) = tokio::sync::oneshot::channel();
        let (go, goes) = tokio::sync::oneshot::channel();
        let make = async move {
            started.send(()).unwrap();
            goes.await.unwrap();
            Made::new(&"made", None)
        };
        let client = tokio::spawn(begun.carry_out(store.clone(), make));
        starts.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        assert_eq!(begin().await.unwrap(), Begun::Running);
        go.send(()).unwrap();
        let kept = loop {
            match begin().await.unwrap() {
                Begun::Running => tokio::task::yield_now().await,
                Begun::Done(kept) => break kept,
                other => panic!("{other:?}"),
            }
        };
        let made = Keyed::of("ada", "key-1").open(&kept.response).unwrap();
        assert_eq!(made, Made::new(&"made", None).unwrap());
    }

    #[test]
    fn keys_are_short_and_printable() {
        assert!(is_key("3f0c") && is_key(&"k".repeat(128)));
        for wrong in ["", " ", "a b", "\u{e9}", &"k".repeat(129)] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}

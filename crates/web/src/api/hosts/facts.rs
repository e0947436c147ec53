//! What people say of hosts: read, changed by merge (RFC 7396), held to the version that was read where `If-Match` names
//! it. Changes wait for each other within one server; two replicas that change one host at once may each miss the other.

use super::model::{FactsDocument, FactsOfMany, FactsSet};
use crate::access::Caller;
use crate::api::answer::{done, etag, read};
use crate::api::visible::Visible;
use crate::api::{NoQuery, Serves};
use crate::problem::Problem;
use crate::routes::Call;
use crate::shared::Shared;
use axum::http::HeaderValue;
use axum::http::header::{ETAG, IF_MATCH};
use axum::response::Response;
use overlock_model::asset::HostFacts;
use overlock_model::plan::HostId;
use serde_json::Value;

const HOSTS: usize = 1000;
const TAGS: usize = 64;
const CHARS: usize = 200;

pub(super) async fn show<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    read(&call, &document(&api, id).await?)
}

pub(super) async fn change<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    let patch: Value = call.json()?;
    let _turn = api.own.facts.lock().await;
    let before = document(&api, id).await?;
    if call.headers().contains_key(IF_MATCH) {
        call.must_match(&etag(&before)?)?;
    }
    let facts = merged(&before.facts, &patch)?;
    let after = FactsDocument {
        facts,
        ..before.clone()
    };
    if after.facts != before.facts {
        set(&api, &call.proof, &after.id, &after.facts).await?;
    }
    let tag = etag(&after)?;
    let mut response = done(&after)?;
    response.headers_mut().insert(
        ETAG,
        HeaderValue::from_str(&tag).map_err(Problem::internal)?,
    );
    Ok(response)
}

/// All are looked at before the first is changed, so that a slip in the last one changes nothing.
pub(super) async fn change_many<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let given: FactsOfMany = call.json()?;
    if !(1..=HOSTS).contains(&given.hosts.len()) {
        return Err(Problem::invalid(format!(
            "`hosts` holds 1 to {HOSTS} hosts"
        )));
    }
    let _turn = api.own.facts.lock().await;
    let mut wanted = Vec::with_capacity(given.hosts.len());
    for (name, patch) in &given.hosts {
        let place = |problem: Problem| {
            Problem::new(
                problem.code(),
                format!("host `{name}`: {}", problem.detail()),
            )
        };
        let id = visible.find(name).map_err(place)?;
        let before = document(&api, id).await?;
        let after = merged(&before.facts, &lifted(patch)).map_err(place)?;
        wanted.push((before, after));
    }
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for (before, after) in wanted {
        if before.facts == after {
            unchanged.push(before.id);
        } else {
            set(&api, &call.proof, &before.id, &after).await?;
            changed.push(before.id);
        }
    }
    done(&FactsSet {
        schema: "overlock.facts-set/1",
        set: (changed.len() + unchanged.len()) as u64,
        changed,
        unchanged,
    })
}

async fn document(shared: &Shared, id: HostId) -> Result<FactsDocument, Problem> {
    let host = shared
        .store
        .host(&id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(FactsDocument {
        schema: "overlock.host-facts/1",
        id,
        facts: host.facts,
    })
}

async fn set(
    shared: &Shared,
    caller: &Caller,
    id: &HostId,
    facts: &HostFacts,
) -> Result<(), Problem> {
    let by = caller.by(shared.clock.now());
    if !shared.store.set_facts(id, facts, &by).await? {
        return Err(Problem::not_found());
    }
    shared.written.notify_one();
    Ok(())
}

/// In files the facts of `facts` stand beside the others.
fn lifted(patch: &Value) -> Value {
    const INNER: [&str; 7] = [
        "criticality",
        "exposure",
        "environment",
        "owner",
        "business_impact",
        "pci_scope",
        "role",
    ];
    let Value::Object(changes) = patch else {
        return patch.clone();
    };
    let mut outer = changes.clone();
    let inner: serde_json::Map<String, Value> = INNER
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), outer.remove(name)?)))
        .collect();
    if !inner.is_empty() {
        merge(
            outer
                .entry("facts")
                .or_insert_with(|| Value::Object(serde_json::Map::new())),
            &Value::Object(inner),
        );
    }
    Value::Object(outer)
}

/// Facts with a change (RFC 7396 section 2): what is `null` is taken away, lists are replaced.
fn merged(facts: &HostFacts, patch: &Value) -> Result<HostFacts, Problem> {
    if !patch.is_object() {
        return Err(Problem::invalid("the body is an object"));
    }
    let mut value = serde_json::to_value(facts).map_err(Problem::internal)?;
    merge(&mut value, patch);
    let facts = serde_json::from_value(value).map_err(Problem::invalid)?;
    bounded(&facts)?;
    Ok(facts)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(fields) = target {
        for (name, change) in changes {
            if change.is_null() && known(name) {
                fields.remove(name);
            } else {
                merge(fields.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

/// A name that facts have; of another one even its `null` is a slip that is to be told.
fn known(name: &str) -> bool {
    [
        "facts",
        "tags",
        "cluster",
        "failure_domain",
        "criticality",
        "exposure",
        "environment",
        "owner",
        "business_impact",
        "pci_scope",
        "role",
    ]
    .contains(&name)
}

/// Refuses facts that are too long, or that would steer a terminal.
pub(crate) fn bounded(facts: &HostFacts) -> Result<(), Problem> {
    let texts = [
        ("environment", &facts.facts.environment),
        ("owner", &facts.facts.owner),
        ("cluster", &facts.cluster),
        ("failure_domain", &facts.failure_domain),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)))
        .chain(facts.tags.iter().map(|tag| ("tags", tag)));
    for (name, text) in texts {
        let length = text.chars().count();
        if !(1..=CHARS).contains(&length) || text.chars().any(char::is_control) {
            return Err(Problem::invalid(format!(
                "`{name}`: a text is 1 to {CHARS} characters on one line"
            )));
        }
    }
    if facts.tags.len() > TAGS {
        return Err(Problem::invalid(format!("`tags` holds at most {TAGS}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_names_only_what_it_changes() {
        let change = |facts: &HostFacts, patch: Value| merged(facts, &patch);
        let one = change(
            &HostFacts::default(),
            json!({"facts": {"criticality": "high", "owner": "ada"}, "tags": ["web"], "cluster": "shop"}),
        )
        .unwrap();
        let two = change(&one, json!({"facts": {"owner": null}, "cluster": null})).unwrap();
        assert_eq!(two.facts.criticality, one.facts.criticality);
        assert_eq!((two.facts.owner, two.cluster), (None, None));
        assert_eq!(two.tags, one.tags);
        assert_eq!(change(&one, json!({})).unwrap(), one);
        assert_eq!(change(&one, json!({"tags": []})).unwrap().tags.len(), 0);
        assert_eq!(change(&one, json!({"tags": null})).unwrap().tags.len(), 0);
        assert_eq!(
            change(&one, json!({"facts": null})).unwrap().facts.owner,
            None
        );
    }

    #[test]
    fn a_slip_is_told_by_its_name() {
        for (patch, named) in [
            (json!({"tagz": ["a"]}), "tagz"),
            (json!({"tagz": null}), "tagz"),
            (json!({"facts": {"criticalty": "high"}}), "criticalty"),
            (json!({"facts": {"criticality": "huge"}}), "huge"),
            (json!({"cluster": ""}), "cluster"),
            (json!({"facts": {"owner": "a\u{1b}[2J"}}), "owner"),
            (
                json!({"tags": (0..65).map(|at| at.to_string()).collect::<Vec<_>>()}),
                "tags",
            ),
        ] {
            let problem = merged(&HostFacts::default(), &patch).unwrap_err();
            assert!(
                problem.detail().contains(named),
                "{patch}: {}",
                problem.detail()
            );
        }
        assert!(merged(&HostFacts::default(), &json!([])).is_err());
    }
}

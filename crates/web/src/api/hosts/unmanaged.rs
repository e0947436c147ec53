//! Hosts without an agent, told of by people: they are counted, and nothing is known of them.

use super::model::{AddedHost, UnmanagedGiven, UnmanagedMade};
use crate::access::Caller;
use crate::api::answer::Made;
use crate::api::once::once;
use crate::api::{NoQuery, Serves, owned};
use crate::authority::random;
use crate::problem::Problem;
use crate::routes::Call;
use axum::response::Response;
use overlock_model::asset::HostFacts;
use overlock_model::plan::HostId;
use std::collections::BTreeSet;

const NAMES: usize = 10_000;

pub(super) async fn add<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let given: UnmanagedGiven = call.json()?;
    if !(1..=NAMES).contains(&given.names.len()) {
        return Err(Problem::invalid(format!(
            "`names` holds 1 to {NAMES} names"
        )));
    }
    let names: BTreeSet<String> = given
        .names
        .into_iter()
        .map(|name| owned("names", name))
        .collect::<Result<_, _>>()?;
    let now = api.clock.now();
    let (store, by) = (api.store.clone(), call.proof.by(now));
    once(&store, &call, now, "hosts/unmanaged", async move {
        let (mut hosts, mut known) = (Vec::new(), 0);
        for name in names {
            if !api.store.hosts_named(&name).await?.is_empty() {
                known += 1;
                continue;
            }
            let id = HostId::from_random(random::<16>().map_err(Problem::internal)?);
            api.store
                .add_unmanaged(&id, &name, &HostFacts::default(), &by)
                .await?;
            hosts.push(AddedHost { id, name });
        }
        api.written.notify_one();
        let made = UnmanagedMade {
            schema: "overlock.unmanaged/1",
            added: hosts.len() as u64,
            known,
            hosts,
        };
        Made::new(&made, None)
    })
    .await
}

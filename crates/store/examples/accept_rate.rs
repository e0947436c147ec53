//! How fast reports are taken in: first reports of many hosts that share a package set, on SQLite, as when a fleet
//! enrols. Prints one line; `cargo run --release -p overlock-store --example accept_rate -- HOSTS`.

use jiff::Timestamp;
use overlock_model::asset::HostFacts;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::{Section, SectionContent};
use overlock_store::{
    Accepted, By, Content, Database, EnrolmentToken, NewHost, Outcome, Store, Uses, Writer,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is what the example is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hosts: u32 = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 1_000,
    };
    let folder = tempfile::tempdir()?;
    let database = Database::in_folder(folder.path());
    let store = Store::open(&database).await?;
    let at = Timestamp::UNIX_EPOCH;
    let token = EnrolmentToken {
        id: "t".into(),
        uses: Uses::Times(hosts),
        bound: None,
        group: None,
        facts: HostFacts::default(),
        needs_confirmation: false,
        expires: Timestamp::MAX,
    };
    let secret = Digest::of(b"secret");
    store
        .add_enrolment_token(&token, secret, &By::server(at))
        .await?;
    let id = |number: u32| {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(number.to_be_bytes()) {
            *to = from;
        }
        HostId::from_random(bytes)
    };
    let begun = Instant::now();
    for number in 0..hosts {
        let new = NewHost {
            id: id(number),
            name: format!("host-{number}"),
            machine_id: String::new(),
            agent: "0.1.0".into(),
            key: Digest::of(&number.to_be_bytes()),
        };
        store.enrol(secret, &new, at).await?;
    }
    let enrolled = begun.elapsed();

    let packages: Vec<String> = (0..700)
        .map(|package| format!("package-{package} 1.{}.{}-1", package % 17, package % 5))
        .collect();
    let shared = Content::of(&SectionContent::of(&packages)?)?;
    let writer = Writer::start(store.clone());
    let begun = Instant::now();
    let mut waiting = Vec::new();
    for number in 0..hosts {
        let own = Content::of(&SectionContent::of([format!("system of {number}")])?)?;
        let report = Accepted {
            host: id(number),
            at,
            expected: None,
            changed: BTreeMap::from([
                (Section::System, own),
                (Section::Packages, shared.clone()),
                (Section::Repositories, shared.clone()),
                (Section::Offers, shared.clone()),
                (Section::Processes, shared.clone()),
            ]),
            dropped: BTreeSet::new(),
            labels: None,
        };
        let writer = writer.clone();
        waiting.push(tokio::spawn(async move { writer.accept(report).await }));
    }
    let mut accepted = 0;
    for task in waiting {
        accepted += u32::from(matches!(task.await??, Outcome::Accepted { .. }));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let Database::Sqlite(path) = &database else {
        return Ok(());
    };
    store.close().await;
    let kib = std::fs::metadata(path)?.len() / 1_024;
    println!(
        "{accepted} of {hosts} hosts, 5 sections each, in {seconds:.2} s: {:.0} hosts/s, {:.0} rows/s \
         (sections, own contents, host, log); database {kib} KiB; enrolled one by one in {:.2} s",
        f64::from(accepted) / seconds,
        f64::from(accepted) * 8.0 / seconds,
        enrolled.as_secs_f64(),
    );
    Ok(())
}

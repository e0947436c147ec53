//! Scores and derived inputs held against what CISA and the CVE numbering authorities published for 44,000 CVEs.
#![expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

use overlock_model::facts::Facts;
use overlock_model::threat::Threat;
use overlock_risk::cvss::assess;
use overlock_risk::inputs::Inputs;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};

#[derive(Deserialize)]
struct Record {
    containers: Containers,
}

#[derive(Deserialize)]
struct Containers {
    #[serde(default)]
    adp: Vec<Container>,
    cna: Container,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(rename = "cvssV2_0")]
    v2: Option<Scored>,
    #[serde(rename = "cvssV3_0")]
    v3_0: Option<Scored>,
    #[serde(rename = "cvssV3_1")]
    v3_1: Option<Scored>,
    #[serde(rename = "cvssV4_0")]
    v4: Option<Scored>,
    other: Option<Other>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scored {
    vector_string: String,
    base_score: f64,
}

#[derive(Deserialize)]
struct Other {
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    options: Vec<BTreeMap<String, String>>,
}

fn records(test: &str) -> Option<Vec<Record>> {
    let path = overlock_testkit::shared(test)?.join("data/vulnrichment-cve5.jsonl.zst");
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(ruzstd::decoding::StreamingDecoder::new(file).unwrap()).lines();
    Some(
        lines
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect(),
    )
}

#[test]
fn real_records_agree_with_our_scores_and_with_what_we_derive() {
    let Some(records) = records("real_records_agree_with_our_scores_and_with_what_we_derive")
    else {
        return;
    };
    let (mut scores, mut unreadable, mut differ) = (0, Vec::new(), Vec::new());
    // Derived on the lower side / of these CISA says otherwise.
    let (mut manual, mut manual_wrong, mut partial, mut partial_wrong) = (0, 0, 0, 0);
    for record in &records {
        let containers = record.containers.adp.iter().chain([&record.containers.cna]);
        let metrics: Vec<_> = containers
            .flat_map(|container| &container.metrics)
            .collect();
        for scored in metrics
            .iter()
            .flat_map(|metric| [&metric.v2, &metric.v3_0, &metric.v3_1, &metric.v4])
            .flatten()
        {
            match assess(&scored.vector_string) {
                Ok(ours) => {
                    scores += 1;
                    // Some authors write another group's score into the field of the base score.
                    let any = [ours.scores.base, ours.scores.environmental, ours.overall];
                    if !any.contains(&scored.base_score) {
                        differ.push(format!(
                            "{} {} {}",
                            scored.vector_string, scored.base_score, ours.overall
                        ));
                    }
                }
                Err(error) => unreadable.push(format!("{}: {error}", scored.vector_string)),
            }
        }
        let options = metrics
            .iter()
            .filter_map(|metric| metric.other.as_ref())
            .flat_map(|other| &other.content.options);
        let ssvc: BTreeMap<_, _> = options
            .flatten()
            .map(|(name, value)| (name.as_str(), value.to_lowercase()))
            .collect();
        let vector = metrics
            .iter()
            .find_map(|metric| metric.v3_1.as_ref().or(metric.v3_0.as_ref()));
        if let (Some(automatable), Some(impact), Some(vector)) = (
            ssvc.get("Automatable"),
            ssvc.get("Technical Impact"),
            vector,
        ) && let Ok(cvss) = assess(&vector.vector_string)
        {
            let derived =
                Inputs::resolve(&Threat::default(), &Facts::default(), Some(&cvss), None).list();
            let says = |name| {
                derived
                    .iter()
                    .find(|input| input.name == name)
                    .unwrap()
                    .value
            };
            if says("automatable") == "no" {
                manual += 1;
                manual_wrong += usize::from(automatable != "no");
            }
            if says("technical impact") == "partial" {
                partial += 1;
                partial_wrong += usize::from(impact != "partial");
            }
        }
    }
    assert_eq!(scores, 39_440);
    assert_eq!(unreadable, Vec::<String>::new());
    // Wrong in the records themselves: mistyped scores, and ties that an early v4 calculator rounded down.
    assert_eq!(differ.len(), 19, "{differ:#?}");
    assert!(
        manual > 20_000 && manual_wrong * 100 < manual,
        "{manual_wrong} of {manual}"
    );
    assert!(
        partial > 15_000 && partial_wrong * 20 < partial,
        "{partial_wrong} of {partial}"
    );
}

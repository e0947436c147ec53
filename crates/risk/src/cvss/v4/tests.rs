use super::*;

/// Rows of one of CERT/CC's equivalence set tables: the values of its columns and the level in our count (0 worst).
fn rows(file: &str) -> Option<Vec<Vec<String>>> {
    let shared = overlock_testkit::shared(file)?;
    let mut reader = csv::Reader::from_path(shared.join("data/cvss").join(file)).unwrap();
    Some(
        reader
            .records()
            .map(|row| row.unwrap().iter().skip(1).map(str::to_owned).collect())
            .collect(),
    )
}

/// The vector with all of `changes` made to one without any impact.
fn levels(changes: &[(&str, &str)]) -> Levels {
    let mut text = "CVSS:4.0".to_owned();
    let base = [
        "AV:N", "AC:L", "AT:N", "PR:N", "UI:N", "VC:N", "VI:N", "VA:N", "SC:N", "SI:N", "SA:N",
    ];
    for metric in base {
        let name = metric.split_once(':').unwrap().0;
        let changed = changes.iter().find(|(changed, _)| *changed == name);
        text += &changed.map_or_else(
            || format!("/{metric}"),
            |(name, value)| format!("/{name}:{value}"),
        );
    }
    for (name, value) in changes.iter().filter(|(name, _)| {
        !base
            .iter()
            .any(|metric| metric.starts_with(&format!("{name}:")))
    }) {
        text += &format!("/{name}:{value}");
    }
    Levels::of(&Vector::parse(&text).unwrap())
}

fn letter(word: &str) -> &'static str {
    match word {
        "network" => "N",
        "adjacent" => "A",
        "local" | "low" => "L",
        "physical" | "present" | "passive" | "proof-of-concept" => "P",
        "high" => "H",
        "medium" => "M",
        "none" | "negligible" => "N",
        "active" | "attacked" => "A",
        "unreported" => "U",
        "safety" => "S",
        other => panic!("{other}"),
    }
}

fn agrees(
    file: &str,
    metrics: &[&str],
    count: usize,
    level: impl Fn(MacroVector) -> u32,
    names: &[&str],
) {
    let Some(rows) = rows(file) else { return };
    assert_eq!(rows.len(), count, "{file}");
    for row in rows {
        let (expected, values) = row.split_last().unwrap();
        let changes: Vec<_> = metrics
            .iter()
            .copied()
            .zip(values.iter().map(|word| letter(word)))
            .collect();
        let ours = level(levels(&changes).macro_vector());
        assert_eq!(names[ours as usize], expected, "{file}: {row:?}");
    }
}

const THREE: &[&str] = &["high", "medium", "low"];
const TWO: &[&str] = &["high", "low"];

#[test]
fn every_row_of_the_equivalence_sets_agrees() {
    agrees(
        "cvss_v4_equivalence_set_1_1_0_0.csv",
        &["AV", "PR", "UI"],
        36,
        |m| m.eq1,
        THREE,
    );
    agrees(
        "cvss_v4_equivalence_set_2_1_0_0.csv",
        &["AC", "AT"],
        4,
        |m| m.eq2,
        TWO,
    );
    agrees(
        "cvss_v4_equivalence_set_3_1_0_0.csv",
        &["VC", "VI", "VA"],
        27,
        |m| m.eq3,
        THREE,
    );
    agrees(
        "cvss_v4_equivalence_set_4_1_0_0.csv",
        &["SC", "MSI", "MSA"],
        48,
        |m| m.eq4,
        THREE,
    );
    agrees(
        "cvss_v4_equivalence_set_5_1_0_0.csv",
        &["E"],
        3,
        |m| m.eq5,
        THREE,
    );
    agrees(
        "cvss_v4_equivalence_set_6_1_0_0.csv",
        &["CR", "VC", "IR", "VI", "AR", "VA"],
        729,
        |m| m.eq6,
        TWO,
    );
}

#[test]
fn every_macro_vector_has_the_published_severity() {
    let Some(rows) = rows("cvss_v4_0_qualitative_severity_ratings_4_0_0.csv") else {
        return;
    };
    let level =
        |names: &[&str], word: &str| names.iter().position(|name| *name == word).unwrap() as u32;
    let mut compared = 0;
    for row in rows {
        let macro_vector = MacroVector {
            eq1: level(THREE, &row[0]),
            eq2: level(TWO, &row[1]),
            eq3: level(THREE, &row[2]),
            eq4: level(THREE, &row[3]),
            eq5: level(THREE, &row[4]),
            eq6: level(TWO, &row[5]),
        };
        if let Some(score) = macro_vector.score() {
            assert_eq!(
                super::super::severity(super::super::CvssVersion::V4, score),
                row[6],
                "{row:?}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 270);
}

#[test]
fn no_step_down_raises_the_score() {
    for (row, scores) in (0..).zip(SCORES) {
        for (column, score) in (0..).zip(scores) {
            if score == 0 {
                continue;
            }
            let here = MacroVector {
                eq1: row / 6,
                eq2: row / 3 % 2,
                eq3: row % 3,
                eq4: column / 6,
                eq5: column / 2 % 3,
                eq6: column % 2,
            };
            assert_eq!(here.score(), Some(u32::from(score)));
            for step in here.steps(&levels(&[])) {
                assert!(step.lower.unwrap_or(0) <= u32::from(score), "{here:?}");
                assert_eq!(COMMON % step.depth, 0);
            }
        }
    }
}

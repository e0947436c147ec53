//! Every format of one realistic report, compared with the transcripts in `tests/golden`.
//!
//! `OVERLOCK_BLESS=1 cargo test -p overlock-report` writes them anew; read each changed line as code.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use overlock_model::scan::ScanReport;
use overlock_report::{Bill, Format, Serial, Style};
use overlock_testkit::report_fixture as fixture;
use std::path::Path;

fn rendered(format: Format, report: &ScanReport, style: &Style) -> String {
    let packages = fixture::web_server_packages();
    let bill = Bill {
        packages: &packages,
        serial: Serial([7; 16]),
    };
    let mut out = Vec::new();
    overlock_report::write(format, report, bill, &mut out, style).unwrap();
    String::from_utf8(out).unwrap()
}

fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let actual = actual.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\"");
    if std::env::var_os("OVERLOCK_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(
        actual.lines().count(),
        expected.lines().count(),
        "{name}: number of lines"
    );
}

fn pretty() -> Style {
    Style {
        pretty: true,
        ..Style::default()
    }
}

fn table(width: usize) -> Style {
    Style {
        width,
        ..Style::default()
    }
}

#[test]
fn table_of_a_web_server_in_80_columns() {
    check(
        "web-server-80.txt",
        &rendered(Format::Table, &fixture::web_server(), &table(80)),
    );
}

#[test]
fn table_of_a_web_server_in_120_columns_with_everything() {
    let style = Style {
        all: true,
        ..table(120)
    };
    check(
        "web-server-120-all.txt",
        &rendered(Format::Table, &fixture::web_server(), &style),
    );
}

#[test]
fn short_table_spends_its_rows_on_the_worst() {
    let style = Style {
        rows: 2,
        ..table(80)
    };
    check(
        "web-server-2-rows.txt",
        &rendered(Format::Table, &fixture::web_server(), &style),
    );
}

#[test]
fn table_of_a_host_that_could_not_be_judged() {
    check(
        "uncovered.txt",
        &rendered(Format::Table, &fixture::uncovered(), &table(80)),
    );
}

#[test]
fn table_of_a_host_that_is_clear() {
    check(
        "clear.txt",
        &rendered(Format::Table, &fixture::judged_and_clear(), &table(80)),
    );
}

#[test]
fn json_csv_sarif_and_cyclonedx_of_a_web_server() {
    let report = fixture::web_server();
    check(
        "web-server.json",
        &rendered(Format::Json, &report, &pretty()),
    );
    check("web-server.csv", &rendered(Format::Csv, &report, &pretty()));
    check(
        "web-server.sarif",
        &rendered(Format::Sarif, &report, &pretty()),
    );
    check(
        "web-server.cdx.json",
        &rendered(Format::Cyclonedx, &report, &pretty()),
    );
}

#[test]
fn page_of_a_web_server() {
    let page = rendered(Format::Html, &fixture::web_server(), &pretty());
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, _) = body.split_once("<footer>").unwrap();
    check("web-server-body.html", body);
}

#[test]
fn colour_changes_only_the_escape_sequences() {
    let report = fixture::web_server();
    let style = Style {
        colour: true,
        ..table(100)
    };
    let coloured = rendered(Format::Table, &report, &style);
    assert!(coloured.contains("\u{1b}["));
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_eq!(bare, rendered(Format::Table, &report, &table(100)));
}

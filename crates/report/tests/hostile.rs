//! Names from outside can neither act on a terminal, a browser or a spreadsheet, nor break a format.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use overlock_report::{Bill, Format, Serial, Style, columns, plain};
use overlock_testkit::report_fixture as fixture;
use proptest::prelude::*;

const CORPUS: [&str; 16] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><body onload=alert(1)>",
    "javascript:alert(1)",
    "CVE-1\" onmouseover=\"alert(1)",
    "&lt;b&gt;&#60;i&#62;",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
    "openssl\r\nroot:x:0:0",
    "safe\u{202e}exe.cod\u{2066}\u{200b}\u{feff}",
    "=HYPERLINK(\"https://example.org\")",
    "\t+cmd|' /C calc'!A0",
    "-2+3",
    "漢字パッケージ名ー🦀🏳️‍🌈",
    "z\u{334}\u{335}\u{336}\u{337}\u{338}\u{339}\u{33a}\u{33b}\u{33c}algo",
];

fn rendered(format: Format, text: &str, width: usize) -> String {
    let report = fixture::hostile(text);
    let mut packages = fixture::web_server_packages();
    for package in &mut packages {
        text.clone_into(&mut package.name);
        package.arch = Some(text.to_owned());
    }
    let bill = Bill {
        packages: &packages,
        serial: Serial::default(),
    };
    let style = Style {
        width,
        all: true,
        ..Style::default()
    };
    let mut out = Vec::new();
    overlock_report::write(format, &report, bill, &mut out, &style).unwrap();
    String::from_utf8(out).unwrap()
}

fn acts(character: char) -> bool {
    character.is_control() && character != '\n'
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn no_format_prints_a_character_that_acts_on_the_display() {
    for text in CORPUS {
        for format in Format::ALL {
            let out = rendered(format, text, 80);
            assert!(!out.contains(acts), "{format} of {text:?}");
        }
    }
}

#[test]
fn page_has_no_tag_and_no_attribute_that_is_not_ours() {
    let ours = markup(&rendered(Format::Html, "plain", 80));
    for text in CORPUS {
        for tag in markup(&rendered(Format::Html, text, 80)) {
            assert!(ours.contains(&tag), "{tag} of {text:?}");
        }
    }
}

/// Each tag with its attributes' names, values left out.
fn markup(page: &str) -> std::collections::BTreeSet<String> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, _) = rest.split_once("<script>").unwrap();
    let page = format!("{before}{body}");
    let mut tags = std::collections::BTreeSet::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("each tag is closed");
        let shape: Vec<&str> = tag.split('"').step_by(2).collect();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        tags.insert(shape.join("\""));
    }
    tags
}

#[test]
fn links_lead_only_to_pages_that_identifiers_name() {
    for text in CORPUS {
        assert!(
            !rendered(Format::Html, text, 80).contains("href="),
            "{text:?}"
        );
    }
    assert!(
        rendered(Format::Html, "CVE-2024-1", 80)
            .contains("href=\"https://www.cve.org/CVERecord?id=CVE-2024-1\"")
    );
}

#[test]
fn no_cell_of_the_csv_begins_a_formula_and_every_row_is_one_record() {
    for text in CORPUS {
        let out = rendered(Format::Csv, text, 80);
        assert_eq!(out.lines().count(), 14, "{text:?}");
        for record in csv::Reader::from_reader(out.as_bytes()).records() {
            for cell in &record.unwrap() {
                assert!(
                    !cell
                        .trim_start()
                        .starts_with(['=', '+', '-', '@', '\t', '\r']),
                    "{cell:?}"
                );
            }
        }
    }
}

#[test]
fn json_loses_nothing_of_a_hostile_name() {
    for text in CORPUS {
        let back: overlock_model::scan::ScanReport =
            serde_json::from_str(&rendered(Format::Json, text, 80)).unwrap();
        assert_eq!(back, fixture::hostile(text));
    }
}

#[test]
fn a_name_of_a_megabyte_is_cut() {
    let long = "a".repeat(1 << 20);
    assert!(plain(&long).len() < 1000);
    assert!(rendered(Format::Table, &long, 80).len() < 1 << 20);
}

#[test]
fn long_list_of_names_is_whole_when_everything_is_asked_for() {
    let mut report = fixture::web_server();
    report.coverage.gaps[0].names = (0..300)
        .map(|number| format!("package-{number:03}"))
        .collect();
    let style = Style {
        all: true,
        ..Style::default()
    };
    let mut out = Vec::new();
    overlock_report::write(Format::Table, &report, Bill::default(), &mut out, &style).unwrap();
    let text = String::from_utf8(out).unwrap();
    for name in &report.coverage.gaps[0].names {
        assert!(text.contains(name), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn table_never_exceeds_the_width(text in "\\PC{0,60}|[\u{0}-\u{2ff}\u{1100}-\u{11ff}\u{4e00}-\u{4eff} ]{0,60}", width in 40_usize..160, all: bool) {
        let report = fixture::hostile(&text);
        let style = Style { width, all, colour: false, ..Style::default() };
        let mut out = Vec::new();
        overlock_report::write(Format::Table, &report, Bill::default(), &mut out, &style).unwrap();
        for line in String::from_utf8(out).unwrap().lines() {
            prop_assert!(columns(line) <= width, "{} columns: {line:?}", columns(line));
        }
    }

    #[test]
    fn neutral_text_stays_as_it_is_and_neutralising_twice_adds_nothing(text: String) {
        let once = plain(&text).into_owned();
        prop_assert!(!once.contains(acts) && !once.contains('\n'));
        let twice = plain(&once).into_owned();
        prop_assert_eq!(&twice, &once);
    }
}

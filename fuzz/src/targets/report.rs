//! Reports: whatever names hold, nothing acts on a terminal, and the formats stay what they are.

use crate::Target;
use crate::parts::texts;
use overlock_model::scan::ScanReport;
use overlock_report::{Bill, Format, Serial, Style, clip, columns, plain, write};
use overlock_testkit::report_fixture as fixture;

fn acts(character: char) -> bool {
    character.is_control() && character != '\n'
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn written(report: &ScanReport, hostile: Option<&str>) {
    let mut packages = fixture::web_server_packages();
    for (package, text) in packages.iter_mut().zip(hostile) {
        text.clone_into(&mut package.name);
    }
    let bill = Bill {
        packages: &packages,
        serial: Serial::default(),
    };
    for format in Format::ALL {
        let mut out = Vec::new();
        write(
            format,
            report,
            bill,
            &mut out,
            &Style {
                all: true,
                ..Style::default()
            },
        )
        .expect("memory takes all");
        let text = String::from_utf8(out).expect("every format is UTF-8");
        assert!(
            !text.contains(acts),
            "{format} has a character that acts: {text:?}"
        );
        if matches!(format, Format::Json | Format::Sarif | Format::Cyclonedx) {
            serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON");
        }
        if format == Format::Json {
            let again: ScanReport = serde_json::from_str(&text).expect("it is a report");
            assert_eq!(&again, report);
        }
    }
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "report_words",
        seeds: || {
            texts(&[
                "openssl\u{1b}[2J\u{202e}x\r\n",
                "漢字パッケージ🏳️‍🌈z\u{334}\u{335}",
                "=1+2\t+cmd",
            ])
        },
        run: |input| {
            let text = String::from_utf8_lossy(input);
            let safe = plain(&text);
            assert!(!safe.contains(acts) && !safe.contains('\n'), "{safe:?}");
            assert_eq!(plain(&safe), safe, "plain text stays");
            for width in [1, 2, 7, 40] {
                let cut = clip(&safe, width);
                assert!(columns(&cut) <= width, "{cut:?} in {width}");
            }
        },
    },
    Target {
        name: "report_names",
        seeds: || {
            texts(&[
                "\"><img src=x onerror=alert(1)>",
                "\u{1b}]0;owned\u{7}\u{9b}31m",
                "=HYPERLINK(\"x\")",
                "a\r\nb: c",
            ])
        },
        run: |input| {
            let text = String::from_utf8_lossy(input);
            written(&fixture::hostile(&text), Some(&text));
        },
    },
    Target {
        name: "report_document",
        seeds: || {
            vec![
                serde_json::to_vec(&fixture::uncovered()).unwrap(),
                serde_json::to_vec(&fixture::web_server()).unwrap(),
            ]
        },
        run: |input| {
            if let Ok(report) = serde_json::from_slice::<ScanReport>(input) {
                written(&report, None);
            }
        },
    },
];

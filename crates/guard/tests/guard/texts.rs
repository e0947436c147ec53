//! T5, REQ-3: whatever a field holds, no program reads it as an option, a path, a pattern or two words.

use crate::world::{Draft, host};
use overlock_guard::Refusal;
use overlock_model::plan::{Action, Artifact, Step};
use proptest::prelude::*;

type Set = fn(&mut Draft, String);

fn artifact(draft: &mut Draft) -> &mut Artifact {
    match &mut draft.closure.changes[0].action {
        Action::Replace { artifact, .. } => artifact,
        other => panic!("{other:?}"),
    }
}

fn back(draft: &mut Draft) -> &mut Artifact {
    match &mut draft.closure.changes[0].action {
        Action::Replace {
            back: Some(back), ..
        } => back,
        other => panic!("{other:?}"),
    }
}

/// Every text of a plan that a program or a person gets to see, but for the reason, which is prose.
const FIELDS: [(&str, Set); 15] = [
    ("fleet", |draft, text| draft.fleet = text),
    ("host name", |draft, text| draft.entry.name = text),
    ("os", |draft, text| draft.entry.os = text),
    ("manager", |draft, text| draft.closure.manager = text),
    ("package", |draft, text| {
        draft.closure.changes[0].name = text
    }),
    ("arch", |draft, text| draft.closure.changes[0].arch = text),
    ("from", |draft, text| {
        if let Action::Replace { from, .. } = &mut draft.closure.changes[0].action {
            *from = text;
        }
    }),
    ("to", |draft, text| {
        if let Action::Replace { to, .. } = &mut draft.closure.changes[0].action {
            *to = text;
        }
    }),
    ("origin", |draft, text| artifact(draft).origin = text),
    ("path", |draft, text| artifact(draft).path = Some(text)),
    ("origin back", |draft, text| back(draft).origin = text),
    ("path back", |draft, text| back(draft).path = Some(text)),
    ("unit", |draft, text| {
        draft.entry.steps[3] = Step::Restart { units: vec![text] }
    }),
    ("vulnerability", |draft, text| {
        if let Step::Verify { ends } = &mut draft.entry.steps[4] {
            ends[0].vulnerability = text;
        }
    }),
    ("ended package", |draft, text| {
        if let Step::Verify { ends } = &mut draft.entry.steps[4] {
            ends[0].package = text;
        }
    }),
];

fn refused(field: &str, set: Set, text: &str) {
    let refusal = Draft::with(|draft| set(draft, text.to_owned()))
        .examine(&host())
        .map(|permit| permit.plan_id())
        .unwrap_err();
    let fits = match field {
        "manager" => matches!(refusal, Refusal::Manager { .. }),
        _ => matches!(refusal, Refusal::Text { .. }),
    };
    assert!(fits, "{field} {text:?}: {refusal:?}");
    let message = refusal.to_string();
    assert!(
        message.len() < 1000 && !message.contains(char::is_control),
        "{message}"
    );
}

const HOSTILE: [&str; 34] = [
    "--option",
    "-o",
    "-",
    "--",
    "-oAPT::Update::Pre-Invoke::=id",
    "a;b",
    "a b",
    "a\tb",
    "a\nb",
    "a\0b",
    "../x",
    "a/../x",
    "/etc/passwd",
    "..",
    "a|b",
    "a&b",
    "$(id)",
    "`id`",
    "${IFS}",
    "a'b",
    "a\"b",
    "a\\nb",
    "a*",
    "a?",
    "[a]",
    "a>b",
    "a#b",
    "~/x",
    "é",
    "a\u{202e}b",
    "\u{1b}[2J",
    "a\u{200b}",
    " a",
    "a!",
];

#[test]
fn t5_hostile_words_are_refused_in_every_field() {
    for (field, set) in FIELDS {
        // A label of a repository may look like a path; nothing opens it.
        let is_label =
            |text: &str| field.starts_with("origin") && ["/etc/passwd", "a#b"].contains(&text);
        for text in HOSTILE.into_iter().filter(|text| !is_label(text)) {
            refused(field, set, text);
        }
    }
}

/// "Bad input": 1 MB strings.
#[test]
fn text_of_a_megabyte_is_refused_in_every_field() {
    for (field, set) in FIELDS {
        refused(field, set, &"a".repeat(1 << 20));
    }
    let reason = "a".repeat(1 << 20);
    let draft = Draft::with(|draft| draft.entry.steps[0] = Step::Evidence { reason });
    assert!(matches!(draft.refusal(), Refusal::Text { .. }));
}

/// An empty host name is none; every other text must be there.
#[test]
fn empty_text_is_refused() {
    for (field, set) in FIELDS
        .into_iter()
        .filter(|(field, _)| *field != "host name")
    {
        refused(field, set, "");
    }
    assert!(
        Draft::with(|draft| draft.entry.name.clear())
            .examine(&host())
            .is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What passes, whatever it is, is one plain word in an argument list.
    #[test]
    fn t5_accepted_text_is_harmless(
        field in 0..FIELDS.len(),
        text in prop_oneof![
            "[ -~]{0,40}", ".{0,10}", "[a-z0-9+.-]{0,12}", "-{0,2}[a-z]{1,8}(=[a-z])?", "(\\.\\./|[a-z]/){1,4}[a-z]*",
            "[a-z@]{1,6}\\.(service|socket|target|mount|slice)", "[0-9:.+~-]{1,10}",
        ],
    ) {
        let (name, set) = FIELDS[field];
        let accepted = Draft::with(|draft| set(draft, text.clone())).examine(&host()).is_ok();
        if accepted && !(name == "host name" && text.is_empty()) {
            prop_assert!(!text.is_empty() && !text.starts_with('-'), "{} {:?}", name, text);
            prop_assert!(!text.starts_with('/') || name.starts_with("origin"), "{} {:?}", name, text);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{} {:?}", name, text);
            prop_assert!(!text.contains(['*', '?', '[', ']', '$', '`', ';', '|', '&', '<', '>', '(', ')', '\'', '"', '!']));
            prop_assert!(text.split('/').all(|part| part != ".."), "{} {:?}", name, text);
            prop_assert!(!(["package", "to", "from"].contains(&name) && text.ends_with('-')), "{} {:?}", name, text);
        }
    }
}

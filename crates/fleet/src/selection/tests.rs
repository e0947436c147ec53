use super::*;

fn refused(text: &str) -> SelectionError {
    Selection::parse(text).unwrap_err()
}

#[test]
fn a_selection_may_wait_on_another_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Selection>();
}

#[test]
fn what_is_wrong_is_shown_in_its_place() {
    assert_eq!(
        refused("host.name == 'a' && host.operating_system == 'b'").to_string(),
        "a host has no field `operating_system`\n  host.name == 'a' && host.operating_system == 'b'\n                          ^"
    );
    let error = refused("tags.exists(tag, tag == 'web')");
    assert_eq!(error.hint.as_deref(), Some("did you mean `host.tags`?"));
    assert!(
        refused("host.os.relase == '12'")
            .hint
            .unwrap()
            .contains("version")
    );
    assert!(
        refused("host.name ==")
            .to_string()
            .starts_with("no CEL expression")
    );
    assert!(refused("").to_string().starts_with("no CEL expression"));
    assert!(
        refused("host.name.matches('(a+)+')")
            .to_string()
            .contains("no function `matches`")
    );
    assert!(refused("host == host").to_string().contains("`host` alone"));
    assert!(
        refused("host[host.name] == 'a'")
            .to_string()
            .contains("named, not computed")
    );
}

#[test]
fn what_is_neither_true_nor_false_is_refused() {
    for text in [
        "host.name",
        "1 + 1",
        "host.last_seen > 'yesterday'",
        "host.tags == 'web' || 1",
    ] {
        assert!(refused(text).to_string().contains("has no value"), "{text}");
    }
}

#[test]
fn r9_a_selection_is_bounded_before_it_is_run() {
    let long = format!("host.name == '{}'", "a".repeat(5000));
    assert!(refused(&long).to_string().contains("at most 4096 bytes"));
    let deep = format!("{}true{}", "(".repeat(1000), ")".repeat(1000));
    assert!(
        refused(&deep)
            .to_string()
            .contains("levels inside each other")
    );
    let wide = ["host.silent"; 200].join("||");
    assert!(Selection::parse(&wide).is_ok());
    let many = ["true"; 680].join("||");
    assert!(
        refused(&many).to_string().contains("parts"),
        "{}",
        refused(&many)
    );
    let nested = "host.tags.exists(a, host.tags.exists(b, a == b))";
    assert!(refused(nested).to_string().contains("a loop inside a loop"));
    let not = format!("{}true", "!".repeat(4000));
    let _ = Selection::parse(&not);
    let minus = format!("{}1 == 1", "-".repeat(4000));
    let _ = Selection::parse(&minus);
}

#[test]
fn r9_a_loop_goes_over_a_hosts_own_list_and_nothing_grows() {
    let grows = ".map(x,x+x+x+x+x+x+x+x)".repeat(11);
    for start in ["['aaaaaaaa']", "host.tags"] {
        refused(&format!("{start}{grows}.size() > 0"));
    }
    let over = "a loop over something else than a host's own list";
    for (text, why) in [
        ("['a', 'b'].exists(x, x == 'a')", over),
        ("{'a': 1}.exists(x, x == 'a')", over),
        ("host.tags.map(x, [x, x]).exists(x, x == ['a'])", over),
        ("host.tags.filter(x, x != 'a').all(x, x == 'b')", over),
        (
            "(host.silent ? host.tags : ['a']).exists(x, x == 'a')",
            over,
        ),
        ("[host.tags][0].exists(x, x == 'a')", over),
        ("[host.tags].map(x, x).size() == 1", over),
        ("host.os.exists(x, x == 'id')", over),
        (
            "host.tags.map(x, host.tags.map(y, y)).size() > 0",
            "a loop inside a loop",
        ),
        (
            "host.tags.map(x, [1, 2].exists(y, y == 1)).size() > 0",
            over,
        ),
        (
            "host.tags.map(x, x + x).size() > 0",
            "`+` adds numbers only",
        ),
        ("host.name + 'a' == 'b'", "`+` adds numbers only"),
        ("host.tags + host.tags == []", "`+` adds numbers only"),
        (
            "(host.silent ? host.name : 1) + 1 == 2",
            "`+` adds numbers only",
        ),
        ("b'a' + b'a' == b''", "`+` adds numbers only"),
        ("(1 + host.tags)[0] == 1", "`+` adds numbers only"),
    ] {
        let error = refused(text);
        assert_eq!(error.what, why, "{text}");
        assert!(error.place.is_some() || why == over, "{text}");
    }
    let long = format!("host.name == '{}'", "a".repeat(300));
    assert!(refused(&long).to_string().contains("more than 256 bytes"));
    for text in [
        "host.unseen_hours + 1 > 2 && size(host.tags) + -1 + 2 * 3 > host['unseen_hours'] + 1",
        "host.tags.filter(tag, tag.startsWith('web')).size() + 1 > 2",
        "host['tags'].exists_one(tag, tag == 'web') || host.switched_off.all(one, one != 'packages')",
        "host.labels.exists(label, label == 'site')",
        "host.tags.map(tag, tag == 'web', tag) == ['web']",
        "host.name in ['a', 'b', 'c']",
    ] {
        Selection::parse(text).unwrap();
    }
}

#[test]
fn labels_are_named_freely_and_asked_for_by_has() {
    let reads = |text: &str| Selection::parse(text).unwrap().checked.labels;
    assert_eq!(reads("host.labels.site == 'north'").len(), 1);
    assert_eq!(reads("host.labels['site'] == 'north'").len(), 1);
    assert!(reads("has(host.labels.site) && host.labels.site == 'north'").is_empty());
}

#[test]
fn level_follows_what_is_looked_at() {
    let level = |text: &str| Selection::parse(text).unwrap().checked.level();
    assert_eq!(
        level("host.criticality == 'high' && 'web' in host.tags"),
        Level::Class
    );
    assert_eq!(level("host.os.id == 'debian'"), Level::Shared);
    assert_eq!(level("host.silent || host.stale"), Level::Shared);
    assert_eq!(level("host.name.startsWith('web-')"), Level::Host);
    assert_eq!(level("true"), Level::Class);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r"[a-z.()\[\]'!&|=<>+\- 0-9{}?:,hosttagsname]{0,80}") {
        let _ = Selection::parse(&text);
    }
}

use super::*;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn instance(number: u8) -> Instance {
    Instance::from_random([number; 8])
}

fn hello(number: u8, address: IpAddr) -> impl Fn(&History) -> Heard {
    move |history| {
        history.hear(Sign::Hello {
            instance: &instance(number),
            machine_id: "m1",
            address,
        })
    }
}

fn message(
    number: u8,
    count: u64,
    content: &'static str,
    address: IpAddr,
) -> impl Fn(&History) -> Heard {
    move |history| {
        history.hear(Sign::Message {
            instance: &instance(number),
            count,
            content: Digest::of(content.as_bytes()),
            address,
        })
    }
}

/// Hears all of them; the last one's outcome.
fn hear(history: History, signs: &[&dyn Fn(&History) -> Heard]) -> Heard {
    let mut history = history;
    for sign in signs {
        match sign(&history) {
            Heard::Fine(next) => history = next,
            other => return other,
        }
    }
    Heard::Fine(history)
}

fn is_fine(signs: &[&dyn Fn(&History) -> Heard]) -> bool {
    matches!(hear(History::default(), signs), Heard::Fine(_))
}

fn is_alarm(signs: &[&dyn Fn(&History) -> Heard]) -> bool {
    matches!(hear(History::default(), signs), Heard::Alarm(_))
}

#[test]
fn a_restart_is_no_alarm() {
    assert!(is_fine(&[
        &hello(1, HOME),
        &message(1, 1, "a", HOME),
        &hello(2, HOME),
        &message(2, 1, "a", HOME),
        &hello(3, AWAY),
        &message(3, 1, "b", AWAY),
    ]));
}

#[test]
fn a_laptop_that_moves_is_no_alarm() {
    assert!(is_fine(&[
        &hello(1, HOME),
        &message(1, 1, "a", HOME),
        &message(1, 2, "a", AWAY),
        &message(1, 3, "b", HOME),
    ]));
}

#[test]
fn a_repeat_after_a_lost_answer_is_no_alarm() {
    assert!(is_fine(&[
        &hello(1, HOME),
        &hello(1, HOME),
        &message(1, 1, "a", HOME),
        &message(1, 1, "a", HOME),
        &message(1, 2, "a", HOME),
    ]));
}

#[test]
fn a_superseded_run_that_speaks_again_is_an_alarm() {
    let twins = [
        &hello(1, HOME) as &dyn Fn(&History) -> Heard,
        &hello(2, AWAY),
    ];
    assert!(is_alarm(&[twins[0], twins[1], &message(1, 1, "a", HOME)]));
    assert!(is_alarm(&[twins[0], twins[1], &hello(1, HOME)]));
}

#[test]
fn one_count_with_two_contents_or_from_two_places_is_an_alarm() {
    let first = [
        &hello(1, HOME) as &dyn Fn(&History) -> Heard,
        &message(1, 5, "a", HOME),
    ];
    assert!(is_alarm(&[first[0], first[1], &message(1, 5, "b", HOME)]));
    assert!(is_alarm(&[first[0], first[1], &message(1, 5, "a", AWAY)]));
    assert!(is_alarm(&[first[0], first[1], &message(1, 4, "a", AWAY)]));
    assert!(is_fine(&[first[0], first[1], &message(1, 4, "z", HOME)]));
}

#[test]
fn another_machine_under_the_same_key_is_an_alarm_and_no_machine_id_is_none() {
    let known = History::remembered("m0", [], None);
    assert!(matches!(
        hear(known, &[&hello(1, HOME)]),
        Heard::Alarm(Alarm::Machine { .. })
    ));
    let silent = |history: &History| {
        history.hear(Sign::Hello {
            instance: &instance(2),
            machine_id: "",
            address: HOME,
        })
    };
    assert!(is_fine(&[&hello(1, HOME), &silent]));
}

#[test]
fn an_unknown_run_says_hello_first() {
    let heard = hear(History::default(), &[&message(1, 1, "a", HOME)]);
    assert_eq!(heard, Heard::HelloFirst);
}

#[test]
fn a_start_of_the_server_forgets_no_run() {
    let (one, two) = (instance(1), instance(2));
    let known = History::remembered(
        "m1",
        [one.as_str(), two.as_str()],
        Some((two.as_str(), HOME, 7)),
    );
    assert!(matches!(
        hear(known.clone(), &[&message(2, 8, "a", HOME)]),
        Heard::Fine(_)
    ));
    assert!(matches!(
        hear(known.clone(), &[&message(2, 7, "a", HOME)]),
        Heard::Fine(_)
    ));
    assert!(matches!(
        hear(known.clone(), &[&message(2, 7, "a", AWAY)]),
        Heard::Alarm(_)
    ));
    assert!(matches!(
        hear(known, &[&message(1, 9, "a", AWAY)]),
        Heard::Alarm(_)
    ));
}

#[test]
fn memory_of_runs_is_bounded() {
    let mut history = History::default();
    for number in 0..50 {
        let Heard::Fine(next) = hello(number, HOME)(&history) else {
            panic!("a restart is no alarm");
        };
        history = next;
    }
    assert_eq!(history.superseded.len(), REMEMBERED);
    // One that is forgotten is taken for a restart; the run that it replaced then gives both away.
    assert!(matches!(
        hear(history, &[&hello(1, AWAY), &message(49, 1, "a", HOME)]),
        Heard::Alarm(_)
    ));
}

//! What terminals tell of themselves: taken over the wire, by their own signature only, raised once.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use datacenter::storage::rows::AlarmKind;
use protocol::{
    notice::{Found, Noted, Notice, PURPOSE},
    problem::ProblemKind,
    signature::Signed,
};
use rig::{Rig, Terminal, now};

fn signed(by: &Terminal, notice: &Notice) -> Signed {
    Signed::new(&by.identity, PURPOSE, notice).unwrap()
}

#[test]
fn an_opened_reader_is_an_alarm() {
    let rig = Rig::new(1);
    let (one, two) = (rig.terminal(1), rig.terminal(2));
    let running = rig.start();
    let opened = Notice { terminal: one.id, at: now(), what: Found::ReaderOpened { count: 3 } };
    let replaced = Notice { what: Found::ReaderReplaced, ..opened.clone() };
    let client = one.client(&running);
    for _ in 0..2 {
        let noted: Noted = client.post("/v1/notices", &signed(&one, &opened)).unwrap().json();
        assert_eq!(noted.at, now());
    }
    assert_eq!(client.post("/v1/notices", &signed(&one, &replaced)).unwrap().status, 200);
    let of = |kind| rig.center.production.storage().alarms_of(&[kind], 9).unwrap();
    let rows = of(AlarmKind::ReaderOpened);
    assert_eq!(
        (rows.len(), rows[0].alarm.terminal, rows[0].count),
        (1, one.id, 2),
        "told again, raised once"
    );
    assert_eq!(of(AlarmKind::ReaderReplaced).len(), 1);
    // Somebody else's signature, for another purpose, another terminal's, changed, and no notice at all.
    let mut changed = signed(&one, &opened);
    changed.text = changed.text.replace('3', "4");
    let of_two = Notice { terminal: two.id, ..opened.clone() };
    for (refused, kind) in [
        (signed(&two, &opened), ProblemKind::Signature),
        (Signed::new(&one.identity, "another purpose", &opened).unwrap(), ProblemKind::Signature),
        (changed, ProblemKind::Signature),
        (signed(&one, &of_two), ProblemKind::NotAuthenticated),
        (Signed::new(&one.identity, PURPOSE, &"hello").unwrap(), ProblemKind::Malformed),
    ] {
        assert_eq!(client.post("/v1/notices", &refused).unwrap().problem(), kind, "{refused:?}");
    }
    assert_eq!(of(AlarmKind::ReaderOpened).len(), 1);
    running.stop();
}

//! Visits and their fee lines.

use terminal::ledger::{FeeLine, LINES_MAX, LedgerError, Purpose, VisitState};

use super::support::*;

fn line(serial: usize, batch: &str) -> FeeLine {
    FeeLine {
        serial: format!("L{serial}"),
        batch: batch.into(),
        content: format!(r#"{{"item":"X{serial}","amount_fen":{serial}}}"#),
    }
}

#[test]
fn lines_come_and_go_until_the_settlement() {
    let mut terminal = Terminal::new(30);
    let (mut ledger, cashier) = terminal.open_for_business();
    let now = terminal.now();
    assert_eq!(ledger.add_lines("V1", &[line(1, "A")]), Err(LedgerError::VisitUnknown));
    let registered = visit("V1", 1, &cashier, now);
    ledger.register(&registered).unwrap();
    ledger.register(&registered).unwrap();
    let mut other = registered.clone();
    other.med_type = "21".into();
    assert_eq!(ledger.register(&other), Err(LedgerError::VisitExists));

    assert_eq!(ledger.add_lines("V1", &[line(1, "A"), line(2, "A"), line(3, "B")]), Ok(3));
    // The hospital sends again after a time-out: what is there stays, what is new comes.
    assert_eq!(ledger.add_lines("V1", &[line(2, "A"), line(3, "B"), line(4, "B")]), Ok(1));
    let mut differs = line(2, "A");
    differs.content = "{}".into();
    let refused = ledger.add_lines("V1", &[line(5, "C"), differs]);
    assert_eq!(refused, Err(LedgerError::LineDiffers { serial: "L2".into() }));
    let serials = |ledger: &terminal::ledger::Ledger| -> Vec<String> {
        ledger.lines("V1").unwrap().into_iter().map(|line| line.serial).collect()
    };
    assert_eq!(serials(&ledger), ["L1", "L2", "L3", "L4"], "all or none");
    assert_eq!(ledger.remove_lines("V1", Some("B")), Ok(2));
    assert_eq!(ledger.add_lines("V1", &[line(9, "C")]), Ok(1));
    assert_eq!(serials(&ledger), ["L1", "L2", "L9"]);
    let digest = ledger.lines_digest("V1").unwrap();

    let id = terminal.chance.id();
    let intended = intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now);
    ledger.intend(&intended, &terminal.limits).unwrap();
    let closed = LedgerError::VisitNotOpen { state: VisitState::Settling };
    assert_eq!(ledger.add_lines("V1", &[line(10, "C")]), Err(closed.clone()));
    assert_eq!(ledger.remove_lines("V1", None), Err(closed.clone()));
    assert_eq!(ledger.cancel_visit("V1"), Err(closed));
    assert_eq!(ledger.lines_digest("V1"), Ok(digest));
    ledger.record(id, &outcome(settlement("V1", 1, None), now)).unwrap();
    let settled = LedgerError::VisitNotOpen { state: VisitState::Settled };
    assert_eq!(ledger.remove_lines("V1", None), Err(settled));
}

#[test]
fn a_cancelled_registration_takes_its_lines_along() {
    let mut terminal = Terminal::new(31);
    let (mut ledger, cashier) = terminal.open_for_business();
    ledger.register(&visit("V1", 1, &cashier, terminal.now())).unwrap();
    ledger.add_lines("V1", &[line(1, "A")]).unwrap();
    assert_eq!(ledger.visits_open().unwrap().len(), 1);
    ledger.cancel_visit("V1").unwrap();
    assert!(ledger.visits_open().unwrap().is_empty());
    assert!(ledger.lines("V1").unwrap().is_empty());
    let cancelled = LedgerError::VisitNotOpen { state: VisitState::Cancelled };
    assert_eq!(ledger.add_lines("V1", &[line(1, "A")]), Err(cancelled));
}

#[test]
fn a_visit_has_a_limit_of_lines() {
    let mut terminal = Terminal::new(32);
    let (mut ledger, cashier) = terminal.open_for_business();
    ledger.register(&visit("V1", 1, &cashier, terminal.now())).unwrap();
    let lines: Vec<FeeLine> = (0..LINES_MAX).map(|serial| line(serial, "A")).collect();
    assert_eq!(ledger.add_lines("V1", &lines), Ok(LINES_MAX));
    let more = ledger.add_lines("V1", &[line(LINES_MAX, "B")]);
    assert_eq!(more, Err(LedgerError::LinesTooMany { lines_max: LINES_MAX }));
    assert_eq!(ledger.add_lines("V1", &lines[..10]), Ok(0), "known lines are no new ones");
}

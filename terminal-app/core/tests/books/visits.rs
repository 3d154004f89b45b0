//! Visits and their fee lines.

use protocol::record::BODY_BYTES_MAX;
use terminal::ledger::{
    FeeLine, LINE_BYTES_MAX, LINES_BYTES_MAX, LINES_MAX, LedgerError, NUMBER_BYTES_MAX, Numbered, Purpose,
    VisitState,
};

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

#[test]
fn numbers_are_short_and_visible() {
    let mut terminal = Terminal::new(33);
    let (mut ledger, cashier) = terminal.open_for_business();
    let now = terminal.now();
    let longest = "9".repeat(NUMBER_BYTES_MAX);
    let wrong = |what| Err(LedgerError::NumberWrong { what });
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    ledger.register(&visit(&longest, 1, &cashier, now)).unwrap();
    let with =
        |serial: &str, batch: &str| [FeeLine { serial: serial.into(), batch: batch.into(), ..line(1, "A") }];
    assert_eq!(ledger.add_lines("V1", &with(&longest, &longest)), Ok(1));
    for bad in ["", &format!("{longest}9"), "V 1", "V\n1", "就诊1", "V\u{200B}1"] {
        assert_eq!(
            ledger.register(&visit(bad, 1, &cashier, now)),
            Err(LedgerError::NumberWrong { what: Numbered::Visit }),
            "{bad}"
        );
        assert_eq!(ledger.add_lines("V1", &with(bad, "A")), wrong(Numbered::Line), "{bad}");
        assert_eq!(ledger.add_lines("V1", &with("L1", bad)), wrong(Numbered::Batch), "{bad}");
    }
    assert_eq!(ledger.lines("V1").unwrap().len(), 1);
}

#[test]
fn one_call_cannot_eat_the_reserve() {
    let mut terminal = Terminal::new(34);
    let (mut ledger, cashier) = terminal.open_for_business();
    ledger.register(&visit("V1", 1, &cashier, terminal.now())).unwrap();
    let sized = |serial: usize, bytes: usize| FeeLine { content: "9".repeat(bytes), ..line(serial, "A") };
    let (bytes, bytes_max) = (LINE_BYTES_MAX + 1, LINE_BYTES_MAX);
    let refused = ledger.add_lines("V1", &[line(1, "A"), sized(2, bytes)]);
    assert_eq!(refused, Err(LedgerError::LineTooLarge { serial: Some("L2".into()), bytes, bytes_max }));
    let full: Vec<FeeLine> =
        (0..LINES_BYTES_MAX / LINE_BYTES_MAX).map(|serial| sized(serial, LINE_BYTES_MAX)).collect();
    let more: Vec<FeeLine> = full.iter().cloned().chain([sized(9_999, 1)]).collect();
    let (bytes, bytes_max) = (LINES_BYTES_MAX + 1, LINES_BYTES_MAX);
    assert_eq!(
        ledger.add_lines("V1", &more),
        Err(LedgerError::LineTooLarge { serial: None, bytes, bytes_max })
    );
    assert!(ledger.lines("V1").unwrap().is_empty(), "all or none");
    let before = ledger.space().unwrap().pages_used;
    assert_eq!(ledger.add_lines("V1", &full), Ok(full.len()));
    let pages = ledger.space().unwrap().pages_used - before;
    assert!(pages < terminal.quota.reserve_pages / 3, "{pages}");
}

#[test]
fn an_outcome_is_sized_before_the_card_is_asked() {
    let mut terminal = Terminal::new(35);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (id, now) = (terminal.chance.id(), terminal.now());
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now);
    let planned = |visit: &str, tac: &str| settlement(visit, 1, Some(arming(1).purchase(tac.into(), false)));
    // The largest visit that passes is recorded, whatever sequence and time it gets.
    let spare = serde_json::to_string(&planned("", "00000000")).unwrap().len() + 500;
    let mut name = "9".repeat(BODY_BYTES_MAX - spare);
    while ledger.require_fits(&intended, planned(&name, "00000000")).is_ok() {
        name.push('9');
    }
    let refused = ledger.require_fits(&intended, planned(&name, "00000000"));
    assert_eq!(refused, Err(LedgerError::BodyTooLarge { bytes: BODY_BYTES_MAX + 1 }));
    name.pop();
    ledger.intend(&intended, &terminal.limits).unwrap();
    ledger.arm(id, &arming(1), now).unwrap();
    let link = ledger.record(id, &outcome(planned(&name, "11223344"), now)).unwrap();
    assert_eq!(link.sequence, 1);
}

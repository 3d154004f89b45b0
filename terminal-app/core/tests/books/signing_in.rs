//! Operators, lock-outs, cycles.

use protocol::limits::OfflineLimits;
use terminal::{
    audit::{Actor, AuditEvent},
    ledger::{Ledger, LedgerError, Numbered, Purpose},
    roles::{
        Action, FAILURES_MAX, LOCK_MS, NAME_BYTES_MAX, NewOperator, PBKDF2_ITERATIONS, Role,
        SECRET_BYTES_MAX, SHIFT_MS_MAX, SignInError,
    },
};

use super::support::*;

fn set(ledger: &mut Ledger, terminal: &mut Terminal, number: &str, role: Role, secret: &[u8]) {
    let operator = NewOperator { number, role, secret, iterations: ROUNDS };
    ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), terminal.clock.now()).unwrap();
}

fn staffed(seed: u64) -> (Terminal, Ledger) {
    let mut terminal = Terminal::new(seed);
    let mut ledger = terminal.open();
    set(&mut ledger, &mut terminal, "0001", Role::Supervisor, b"supervisor");
    set(&mut ledger, &mut terminal, "0101", Role::Cashier, b"246813");
    set(&mut ledger, &mut terminal, "0901", Role::Installer, b"installer");
    set(&mut ledger, &mut terminal, "0801", Role::Auditor, b"auditor!");
    (terminal, ledger)
}

#[test]
fn too_many_wrong_secrets_lock_out_for_a_while() {
    let (terminal, mut ledger) = staffed(150);
    let now = terminal.now();
    for left in (1..FAILURES_MAX).rev() {
        let wrong = ledger.sign_in("0101", b"000000", now);
        assert_eq!(wrong, Err(SignInError::Wrong { tries_left: Some(left) }));
    }
    let until = now.plus_ms(LOCK_MS);
    assert_eq!(ledger.sign_in("0101", b"000000", now), Err(SignInError::Locked { until }));
    // The right secret does not help, nor does a restart.
    assert_eq!(ledger.sign_in("0101", b"246813", now), Err(SignInError::Locked { until }));
    drop(ledger);
    let mut ledger = terminal.open();
    assert_eq!(ledger.sign_in("0101", b"246813", until.plus_ms(-1)), Err(SignInError::Locked { until }));
    assert!(ledger.sign_in("0001", b"supervisor", now).is_ok(), "others work on");
    assert!(ledger.sign_in("0101", b"246813", until).is_ok());
    // The count starts again after a right one.
    let wrong = ledger.sign_in("0101", b"000000", until);
    assert_eq!(wrong, Err(SignInError::Wrong { tries_left: Some(FAILURES_MAX - 1) }));
    let events: Vec<_> =
        ledger.audit_entries(0, 100).unwrap().into_iter().filter_map(|entry| entry.event).collect();
    assert!(events.contains(&AuditEvent::LockedOut { number: "0101".into() }));
}

#[test]
fn unknown_and_removed_operators() {
    let (terminal, mut ledger) = staffed(151);
    let now = terminal.now();
    let wrong = Err(SignInError::Wrong { tries_left: None });
    assert_eq!(ledger.sign_in("7777", b"246813", now), wrong);
    ledger.remove_operator("0101", Actor::default(), now).unwrap();
    assert_eq!(ledger.sign_in("0101", b"246813", now), wrong);
    assert_eq!(ledger.remove_operator("0001", Actor::default(), now), Err(SignInError::LastSupervisor));
    assert_eq!(ledger.operators().unwrap().iter().filter(|operator| operator.active).count(), 3);
}

#[test]
fn secrets_have_limits_and_are_stretched() {
    let (mut terminal, mut ledger) = staffed(152);
    let now = terminal.now();
    for secret in [&b"12345"[..], &[b'x'; SECRET_BYTES_MAX + 1]] {
        let operator = NewOperator { number: "0102", role: Role::Cashier, secret, iterations: ROUNDS };
        let refused = ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), now);
        assert_eq!(refused, Err(SignInError::SecretLength));
    }
    for number in ["", "0 1", &"1".repeat(65)] {
        let operator = NewOperator { number, role: Role::Cashier, secret: b"246813", iterations: ROUNDS };
        let refused = ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), now);
        let wrong = LedgerError::NumberWrong { what: Numbered::Operator };
        assert_eq!(refused, Err(SignInError::Ledger(wrong)), "{number}");
    }
    assert!(PBKDF2_ITERATIONS.get() >= 600_000);
    let operator =
        NewOperator { number: "0102", role: Role::Cashier, secret: b"246813", iterations: PBKDF2_ITERATIONS };
    assert!(!format!("{operator:?}").contains("246813"));
    ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), now).unwrap();
    assert!(ledger.sign_in("0102", b"246813", now).is_ok());
    assert!(ledger.sign_in("0102", b"246814", now).is_err());
}

#[test]
fn only_business_roles_get_a_cycle() {
    let (terminal, mut ledger) = staffed(153);
    let now = terminal.now();
    for (number, secret) in [("0901", &b"installer"[..]), ("0801", b"auditor!")] {
        let signed_in = ledger.sign_in(number, secret, now).unwrap();
        assert_eq!((signed_in.cycle, signed_in.overdue), (None, None));
    }
    let cashier = ledger.sign_in("0101", b"246813", now).unwrap();
    let number = cycle_of(&cashier);
    assert_eq!(number, "430100000001202611240800000001");
    assert_eq!(number.len(), 30);
}

#[test]
fn a_cycle_is_resumed_by_its_operator_and_ended_by_another() {
    let (mut terminal, mut ledger) = staffed(154);
    let first = ledger.sign_in("0101", b"246813", terminal.now()).unwrap();
    terminal.clock.pass(1_000);
    let again = ledger.sign_in("0101", b"246813", terminal.now()).unwrap();
    assert_eq!(cycle_of(&first), cycle_of(&again));
    let other = ledger.sign_in("0001", b"supervisor", terminal.now()).unwrap();
    assert_ne!(cycle_of(&first), cycle_of(&other));
    let now = terminal.now();
    ledger.register(&visit("V", 1, &first, now)).unwrap();
    let id = terminal.chance.id();
    let stale = intention(id, Purpose::Settlement, Some("V"), 1, &first, now);
    let over = LedgerError::CycleOver { cycle: cycle_of(&first) };
    assert_eq!(ledger.intend(&stale, &OfflineLimits::default()), Err(over));
    ledger.sign_out(&other, now).unwrap();
    let closed = ledger.cycle(&cycle_of(&other)).unwrap().unwrap();
    assert_eq!(closed.closed_at, Some(now));
    let fresh = ledger.sign_in("0001", b"supervisor", now).unwrap();
    assert_ne!(cycle_of(&fresh), cycle_of(&other));
}

#[test]
fn what_the_role_does_not_allow_is_audited() {
    let (terminal, mut ledger) = staffed(155);
    let now = terminal.now();
    let cashier = ledger.sign_in("0101", b"246813", now).unwrap();
    assert_eq!(ledger.authorise(&cashier, Action::Settle, now), Ok(()));
    let refused = ledger.authorise(&cashier, Action::CancelSettlement, now);
    assert_eq!(refused, Err(SignInError::NotPermitted { action: Action::CancelSettlement }));
    let entries = ledger.audit_entries(0, 100).unwrap();
    let last = entries.last().unwrap();
    assert_eq!(last.event, Some(AuditEvent::NotPermitted { action: Action::CancelSettlement }));
    assert_eq!(last.operator.as_deref(), Some("0101"));
    assert_eq!(ledger.verify().unwrap().audit_entries, last.number);
}

#[test]
fn a_sign_in_with_more_rights_than_a_cashiers_ends_after_a_day() {
    let (terminal, mut ledger) = staffed(156);
    let now = terminal.now();
    for (number, secret, action) in [
        ("0001", &b"supervisor"[..], Action::ManageOperators),
        ("0001", b"supervisor", Action::WriteCard),
        ("0901", b"installer", Action::WipeKeys),
        ("0801", b"auditor!", Action::ExportLedger),
    ] {
        let signed_in = ledger.sign_in(number, secret, now).unwrap();
        assert_eq!(signed_in.since, now);
        assert_eq!(ledger.authorise(&signed_in, action, now.plus_ms(SHIFT_MS_MAX - 1)), Ok(()), "{number}");
        assert_eq!(ledger.authorise(&signed_in, action, now.plus_ms(-1_000)), Ok(()), "{number}");
        for at in [now.plus_ms(SHIFT_MS_MAX), now.plus_ms(-HOUR_MS)] {
            assert_eq!(ledger.authorise(&signed_in, action, at), Err(SignInError::ShiftOver), "{number}");
        }
    }
    // The cycle that is over can still be reconciled by whoever worked in it.
    let cashier = ledger.sign_in("0101", b"246813", now).unwrap();
    assert_eq!(ledger.authorise(&cashier, Action::Reconcile, now.plus_ms(7 * DAY_MS)), Ok(()));
}

#[test]
fn a_secret_that_another_has_typed_is_to_be_changed() {
    let (mut terminal, mut ledger) = staffed(160);
    let now = terminal.now();
    let issued = |secret| NewOperator { number: "0102", role: Role::Cashier, secret, iterations: ROUNDS };
    let found = |ledger: &Ledger| {
        let operators = ledger.operators().unwrap();
        let operator = operators.into_iter().find(|operator| operator.number == "0102").unwrap();
        (operator.name, operator.must_change, operator.active)
    };
    let long = format!(" 王\u{7}小明{}", "明".repeat(40));
    ledger.issue_operator(&issued(b"246813"), &long, &mut terminal.chance, Actor::default(), now).unwrap();
    let (name, must_change, _) = found(&ledger);
    assert!(name.starts_with("王小明") && name.len() <= NAME_BYTES_MAX && must_change);
    // Changed by the operator: the name stays, and nothing is to be changed any more.
    let signed_in = ledger.sign_in("0102", b"246813", now).unwrap();
    assert_eq!(ledger.authorise(&signed_in, Action::Settle, now), Err(SignInError::SecretToChange));
    ledger.set_operator(&issued(b"975310"), &mut terminal.chance, Actor::default(), now).unwrap();
    assert_eq!(found(&ledger), (name.clone(), false, true));
    assert_eq!(ledger.authorise(&signed_in, Action::Settle, now), Ok(()));
    // Taken out and let in again.
    ledger.remove_operator("0102", Actor::default(), now).unwrap();
    assert_eq!(found(&ledger), (name, false, false));
    ledger.issue_operator(&issued(b"135790"), "", &mut terminal.chance, Actor::default(), now).unwrap();
    assert_eq!(found(&ledger), (String::new(), true, true));
}

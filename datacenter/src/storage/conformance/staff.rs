//! Rules, limits, terminals, codes, certificates, the audit log.

use super::*;

pub(super) fn documents(storage: &dyn Storage) {
    assert_eq!((storage.rules().unwrap().revision, storage.rules().unwrap().documents.len()), (0, 0));
    let document = |version: &str, day: &str, text: &str| RulesDocument {
        version: version.into(),
        effective_from: day.into(),
        configuration: text.into(),
    };
    assert_eq!(storage.put_rules(&document("b", "2027-01-01", "{}")).unwrap(), 1);
    assert_eq!(storage.put_rules(&document("a", "2026-01-01", "{\"x\":1}")).unwrap(), 2);
    assert_eq!(storage.put_rules(&document("b", "2028-01-01", "{\"y\":2}")).unwrap(), 3);
    let rules = storage.rules().unwrap();
    assert_eq!(rules.revision, 3);
    assert_eq!(
        rules.documents,
        [document("a", "2026-01-01", "{\"x\":1}"), document("b", "2028-01-01", "{\"y\":2}")]
    );

    let limits = |queue_max| OfflineLimits { queue_max, ..OfflineLimits::default() };
    let (one, other) = (terminal(1), terminal(2));
    assert_eq!(storage.limits(one).unwrap(), []);
    assert_eq!(storage.set_limits(None, &limits(10), Timestamp(1)).unwrap(), 1);
    assert_eq!(storage.set_limits(Some(one), &limits(20), Timestamp(2)).unwrap(), 2);
    assert_eq!(storage.set_limits(None, &limits(30), Timestamp(3)).unwrap(), 3);
    let told = |of| {
        let rows = storage.limits(of).unwrap();
        rows.iter()
            .map(|r| (r.limits.version, r.limits.queue_max, r.terminal, r.from.0, r.until.map(|u| u.0)))
            .collect::<Vec<_>>()
    };
    let common = [(3, 30, None, 3, None), (1, 10, None, 1, Some(3))];
    assert_eq!(told(other), common);
    assert_eq!(told(one), [common[0], (2, 20, Some(one), 2, None), common[1]]);
    assert_eq!(storage.common_limits().unwrap().len(), 2);
}

pub(super) fn terminals(storage: &dyn Storage) {
    let (one, other) = (terminal(1), terminal(2));
    let place = |name: &str| Institution { code: "H1".into(), name: name.into(), level: 2 };
    let code = |number, of, name: &str| CodeRow {
        digest: digest(number),
        terminal: of,
        institution: place(name),
        made_at: Timestamp(0),
        expires_at: Timestamp(100),
    };
    let key = |byte| PublicKey([byte; 32]);
    storage.put_code(&code(1, one, "甲")).unwrap();
    assert!(storage.put_code(&code(1, other, "乙")).is_err());
    let redeem =
        |number, of, byte, at| storage.redeem_code(digest(number), of, key(byte), Timestamp(at)).unwrap();
    assert_eq!(storage.terminal(one).unwrap(), None);
    assert_eq!(redeem(9, one, 1, 1), None);
    assert_eq!(redeem(1, other, 1, 1), None);
    assert_eq!(redeem(1, one, 1, 100), None);
    assert_eq!(redeem(1, one, 1, 99), Some(place("甲")));
    assert_eq!(redeem(1, one, 1, 99), Some(place("甲")));
    assert_eq!(redeem(1, one, 2, 99), None);
    let row = storage.terminal(one).unwrap().unwrap();
    assert_eq!((row.identity, row.institution, row.blocked), (Some(key(1)), place("甲"), false));
    assert_eq!(row.enrolled_at, Some(Timestamp(99)));

    assert!(storage.set_blocked(one, true).unwrap());
    assert!(!storage.set_blocked(other, true).unwrap());
    assert!(storage.terminal(one).unwrap().unwrap().blocked);
    assert!(storage.set_blocked(one, false).unwrap());

    let certificate = |number, of, at| CertificateRow {
        fingerprint: digest(number),
        terminal: of,
        issued_at: Timestamp(at),
        expires_at: Timestamp(1_000),
        revoked: false,
    };
    storage.put_certificate(&certificate(1, one, 1)).unwrap();
    assert_eq!(storage.certificate(digest(1)).unwrap(), Some(certificate(1, one, 1)));
    assert_eq!(storage.certificate(digest(2)).unwrap(), None);
    // The same identity under a new code keeps its certificates, another one loses them.
    storage.put_code(&code(2, one, "丙")).unwrap();
    assert_eq!(redeem(2, one, 1, 50), Some(place("丙")));
    assert!(!storage.certificate(digest(1)).unwrap().unwrap().revoked);
    storage.put_code(&code(3, one, "丁")).unwrap();
    assert_eq!(redeem(3, one, 7, 50), Some(place("丁")));
    assert!(storage.certificate(digest(1)).unwrap().unwrap().revoked);

    storage.put_code(&code(4, other, "戊")).unwrap();
    assert_eq!(redeem(4, other, 3, 50), Some(place("戊")));
    let numbers: Vec<_> = storage.terminals().unwrap().iter().map(|row| row.terminal).collect();
    assert_eq!(numbers, [one, other]);
}

pub(super) fn audit(storage: &dyn Storage) {
    let row = |at, subject: &str| AuditRow {
        at: Timestamp(at),
        actor: "staff".into(),
        action: "试".into(),
        subject: subject.into(),
    };
    storage.note(&row(5, "a")).unwrap();
    storage.note(&row(4, "b")).unwrap();
    assert_eq!(storage.audit(9).unwrap(), [row(4, "b"), row(5, "a")]);
    assert_eq!(storage.audit(1).unwrap(), [row(4, "b")]);
}

//! Public documents, affairs of people, and who asked.

use card_spec::region::RegionCode;
use protocol::{
    calendar::{Day, Period},
    service::{
        Article, Contribution, ContributionKind, ContributionState, Desk, Document, DocumentKind, Due,
        SeekWork, Seeker, Subject, Unemployment, UnemploymentState, document::Place,
    },
};

use super::*;
use crate::storage::{
    benefits::{PaymentRow, PlaceRow},
    service::{AskedRow, Concern, DeskRow, Ending, NewLoss},
};

fn period(number: u32) -> Period {
    Period::from_number(number).unwrap()
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

fn article(code: &str, title: &str) -> Document {
    Document::Article(Article {
        code: code.into(),
        title: title.into(),
        topic: "社保".into(),
        text: "正文".into(),
        issuer: "市局".into(),
        reference: String::new(),
        keywords: Vec::new(),
        published: day(20_260_101),
    })
}

pub(super) fn publications(storage: &dyn Storage) {
    let (one, two) = (article("A1", "一"), article("A2", "二"));
    assert_eq!((storage.newest_document().unwrap(), storage.documents().unwrap()), (0, Vec::new()));
    assert_eq!(storage.put_documents(&[two.clone(), one.clone()]).unwrap(), 2);
    assert_eq!(storage.put_documents(&[one.clone(), two.clone()]).unwrap(), 0, "no change");
    assert_eq!(storage.documents().unwrap(), [one.clone(), two.clone()]);
    assert_eq!(storage.newest_document().unwrap(), 2);
    // What changes moves to the end; what is withdrawn is told as gone.
    let other = article("A2", "另");
    assert_eq!(storage.put_documents(std::slice::from_ref(&other)).unwrap(), 1);
    assert_eq!(storage.keep_documents(DocumentKind::Office, &[]).unwrap(), 0, "of another kind");
    assert_eq!(storage.keep_documents(DocumentKind::Article, &["A2".into()]).unwrap(), 1);
    assert_eq!(storage.keep_documents(DocumentKind::Article, &["A2".into()]).unwrap(), 0);
    assert_eq!(storage.documents().unwrap(), std::slice::from_ref(&other));
    let changes = storage.document_changes(0, 9).unwrap();
    let told: Vec<_> =
        changes.iter().map(|(at, change)| (*at, change.code.as_str(), change.document.clone())).collect();
    assert_eq!(told, [(3, "A2", Some(other)), (4, "A1", None)]);
    assert_eq!(storage.document_changes(3, 9).unwrap().len(), 1);
    assert_eq!(storage.document_changes(0, 1).unwrap().len(), 1);
    // Back again under its code.
    assert_eq!(storage.put_documents(std::slice::from_ref(&one)).unwrap(), 1);
    assert_eq!(storage.document_changes(4, 9).unwrap()[0].1.document, Some(one));
    assert_eq!(storage.newest().unwrap(), 0, "a stream of its own");
}

pub(super) fn affairs(storage: &dyn Storage) {
    let person = insured(1).key;
    let row = |month, kind, state| Contribution {
        period: period(month),
        kind,
        base: Fen(500_000),
        by_unit: Fen(80_000),
        by_person: Fen(40_000),
        state,
    };
    let unemployment = row(202_601, ContributionKind::Unemployment, ContributionState::Paid);
    let pension = row(202_601, ContributionKind::Pension, ContributionState::Paid);
    let later = row(202_602, ContributionKind::Unemployment, ContributionState::Unpaid);
    assert_eq!(storage.contributed(person).unwrap(), None);
    let rows = [(person, unemployment), (person, later), (person, pension), (insured(2).key, pension)];
    assert_eq!(storage.put_contributions(&rows).unwrap(), 4);
    assert_eq!(storage.put_contributions(&rows).unwrap(), 0);
    let all = storage.contributions(person, period(202_512), period(202_612)).unwrap();
    assert_eq!(all, [later, pension, unemployment], "the latest month first, then by insurance");
    assert_eq!(storage.contributions(person, period(202_602), period(202_602)).unwrap(), [later]);
    let known = storage.contributed(person).unwrap().unwrap();
    assert_eq!(
        (known.earliest, known.latest, known.unemployment_months),
        (period(202_601), period(202_602), 1)
    );
    let late = Contribution { state: ContributionState::PaidLate, ..later };
    assert_eq!(storage.put_contributions(&[(person, late)]).unwrap(), 1);
    assert_eq!(storage.contributed(person).unwrap().unwrap().unemployment_months, 2);

    let due =
        |until, kind| Due { period: period(202_601), months: 1, kind, amount: Fen(9), until: day(until) };
    let (first, second) =
        (due(20_260_125, ContributionKind::Medical), due(20_261_231, ContributionKind::Pension));
    storage.put_dues(&[person], &[(person, second), (person, first)]).unwrap();
    assert_eq!(storage.dues(person, 9).unwrap(), [first, second]);
    assert_eq!(storage.dues(person, 1).unwrap(), [first]);
    storage.put_dues(&[person], &[(person, second)]).unwrap();
    assert_eq!(storage.dues(person, 9).unwrap(), [second]);
    storage.put_dues(&[person], &[]).unwrap();
    assert_eq!(storage.dues(person, 9).unwrap(), []);

    let claim = Unemployment {
        state: UnemploymentState::Applied,
        monthly: Fen(159_000),
        from: period(202_603),
        months: 12,
        months_paid: 0,
    };
    assert_eq!(storage.unemployment(person).unwrap(), None);
    assert_eq!(storage.put_unemployment(&[(person, claim)]).unwrap(), 1);
    assert_eq!(storage.put_unemployment(&[(person, claim)]).unwrap(), 0);
    let drawing = Unemployment { state: UnemploymentState::Drawing, months_paid: 2, ..claim };
    assert_eq!(storage.put_unemployment(&[(person, drawing)]).unwrap(), 1);
    assert_eq!(storage.unemployment(person).unwrap(), Some(drawing));

    assert_eq!(storage.name(person).unwrap(), None);
    assert_eq!(storage.put_names(&[(person, digest(1))]).unwrap(), 1);
    assert_eq!(storage.put_names(&[(person, digest(1))]).unwrap(), 0);
    assert_eq!(storage.put_names(&[(person, digest(2))]).unwrap(), 1);
    assert_eq!(storage.name(person).unwrap(), Some(digest(2)));

    let seeker = |at, wish: &str| Seeker {
        seek: SeekWork {
            wish: wish.into(),
            district: RegionCode::parse("430102").unwrap(),
            wage_min: Fen(300_000),
            phone: "000-00001".into(),
        },
        at: Timestamp(at),
        until: day(20_270_101),
        taken_by: None,
    };
    storage.set_seeker(person, Some(&seeker(1, "保洁"))).unwrap();
    storage.set_seeker(person, Some(&seeker(2, "电工"))).unwrap();
    storage.set_seeker(insured(2).key, Some(&seeker(3, "厨师"))).unwrap();
    assert_eq!(storage.seeker(person).unwrap(), Some(seeker(2, "电工")), "one for each person");
    let listed: Vec<u64> = storage.seekers(9).unwrap().into_iter().map(|(person, _)| person).collect();
    assert_eq!(listed, [insured(2).key, person]);
    storage.set_seeker(person, None).unwrap();
    storage.set_seeker(person, None).unwrap();
    assert_eq!(storage.seeker(person).unwrap(), None);
    assert_eq!(storage.seekers(1).unwrap().len(), 1);

    let paid = |month, number| PaymentRow {
        person,
        period: period(month),
        id: id(number),
        amount: Fen(300_000),
        at: Timestamp(7),
    };
    storage.transact(&mut |t| t.add_payments(&[paid(202_609, 1), paid(202_611, 2)])).unwrap();
    assert_eq!(storage.payments_of(person, None, 9).unwrap(), [paid(202_611, 2), paid(202_609, 1)]);
    assert_eq!(storage.payments_of(person, Some(period(202_611)), 9).unwrap(), [paid(202_609, 1)]);
    assert_eq!(storage.payments_of(person, None, 1).unwrap().len(), 1);
    assert_eq!(storage.last_certified(person).unwrap(), None);
}

/// A person's records, page by page, each once, whatever is booked meanwhile.
pub(super) fn records_of(storage: &dyn Storage) {
    let person = 43_010_219_491_231_002;
    let make = |sequence: u64, kind, account, made_at| {
        let mut record = record(sequence, Some(id(sequence as u16)), Outcome::Booked, "{}");
        record.facts.kind = kind;
        record.facts.totals.acct_pay = Fen(account);
        record.facts.made_at = Timestamp(made_at);
        record
    };
    let mut refused = make(5, Kind::Settlement, 9, 9_000);
    refused.outcome = Outcome::Refused(RefusalReason::TacWrong);
    let mut other = make(6, Kind::Settlement, 9, 9_000);
    other.facts.person = Some(1);
    let records = [
        make(1, Kind::Settlement, 50, 100),
        make(2, Kind::Settlement, 0, 300),
        make(3, Kind::Load, 0, 200),
        make(4, Kind::Settlement, 70, 200),
        refused,
        other,
        make(7, Kind::Enrolment, 0, 400),
    ];
    append(storage, terminal(1), &records).unwrap();
    storage.transact(&mut |t| t.cancel(&[(id(1), id(9))])).unwrap();
    let page = |concern, before, count| storage.records_of(person, concern, before, count).unwrap();
    let ids = |rows: &[crate::storage::service::PersonRecord]| -> Vec<TransactionId> {
        rows.iter().map(|row| row.id).collect()
    };
    // The newest first; of one time the one booked last.
    assert_eq!(ids(&page(Concern::Account, None, 9)), [id(4), id(3), id(1)]);
    assert_eq!(ids(&page(Concern::Treatments, None, 9)), [id(2), id(4), id(1)]);
    let first = page(Concern::Account, None, 1);
    let place = Some((first[0].made_at, first[0].number));
    // Something newer is booked while somebody turns the page.
    append(
        storage,
        terminal(2),
        &[make(1, Kind::Load, 0, 999)].map(|mut record| {
            record.id = Some(id(77));
            record
        }),
    )
    .unwrap();
    assert_eq!(ids(&page(Concern::Account, place, 9)), [id(3), id(1)]);
    let last = page(Concern::Treatments, None, 9).pop().unwrap();
    assert_eq!((last.cancelled_by, last.kind, last.body.as_str()), (Some(id(9)), Kind::Settlement, "{}"));
    assert!(storage.records_of(2, Concern::Account, None, 9).unwrap().is_empty());
}

pub(super) fn losses(storage: &dyn Storage) {
    let person = insured(1).key;
    let holder = |card, since| HolderRow { card: [card; 12], person, since: Timestamp(since) };
    let (old, new) = (holder(1, 10), holder(2, 20));
    let foreign = HolderRow { person: insured(2).key, ..holder(3, 30) };
    storage.transact(&mut |t| t.put_holders(&[old, new, foreign])).unwrap();
    assert_eq!(storage.holder([1; 12]).unwrap(), Some(old));
    assert_eq!(storage.holder([9; 12]).unwrap(), None);
    storage.set_cards(&[([1; 12], Some(BlockReason::Replaced))], Timestamp(40)).unwrap();
    let report = NewLoss { person, at: Timestamp(50), terminal: terminal(1), shown: false };
    let row = storage.report_loss(&report, &[[1; 12], [2; 12]]).unwrap();
    assert_eq!((row.number, row.locked, row.before), (1, 1, 1));
    // What was blocked for another reason stays so; the feed tells of the new one alone.
    let cards = storage.cards_of(person, 9).unwrap();
    let blocked: Vec<_> = cards.iter().map(|card| (card.card, card.blocked)).collect();
    assert_eq!(
        blocked,
        [
            ([2; 12], Some((BlockReason::Lost, Timestamp(50)))),
            ([1; 12], Some((BlockReason::Replaced, Timestamp(40))))
        ]
    );
    assert_eq!(
        storage.changes(1, 9).unwrap(),
        [(2, Change::CardBlocked { card: [2; 12], reason: BlockReason::Lost })]
    );
    // The same again changes nothing; a card that staff has freed is locked anew.
    let again = storage.report_loss(&report, &[[1; 12], [2; 12]]).unwrap();
    assert_eq!((again.number, again.locked, again.before), (2, 0, 2));
    assert_eq!(storage.newest().unwrap(), 2);
    storage.set_cards(&[([2; 12], None)], Timestamp(60)).unwrap();
    assert_eq!(storage.report_loss(&report, &[[2; 12]]).unwrap().locked, 1);
    assert_eq!(storage.losses(2).unwrap().iter().map(|row| row.number).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(storage.owed(person).unwrap(), Fen::ZERO);
    let refund = |number, owed| RefundRow { of: id(number), person, owed: Fen(owed) };
    storage.transact(&mut |t| t.put_refunds(&[refund(1, 5), refund(2, 7), refund(3, 0)])).unwrap();
    assert_eq!(storage.owed(person).unwrap(), Fen(12));
}

pub(super) fn asking(storage: &dyn Storage) {
    let (person, other) = (insured(1).key, insured(2).key);
    let row = |at, number, person, ending| AskedRow {
        at: Timestamp(at),
        terminal: terminal(number),
        person,
        subject: Subject::Movements,
        ending,
        operator: (number == 1).then(|| "0017".into()),
    };
    let rows = [
        row(10, 1, person, Ending::Answered),
        row(20, 1, person, Ending::NotThisName),
        row(30, 1, other, Ending::NotShown),
        row(40, 2, person, Ending::Answered),
    ];
    for asked in &rows {
        storage.note_asked(asked).unwrap();
    }
    let counts = storage.asked_since(terminal(1), person, Timestamp(10), Timestamp(0)).unwrap();
    assert_eq!((counts.about_person, counts.by_terminal), (1, 2));
    assert_eq!((counts.wrong_names_person, counts.wrong_names_terminal), (1, 1));
    let later = storage.asked_since(terminal(1), person, Timestamp(20), Timestamp(20)).unwrap();
    assert_eq!((later.wrong_names_person, later.wrong_names_terminal, later.by_terminal), (0, 0, 1));
    assert_eq!(
        storage.asked(None, 9).unwrap(),
        [&rows[3], &rows[2], &rows[1], &rows[0]].map(AskedRow::clone)
    );
    assert_eq!(storage.asked(Some(other), 9).unwrap(), [rows[2].clone()]);
    assert_eq!(storage.asked(None, 1).unwrap(), [rows[3].clone()]);

    assert_eq!(storage.desk(terminal(1)).unwrap(), None);
    let desk = |desk, district: Option<&str>| DeskRow {
        terminal: terminal(1),
        desk,
        district: district.map(|district| RegionCode::parse(district).unwrap()),
    };
    for set in [desk(Desk::Kiosk, Some("430102")), desk(Desk::Tax, None)] {
        storage.set_desk(&set).unwrap();
        assert_eq!(storage.desk(terminal(1)).unwrap(), Some(set));
    }
    let place = PlaceRow { terminal: terminal(1), latitude_millionths: 28, longitude_millionths: -5 };
    storage.set_place(&place).unwrap();
    let found = Place { latitude_millionths: 28, longitude_millionths: -5 };
    assert_eq!(storage.place(terminal(1)).unwrap(), Some(found));
    assert_eq!(storage.place(terminal(2)).unwrap(), None);
}

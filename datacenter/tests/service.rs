//! Public service over the real ports: who is answered, who is refused, and what a report of loss does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use card_spec::generation::Algorithm;
use datacenter::{
    service::{ANSWERS_PER_PERSON_MAX, WRONG_NAMES_PER_PERSON_MAX, name_digest},
    storage::service::{DeskRow, Ending},
};
use protocol::{
    calendar::{Day, Period},
    evidence::{HolderProof, ManualReason, Way},
    feed::{BlockReason, Change, PersonAnswer, PersonQuery, SignedPage},
    problem::ProblemKind,
    record::{Business, Cancellation, Refund},
    service::{
        Account, Asker, Cursor, Desk, DocumentChanges, DocumentKind, Locked, LossReport, MONTHS_MAX,
        MovementKind, PAGE_ROWS_MAX, PROOF_AGE_MS_MAX, PROOF_AHEAD_MS_MAX, PersonalAnswer, PersonalQuestion,
        PersonalReply, PersonalRequest, PublicAnswer, PublicQuestion, PublicReply, Search, SeekWork,
        Treatments,
        document::{CHANGES_MAX, PURPOSE},
    },
    signature::Signed,
};
use rig::{Client, Rig, Terminal, cards::Card, city, person};

/// A rig with a kiosk, and a card of person 3.
fn kiosk() -> (Rig, Terminal, Card) {
    let (rig, terminal) = rig::cards::rig();
    set_desk(&rig, &terminal, Desk::Kiosk);
    (rig, terminal, Card::new(Algorithm::Sm4, 3))
}

fn set_desk(rig: &Rig, terminal: &Terminal, desk: Desk) {
    rig.center.service.set_desk(&DeskRow { terminal: terminal.id, desk, district: Some(city()) }).unwrap();
}

fn proof(rig: &Rig, card: &Card) -> HolderProof {
    HolderProof { card_id: hex::encode_upper(card.id), at: rig.clock_now(), way: Way::Pin }
}

fn asking(rig: &Rig, card: &Card, question: PersonalQuestion) -> PersonalRequest {
    PersonalRequest {
        asker: Asker { person: card.person, proof: proof(rig, card) },
        question,
        operator: Some("0017".into()),
    }
}

fn ask(client: &Client, request: &PersonalRequest) -> Result<PersonalAnswer, ProblemKind> {
    let reply = client.post("/v1/service/personal", request).unwrap();
    if reply.status == 200 { Ok(reply.json::<PersonalReply>().answer) } else { Err(reply.problem()) }
}

fn movements(after: Option<Cursor>, rows: u8) -> PersonalQuestion {
    PersonalQuestion::Movements { after, rows }
}

fn endings(rig: &Rig) -> Vec<Ending> {
    rig.center.production.storage().asked(None, 1_000).unwrap().iter().map(|row| row.ending).collect()
}

#[test]
fn only_a_fresh_and_sufficient_proof_of_the_persons_own_card_is_answered() {
    let (rig, terminal, card) = kiosk();
    let other = Card::new(Algorithm::Sm4, 4);
    let key = |card: &Card| *card.id.first_chunk::<12>().unwrap();
    rig.center
        .production
        .set_holders(&[(key(&card), card.person.key()), (key(&other), other.person.key())])
        .unwrap();
    let running = rig.start();
    let client = terminal.client(&running);
    let good = asking(&rig, &card, PersonalQuestion::Cards);
    assert!(ask(&client, &good).is_ok());

    let with = |change: &dyn Fn(&mut PersonalRequest)| {
        let mut request = good.clone();
        change(&mut request);
        ask(&client, &request)
    };
    let not_shown = Err(ProblemKind::HolderNotShown);
    let clerk_alone = Way::PinAndClerk {
        reason: ManualReason::NoSensor,
        no_matches: 0,
        clerk: " ".into(),
        second_clerk: None,
    };
    for (what, answer) in [
        ("another person's card", with(&|request| request.asker.proof.card_id = hex::encode(other.id))),
        ("another person", with(&|request| request.asker.person = person(4))),
        ("no card", with(&|request| request.asker.proof.card_id = "00".into())),
        (
            "too old",
            with(&|request| {
                request.asker.proof.at = rig.clock_now().plus_ms(-PROOF_AGE_MS_MAX - 1);
            }),
        ),
        (
            "of a time to come",
            with(&|request| {
                request.asker.proof.at = rig.clock_now().plus_ms(PROOF_AHEAD_MS_MAX + 1);
            }),
        ),
        ("a proof that makes no sense", with(&|request| request.asker.proof.way = clerk_alone.clone())),
    ] {
        assert_eq!(answer, not_shown, "{what}");
    }
    assert!(with(&|r| r.asker.proof.at = rig.clock_now().plus_ms(-PROOF_AGE_MS_MAX)).is_ok());
    assert!(with(&|r| r.asker.proof.way = Way::Finger(rig::claims::finger_match())).is_ok());
    assert_eq!(with(&|r| r.question = movements(None, 0)), Err(ProblemKind::Malformed));
    assert_eq!(with(&|r| r.question = movements(None, PAGE_ROWS_MAX + 1)), Err(ProblemKind::Malformed));
    let strange = Cursor { rank: 5, name: "x".into() };
    assert_eq!(with(&|r| r.question = movements(Some(strange.clone()), 5)), Err(ProblemKind::Malformed));
    let until = Period::from_number(202_611).unwrap();
    let months = PersonalQuestion::Contributions { until, months: MONTHS_MAX + 1 };
    assert_eq!(with(&|r| r.question = months.clone()), Err(ProblemKind::Malformed));

    // A blocked card hears about itself and nothing else.
    rig.center.production.set_cards(&[(key(&card), Some(BlockReason::Fraud))]).unwrap();
    assert_eq!(with(&|r| r.question = movements(None, 5)), Err(ProblemKind::CardBlocked));
    let Ok(PersonalAnswer::Cards(cards)) = with(&|_| {}) else { panic!("no cards") };
    assert_eq!((cards.cards.len(), cards.cards[0].blocked), (1, Some(BlockReason::Fraud)));

    // Everything about a person was written down, with how it ended; what cannot be read is about nobody.
    let endings = endings(&rig);
    assert_eq!(endings.iter().filter(|ending| **ending == Ending::NotShown).count(), 6);
    assert_eq!(endings.iter().filter(|ending| **ending == Ending::CardBlocked).count(), 1);
    assert_eq!(endings.len(), 11);
    running.stop();
}

#[test]
fn strangers_blocked_terminals_and_desks_without_a_right_hear_nothing() {
    let (rig, terminal, card) = kiosk();
    let running = rig.start();
    let client = terminal.client(&running);
    let enrolment = terminal.enrolment.as_ref().unwrap();
    let stranger = Client::new(&enrolment.authority, running.terminals.port(), None);
    // Without a certificate there is not even a connection.
    assert!(stranger.post("/v1/service/public", &PublicQuestion::Articles(Search::default())).is_err());
    let on_enrolment = Client::new(&enrolment.authority, running.enrolment.port(), None);
    let request = asking(&rig, &card, PersonalQuestion::Unemployment);
    let reply = on_enrolment.post("/v1/service/personal", &request).unwrap();
    assert_eq!(reply.problem(), ProblemKind::NotFound);

    let desks = [
        (Desk::Hospital, PersonalQuestion::Unemployment),
        (Desk::Pharmacy, PersonalQuestion::Treatments { after: None, rows: 5 }),
        (Desk::Bank, PersonalQuestion::Treatments { after: None, rows: 5 }),
        (Desk::Tax, movements(None, 5)),
    ];
    for (desk, question) in desks {
        set_desk(&rig, &terminal, desk);
        let request = asking(&rig, &card, question);
        assert_eq!(ask(&client, &request), Err(ProblemKind::Forbidden), "{desk:?}");
    }
    // A terminal of which nothing is written down has the rights of a hospital's counter.
    let new = rig.terminal(9);
    let answer = ask(&new.client(&running), &asking(&rig, &card, PersonalQuestion::Seeker));
    assert_eq!(answer, Err(ProblemKind::Forbidden));
    assert!(ask(&new.client(&running), &asking(&rig, &card, PersonalQuestion::Cards)).is_ok());
    assert_eq!(endings(&rig).iter().filter(|ending| **ending == Ending::NoRight).count(), 5);

    rig.center.access.set_blocked(terminal.id, true).unwrap();
    let request = asking(&rig, &card, PersonalQuestion::Cards);
    assert_eq!(ask(&client, &request), Err(ProblemKind::TerminalUnknown));
    running.stop();
}

#[test]
fn too_many_questions_about_one_person_have_to_wait() {
    let (rig, terminal, card) = kiosk();
    let service = &rig.center.service;
    let request = asking(&rig, &card, PersonalQuestion::Dues);
    for _ in 0..ANSWERS_PER_PERSON_MAX {
        service.personal(terminal.id, &request).unwrap();
    }
    let refused = service.personal(terminal.id, &request).unwrap_err();
    assert_eq!((refused.kind, refused.status), (ProblemKind::TooMany, 429));
    // Nobody else is concerned, and an hour later nobody is.
    let other = Card::new(Algorithm::Sm4, 4);
    assert!(service.personal(terminal.id, &asking(&rig, &other, PersonalQuestion::Dues)).is_ok());
    rig.clock.advance_ms(3_600_000);
    assert!(service.personal(terminal.id, &asking(&rig, &card, PersonalQuestion::Dues)).is_ok());
}

#[test]
fn the_account_and_the_treatments_are_those_of_the_booked_records() {
    let (rig, mut terminal, mut card) = kiosk();
    card.balance = card_spec::money::Fen(500_000);
    let (visit, none) = (card.settlement(terminal.id, 10_000), card.settlement(terminal.id, 0));
    let (first, second) = (rig.dice.id(), rig.dice.id());
    let amounts = visit.amounts;
    rig::cards::book(&rig, &mut terminal, first, Business::Settlement(Box::new(visit.clone())));
    rig::cards::book(&rig, &mut terminal, second, Business::Settlement(Box::new(none)));
    let back = Cancellation {
        of: first,
        person: card.person,
        amounts: amounts.negated(),
        refund: Refund::Owed { amount: amounts.acct_pay },
    };
    rig::cards::book(&rig, &mut terminal, rig.dice.id(), Business::Cancellation(Box::new(back)));
    let stranger = Card::new(Algorithm::Sm4, 5).settlement(terminal.id, 7_000);
    rig::cards::book(&rig, &mut terminal, rig.dice.id(), Business::Settlement(Box::new(stranger)));
    let service = &rig.center.service;
    let account = |question| -> Account {
        match service.personal(terminal.id, &asking(&rig, &card, question)).unwrap().answer {
            PersonalAnswer::Movements(account) => account,
            other => panic!("{other:?}"),
        }
    };
    let all = account(movements(None, 50));
    assert_eq!(all.next, None);
    assert_eq!(all.owed, amounts.acct_pay);
    let kinds: Vec<_> = all.movements.iter().map(|movement| (movement.kind, movement.amount)).collect();
    assert!(kinds.contains(&(MovementKind::Cancellation, amounts.acct_pay)));
    assert!(kinds.contains(&(MovementKind::Purchase, -amounts.acct_pay)));
    assert_eq!(kinds.len(), 2, "a settlement that moved no account money is none");
    let purchase = all.movements.iter().find(|movement| movement.id == first).unwrap();
    let on_card = visit.card.unwrap();
    assert_eq!(purchase.balance, Some(on_card.balance_before - on_card.account));
    assert_eq!(purchase.institution, rig::institution().name);
    // Page by page the same.
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = account(movements(after, 1));
        assert_eq!(page.movements.len(), 1);
        paged.extend(page.movements);
        after = match page.next {
            Some(next) => Some(next),
            None => break,
        };
    }
    assert_eq!(paged, all.movements);

    let question = PersonalQuestion::Treatments { after: None, rows: 9 };
    let answer = service.personal(terminal.id, &asking(&rig, &card, question)).unwrap().answer;
    let PersonalAnswer::Treatments(Treatments { treatments, next: None }) = answer else { panic!() };
    assert_eq!(treatments.len(), 2);
    let cancelled = treatments.iter().find(|treatment| treatment.id == first).unwrap();
    assert!(cancelled.cancelled_by.is_some() && cancelled.amounts == amounts);
    assert!(cancelled.amounts.balanced() && !cancelled.rules_version.is_empty());
    assert_eq!(treatments.iter().find(|treatment| treatment.id == second).unwrap().cancelled_by, None);
}

#[test]
fn a_report_of_loss_locks_the_cards_for_every_terminal() {
    let (rig, terminal, card) = kiosk();
    let replaced = Card::new(Algorithm::Sm4, 9);
    let key = |card: &Card| *card.id.first_chunk::<12>().unwrap();
    let holders = [(key(&card), card.person.key()), (key(&replaced), card.person.key())];
    rig.center.production.set_holders(&holders).unwrap();
    let running = rig.start();
    let (client, elsewhere) = (terminal.client(&running), rig.terminal(2).client(&running));
    let report = |this_card| LossReport {
        person: card.person,
        proof: Some(proof(&rig, &card)),
        name: None,
        this_card,
    };
    let locked: Locked = client.post("/v1/service/loss", &report(false)).unwrap().json();
    assert_eq!((locked.locked, locked.before), (1, 0));
    let blocked = |card: &Card| -> Option<BlockReason> {
        let query = PersonQuery { person: card.person, card: Some(key(card)) };
        elsewhere.post("/v1/person", &query).unwrap().json::<PersonAnswer>().blocked
    };
    assert_eq!((blocked(&card), blocked(&replaced)), (None, Some(BlockReason::Lost)));
    let again: Locked = client.post("/v1/service/loss", &report(false)).unwrap().json();
    assert_eq!((again.locked, again.before), (0, 1));
    let both: Locked = client.post("/v1/service/loss", &report(true)).unwrap().json();
    assert_eq!((both.locked, both.before), (1, 1));
    // Every terminal hears of it with its next page.
    let bytes = elsewhere.get("/v1/feed").unwrap().bytes;
    let page: SignedPage = postcard::from_bytes(&bytes).unwrap();
    let page = page.open(&rig.center.production.public_key()).unwrap();
    for card in [&card, &replaced] {
        let told = Change::CardBlocked { card: key(card), reason: BlockReason::Lost };
        assert!(page.changes.contains(&told));
    }
    // No terminal can lift it: there is no such question. Staff can.
    rig.center.production.set_cards(&[(key(&card), None)]).unwrap();
    assert_eq!(blocked(&card), None);
    assert_eq!(rig.center.production.storage().losses(9).unwrap().len(), 3);
    running.stop();
}

#[test]
fn without_a_card_the_name_has_to_be_right() {
    let (rig, terminal, card) = kiosk();
    let key = *card.id.first_chunk::<12>().unwrap();
    rig.center.production.set_holders(&[(key, card.person.key())]).unwrap();
    let file = format!("person,paid_until,name\n{},2026-11,欧阳·晓 月\n", card.person.as_str());
    let people = datacenter::production::people_file::PeopleFile::new(file.as_bytes());
    rig.center.production.import_people(people, |_| {}).unwrap();
    assert_eq!(
        rig.center.production.storage().name(card.person.key()).unwrap(),
        Some(name_digest(card.person.key(), "欧阳晓月"))
    );
    let service = &rig.center.service;
    let report =
        |person, name: &str| LossReport { person, proof: None, name: Some(name.into()), this_card: false };
    let kind = |result: Result<Locked, protocol::problem::Problem>| result.unwrap_err().kind;
    // Somebody else who has a card, or none of whom anything is known.
    assert_eq!(
        kind(service.report_loss(terminal.id, &report(person(77), "欧阳晓月"))),
        ProblemKind::HolderNotShown
    );
    assert_eq!(kind(service.report_loss(terminal.id, &report(card.person, " "))), ProblemKind::Malformed);
    let neither = LossReport { name: None, ..report(card.person, "") };
    assert_eq!(kind(service.report_loss(terminal.id, &neither)), ProblemKind::Malformed);
    for _ in 0..WRONG_NAMES_PER_PERSON_MAX {
        let refused = kind(service.report_loss(terminal.id, &report(card.person, "欧阳小月")));
        assert_eq!(refused, ProblemKind::HolderNotShown);
    }
    // Guessing is over for today, also with the right name; elsewhere too.
    assert_eq!(
        kind(service.report_loss(rig.terminal(3).id, &report(card.person, "欧阳晓月"))),
        ProblemKind::TooMany
    );
    assert_eq!(rig.center.production.storage().card_blocked(key).unwrap(), None);
    rig.clock.advance_ms(rig::DAY_MS + 1);
    let locked = service.report_loss(terminal.id, &report(card.person, "欧阳 晓月")).unwrap();
    assert_eq!((locked.locked, locked.report), (1, 1));
    assert_eq!(rig.center.production.storage().card_blocked(key).unwrap(), Some(BlockReason::Lost));
    // The audit and the lists of the console hold neither number nor name.
    let said = format!("{:?} {:?}", report(card.person, "欧阳晓月"), endings(&rig));
    assert!(!said.contains("晓月") && !said.contains(card.person.as_str()));
}

#[test]
fn seeking_work_is_one_registration_that_runs_out() {
    let (rig, terminal, card) = kiosk();
    let service = &rig.center.service;
    let seek = |wish: &str, phone: &str| SeekWork {
        wish: wish.into(),
        district: city(),
        wage_min: card_spec::money::Fen(300_000),
        phone: phone.into(),
    };
    let work = |question| match service.personal(terminal.id, &asking(&rig, &card, question)) {
        Ok(PersonalReply { answer: PersonalAnswer::Work(work), .. }) => Ok(work.seeker),
        Ok(other) => panic!("{other:?}"),
        Err(problem) => Err(problem.kind),
    };
    assert_eq!(work(PersonalQuestion::Seeker), Ok(None));
    for (wish, phone) in
        [("", "000-00001"), ("电工", "1234"), ("电工", "电话00000"), (&"长".repeat(50), "00000")]
    {
        assert_eq!(work(PersonalQuestion::SeekWork(seek(wish, phone))), Err(ProblemKind::Malformed));
    }
    work(PersonalQuestion::SeekWork(seek("电工", "000-00001"))).unwrap();
    let kept = work(PersonalQuestion::SeekWork(seek("焊工", "000-00002"))).unwrap().unwrap();
    assert_eq!(work(PersonalQuestion::Seeker), Ok(Some(kept.clone())));
    assert!(kept.until > Day::of(rig.clock_now()) && !format!("{kept:?}").contains("00002"));
    assert_eq!(work(PersonalQuestion::StopSeekingWork), Ok(None));
    work(PersonalQuestion::SeekWork(seek("厨师", "000-00003"))).unwrap();
    rig.clock.advance_ms(190 * rig::DAY_MS);
    assert_eq!(work(PersonalQuestion::Seeker), Ok(None), "half a year later");
}

#[test]
fn public_documents_are_imported_whole_searched_and_streamed() {
    let (rig, terminal, _) = kiosk();
    let service = &rig.center.service;
    let today = Day::of(rig.clock_now());
    let header =
        "code,title,employer,district,address,wage_min_fen,wage_max_fen,places,text,phone,published,until\n";
    let row = |number: u32, district: &str, until: Day| {
        format!("V{number},电工{number},厂,{district},路,300000,400000,1,\"做,事\",0,2020-01-01,{until}\n")
    };
    let mut file = header.to_owned();
    for number in 0..300 {
        file += &row(number, if number % 3 == 0 { "430100" } else { "430102" }, today);
    }
    file += &row(300, "430100", today.plus_days(-1));
    let import = |text: &str, all| service.import_documents(DocumentKind::Vacancy, text.as_bytes(), all);
    let done = import(&file, true).unwrap();
    assert_eq!((done.read, done.changed), (301, 301));
    assert_eq!(import(&file, true).unwrap().changed, 0);
    // A wrong row takes the whole file back, and says where.
    for (text, place) in [
        (file.replace("300000,400000,1", "500000,400000,1"), "line 2, column 26: no valid wage_max_fen"),
        (file.clone() + &row(7, "430100", today), "line 303, column 1: no valid code"),
        (format!("{header}V1,电工\n"), "line 2, column 6: fewer fields"),
    ] {
        let error = import(&text, true).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
    let running = rig.start();
    let client = terminal.client(&running);
    let question = PublicQuestion::Vacancies(Search { rows: 20, ..Search::of("电工") });
    let reply: PublicReply = client.post("/v1/service/public", &question).unwrap().json();
    let PublicAnswer::Vacancies(list) = reply.answer else { panic!() };
    assert_eq!((list.total, list.vacancies.len()), (300, 20), "the one that is over is not shown");
    assert!(list.vacancies.iter().all(|line| line.near), "those of the terminal's district first");
    let too_long = PublicQuestion::Vacancies(Search::of("长".repeat(60)));
    let refused = client.post("/v1/service/public", &too_long).unwrap();
    assert_eq!(refused.problem(), ProblemKind::Malformed);

    // The stream: in pages, signed, to the end; then what changes.
    let page = |epoch, after| -> DocumentChanges {
        let path = format!("/v1/service/documents?epoch={epoch}&after={after}");
        let signed: Signed = client.get(&path).unwrap().json();
        signed.open(&rig.center.production.public_key(), PURPOSE).unwrap()
    };
    let first = page(0, 0);
    assert!(first.sound() && first.changes.len() == CHANGES_MAX && first.newest == 301);
    assert_eq!(first.here.district, Some(city()));
    let second = page(first.epoch, first.upto);
    assert_eq!((second.upto, second.changes.len()), (301, 101));
    assert!(page(first.epoch, 301).changes.is_empty());
    assert_eq!(page(first.epoch + 1, 301).after, 0, "another generation starts from nothing");
    let beyond = client.get(&format!("/v1/service/documents?epoch={}&after=302", first.epoch)).unwrap();
    assert_eq!(beyond.problem(), ProblemKind::Malformed);
    import(&(header.to_owned() + &row(1, "430102", today)), true).unwrap();
    let gone = page(first.epoch, 301);
    assert_eq!(gone.changes.iter().filter(|change| change.document.is_none()).count(), CHANGES_MAX);
    running.stop();
}

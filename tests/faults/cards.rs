//! Cards that may not settle, each with its message, its exit code, and nothing taken.

use card_spec::{card_id::CardId, date::Date, file::Application, generation::Generation, region::RegionCode};
use protocol::feed::{BlockReason, Person as Entry, PersonState};
use sim::{
    fault::{Fault, Plan},
    image::{CardImage, FileBody},
    personalise::{Flaw, bank_card, health_card},
};
use tests::{
    PLANTED_PIN,
    books::{agree, rows},
    holder::CardState,
    jinbao::Answer,
    scene::{Scene, text},
};

/// A visit that is refused before any money is asked for: in Chinese and in English.
struct Refused {
    exit: i32,
    kind: &'static str,
    chinese: &'static str,
    english: &'static str,
}

const fn refused(exit: i32, kind: &'static str, chinese: &'static str, english: &'static str) -> Refused {
    Refused { exit, kind, chinese, english }
}

/// The card that lies in the slot is refused; nothing is in the books, and its account is as it was.
#[track_caller]
fn refuses(scene: &mut Scene, what: &str, expected: &Refused) -> Answer {
    let bill = scene.bill(&["10.00"]);
    let before = std::fs::read(&scene.card).unwrap();
    let visit = ["visit", "--bill", text(&bill)];
    let mut last = None;
    for (language, words) in [("zh", expected.chinese), ("en", expected.english)] {
        let answer = scene.run(&[&visit[..], &["--lang", language]].concat(), &[PLANTED_PIN]);
        let said = answer.refused(expected.exit, expected.kind);
        assert!(said.contains(words), "{what}: {words}: {answer:?}");
        assert!(answer.json["error"]["advice"].is_string(), "{what}: what to do next: {answer:?}");
        assert_ne!(answer.json["error"]["money"], "unknown", "{what}");
        last = Some(answer);
        scene.put_in_again();
    }
    let queue = scene.run(&["queue", "list"], &[]).done();
    assert_eq!(rows(&queue.json).len(), 0, "{what}: nothing is in the books");
    assert_eq!(before, std::fs::read(&scene.card).unwrap(), "{what}: the card is as it was");
    last.unwrap()
}

#[test]
fn cards_that_are_none_or_not_ours() {
    let mut scene = Scene::at_reader("cards-foreign", Generation::Three);
    for (image, what, expected) in [
        (bank_card(), "bank card", refused(3, "card", "不是社会保障卡", "not a social security card")),
        (health_card(), "health card", refused(3, "card", "健康卡", "health card")),
    ] {
        scene.take_card(image);
        refuses(&mut scene, what, &expected);
    }
    scene.take_order(Generation::Three, |order| order);
    for (fault, what, expected) in [
        (Fault::Mute, "mute card", refused(3, "card", "没有应答", "does not answer")),
        (
            Fault::GarbageAtr { bytes: vec![0x5A, 0xA5, 0x00] },
            "garbage",
            refused(3, "card", "复位应答", "answer to reset"),
        ),
    ] {
        scene.put_in(fault);
        refuses(&mut scene, what, &expected);
    }
    scene.put_in(Plan::none());
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn cards_that_are_damaged_or_blocked() {
    let mut scene = Scene::in_process("cards-damaged", Generation::Three);
    let table = [
        (Flaw::Forged, refused(4, "card", "伪", "genuine")),
        (Flaw::PinBlocked, refused(3, "card", "锁定", "blocked")),
        (Flaw::CardBlocked, refused(3, "card", "锁定", "blocked")),
        (Flaw::Ssf33, refused(3, "card", "算法", "algorithm")),
        (Flaw::BadName, refused(3, "card", "文字编码", "GBK")),
        (Flaw::TruncatedRecord { tag: 0x08, bytes: 9 }, refused(3, "card", "不完整", "cut short")),
        (Flaw::MissingRecord { tag: 0x09 }, refused(3, "card", "卡", "card")),
        (
            Flaw::Value { tag: 0x08, value: b"320300199002300011".to_vec() },
            refused(3, "card", "社会保障号码", "person number"),
        ),
        (
            Flaw::ApplicationBlocked { directory: 0xDF04, permanent: false },
            refused(3, "card", "锁定", "blocked"),
        ),
        (
            Flaw::ApplicationBlocked { directory: 0xDF04, permanent: true },
            refused(3, "card", "永久", "for good"),
        ),
        (Flaw::DatesMissing, refused(3, "not_eligible", "尚未发行", "never issued")),
    ];
    for (flaw, expected) in table {
        for generation in [Generation::Two, Generation::Three] {
            if flaw == Flaw::Ssf33 && generation == Generation::Three {
                continue;
            }
            let what = format!("{flaw:?} on {generation:?}");
            scene.take_order(generation, |order| order.flaw(flaw.clone()));
            refuses(&mut scene, &what, &expected);
        }
    }
    // Not a flaw that stops anything: how some published cards write dates and versions.
    scene.take_order(Generation::Two, |order| order.flaw(Flaw::SloppyText));
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn cards_out_of_their_time_and_on_the_blacklist() {
    let mut scene = Scene::in_process("cards-time", Generation::Two);
    let day = |year, month, day| Date::new(year, month, day).unwrap();
    scene.take_order(Generation::Two, |order| order.issued(day(2014, 1, 15)));
    refuses(&mut scene, "expired", &refused(3, "not_eligible", "有效期", "expired"));
    scene.take_order(Generation::Two, |order| order.issued(day(2090, 1, 15)));
    refuses(&mut scene, "early", &refused(3, "not_eligible", "启用日期", "not valid yet"));

    scene.take_order(Generation::Two, |order| order);
    let card = card_key(&scene);
    for (reason, expected) in [
        (BlockReason::Lost, refused(3, "not_eligible", "挂失", "reported lost")),
        (BlockReason::Replaced, refused(3, "not_eligible", "换发", "replaced")),
        (BlockReason::Deceased, refused(4, "not_eligible", "去世", "dead")),
        (BlockReason::Fraud, refused(4, "not_eligible", "稽核", "under investigation")),
    ] {
        scene.center.set_card(card, Some(reason));
        scene.run(&["sync"], &[]).done();
        refuses(&mut scene, "blacklisted", &expected);
    }
    scene.center.set_card(card, None);
    scene.run(&["sync"], &[]).done();
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn people_who_may_not_settle() {
    let mut scene = Scene::in_process("people", Generation::Three);
    let entry = scene.holder.entry();
    let changed = |change: &dyn Fn(&mut Entry)| {
        let mut entry = entry;
        change(&mut entry);
        entry
    };
    for (entry, expected) in [
        (
            changed(&|entry| entry.state = PersonState::Suspended),
            refused(3, "not_eligible", "暂停", "suspended"),
        ),
        (changed(&|entry| entry.state = PersonState::Ended), refused(3, "not_eligible", "终止", "ended")),
        (changed(&|entry| entry.paid_until -= 7), refused(3, "not_eligible", "只缴到", "paid up to")),
        (changed(&|entry| entry.state = PersonState::Deceased), refused(4, "not_eligible", "去世", "dead")),
    ] {
        scene.center.put_people(&[entry]);
        scene.run(&["sync"], &[]).done();
        refuses(&mut scene, "person", &expected);
    }
    // Paid up again: the terminal's copy is old, the center is asked.
    scene.center.put_people(&[changed(&|entry| entry.state = PersonState::Suspended)]);
    scene.run(&["sync"], &[]).done();
    scene.center.put_people(&[entry]);
    let bill = scene.bill(&["10.00"]);
    let visit = scene.visit(&bill).done();
    assert_eq!(visit.text("/eligibility"), "center");
    agree(&scene);
    scene.end();
}

#[test]
fn cards_of_another_city() {
    let mut scene = Scene::in_process("cards-other-city", Generation::Three);
    let elsewhere = RegionCode::parse("430100").unwrap();
    // Issued elsewhere, insured here: the center books it, its security module knows the other city's keys too.
    scene.take_order(Generation::Three, |order| order.city(elsewhere));
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    agree(&scene);

    // Insured elsewhere as well: nobody here knows the person.
    let mut stranger = Scene::in_process("cards-stranger", Generation::Three);
    let key = stranger.holder.person.number.key();
    stranger.center.production().storage().remove_people(&[key]).unwrap();
    stranger.run(&["sync"], &[]).done();
    stranger.take_order(Generation::Three, |order| order.city(elsewhere));
    refuses(&mut stranger, "stranger", &refused(3, "not_eligible", "参保地不在本市", "another city"));
    stranger.center.stop();
    refuses(&mut stranger, "stranger, line down", &refused(6, "not_eligible", "外地卡", "another city"));
    // Issued here, and the register does not know the person.
    stranger.take_order(Generation::Three, |order| order);
    refuses(&mut stranger, "unknown, line down", &refused(6, "not_eligible", "没有这位", "does not know"));
    stranger.center.open();
    refuses(&mut stranger, "unknown", &refused(3, "not_eligible", "没有这位", "no record"));
    scene.end();
    stranger.end();
}

#[test]
fn pins() {
    let mut scene = Scene::at_reader("pins", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let visit = ["visit", "--bill", text(&bill)].map(str::to_owned);
    let visit: Vec<&str> = visit.iter().map(String::as_str).collect();
    let tries = |scene: &Scene| CardState::of(&scene.card).pin_tries_left;

    // What is no PIN never reaches the card, nor does no entry at all.
    for entry in [&["12ab"][..], &["123"], &["1234567890123"], &[""], &[]] {
        scene.run(&visit, entry).refused(3, "card");
    }
    assert_eq!(tries(&scene), 3);
    // Each entry by the holder is one VERIFY, no more.
    for left in [2, 1, 0] {
        let wrong = scene.run(&visit, &["000000", "000000", "000000"]);
        wrong.refused(3, "card");
        assert_eq!(tries(&scene), left, "{wrong:?}");
    }
    let blocked = scene.run(&visit, &[PLANTED_PIN]);
    assert!(blocked.refused(3, "card").contains("blocked"), "{blocked:?}");
    // A supervisor who has seen the holder's papers opens it.
    scene.run(&["card", "pin", "unblock"], &[]).done();
    assert_eq!(tries(&scene), 3);
    scene.visit(&bill).done();
    agree(&scene);

    // As it was issued: no business before the PIN is the holder's own.
    scene.take_order(Generation::Three, |order| order.pin("123456"));
    scene.balance_fen = 0;
    let initial = scene.run(&visit, &["123456"]);
    assert!(initial.refused(3, "card").contains("initial PIN"), "{initial:?}");
    assert_eq!(CardState::of(&scene.card).offline_serial, 0);
    scene.run(&["card", "pin", "change"], &["123456", "888888", "888888"]).refused(3, "card");
    scene.run(&["card", "pin", "change"], &["123456", "904713", "904714"]).refused(3, "card");
    scene.run(&["card", "pin", "change"], &["123456", PLANTED_PIN, PLANTED_PIN]).done();
    scene.visit(&bill).done();
    assert_eq!(CardState::of(&scene.card).offline_serial, 1);
    scene.end();
}

/// Whatever a chip or the line to it may answer: an error with a way on, never a panic, never a wrong book.
#[test]
fn wrong_status_words_and_short_answers_at_every_command() {
    let mut scene = Scene::in_process("wrong-answers", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let commands = scene.visit(&bill).done().number("/card_commands") as u32;
    let mut dice = tests::seed::Dice(scene.seed);
    let words = [0x6F00, 0x6581, 0x6A82, 0x6982, 0x6985, 0x9400, 0x6283];
    let mut refused = 0;
    for command in 1..=commands {
        let status = words[dice.below(words.len() as u64) as usize];
        let bytes = dice.below(9) as usize;
        for fault in [Fault::StatusWord { command, status }, Fault::Truncate { command, bytes }] {
            let before = CardState::of(&scene.card);
            scene.put_in(Plan::from(fault.clone()));
            let broken = scene.visit(&bill);
            assert!(matches!(broken.code, Some(0 | 3 | 4 | 5 | 7)), "{fault:?}: {broken:?}");
            refused += u32::from(broken.code != Some(0));
            let now = CardState::of(&scene.card);
            assert_eq!(now.pin_tries_left, before.pin_tries_left, "{fault:?}");
            if broken.code != Some(7) {
                let settled = broken.code == Some(0);
                assert_eq!(now.offline_serial != before.offline_serial, settled, "{fault:?}: {broken:?}");
            }
            scene.put_in(Plan::none());
            scene.visit(&bill).done();
            tests::books::agree_without_reconciling(&scene);
        }
    }
    assert!(refused > commands, "most of it is noticed: {refused} of {}", 2 * commands);
    agree(&scene);
    scene.end();
}

/// The card's name on the blacklist: its identification code without the MAC.
fn card_key(scene: &Scene) -> [u8; 12] {
    let Ok(sim::image::Image::Card(image)) = sim::image::load(&scene.card) else { panic!("a card") };
    let record = issuer_record(&image).expect("EF05 holds the identification code");
    CardId::parse(&record[2..18]).unwrap().to_bytes()[..12].try_into().unwrap()
}

fn issuer_record(image: &CardImage) -> Option<Vec<u8>> {
    fn within(directory: &sim::image::DirectoryImage) -> Option<Vec<u8>> {
        let own = (Application::by_name(&directory.name.0) == Some(Application::Ssse)).then(|| {
            let file = directory.files.iter().find(|file| file.id.0 == 0xEF05)?;
            let FileBody::Linear(records) = &file.body else { return None };
            records.iter().find(|record| record.0[0] == 0x01).map(|record| record.0.clone())
        });
        own.flatten().or_else(|| directory.directories.iter().find_map(within))
    }
    within(&image.root)
}

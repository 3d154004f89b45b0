//! Power goes away in the middle of what a card writes.

use card_spec::generation::Generation;
use sim::{
    card::Card,
    eeprom::{PowerCut, Torn},
    fault::{Fault, Plan},
};
use tests::{
    PLANTED_PIN,
    books::{agree, agree_without_reconciling},
    holder::CardState,
    measured::measured,
    scene::Scene,
    seed::Dice,
    side_by_side,
};

/// Cuts in every update of a visit, at several bytes, the first and the last among them.
fn cut_in(test: &str, generation: Generation) {
    side_by_side(3, |part| {
        let (kept, completed) = cut_in_part(&format!("{test}-{part}"), generation, part);
        assert!(kept > 0 && completed > 0, "{kept} cuts left the card as it was, {completed} completed it");
    });
}

fn cut_in_part(test: &str, generation: Generation, part: usize) -> (u32, u32) {
    let mut scene = Scene::at_reader(test, generation);
    let bill = scene.bill(&["10.00"]);
    let (card, writes) = measured(Card::open(&scene.card, scene.seed).unwrap());
    scene.reader.as_mut().unwrap().insert_chip(card, Plan::none());
    scene.visit(&bill).done();
    let updates = writes.updates();
    let mut dice = Dice(scene.seed + part as u64);
    let (mut kept, mut completed) = (0, 0);
    for (command, bytes) in &updates {
        for after_bytes in places(&mut dice, *bytes, part) {
            let torn = match dice.below(3) {
                0 => Torn::Old,
                1 => Torn::Erased,
                _ => Torn::Weak(dice.roll() as u8),
            };
            let cut = PowerCut { after_bytes, torn };
            println!("{test}: command {command} of {updates:?}, {cut:?}");
            let before = CardState::of(&scene.card);
            scene.put_in(Fault::CutInUpdate { command: *command, cut });
            let broken = scene.visit(&bill);
            assert!(matches!(broken.code, Some(3 | 7)), "{cut:?}: {broken:?}");
            let now = CardState::of(&scene.card);
            // A card counts a try before it compares; one cut later has it given back by the next right PIN.
            assert!(now.pin_tries_left >= sim::personalise::PIN_TRIES - 1, "{cut:?}: {broken:?}");
            let debited = now.offline_serial != before.offline_serial;
            match debited {
                false => kept += 1,
                true => completed += 1,
            }
            scene.put_in(Plan::none());
            let next = scene.visit(&bill).done();
            if broken.code == Some(7) {
                assert_eq!(next.json["earlier"]["done"], debited, "{cut:?}: {next:?}");
            } else {
                assert!(!debited, "{cut:?}: {broken:?}");
            }
            agree_without_reconciling(&scene);
        }
    }
    agree(&scene);
    scene.end();
    (kept, completed)
}

/// Places in an update of so many bytes: both halves, where it is prepared and where it is carried out.
fn places(dice: &mut Dice, bytes: usize, part: usize) -> Vec<usize> {
    match part {
        0 => vec![0, bytes / 4, bytes - 1],
        1 => vec![1, bytes / 2, bytes - 2],
        _ => vec![dice.below(bytes as u64 / 2) as usize, bytes * 3 / 4, dice.below(bytes as u64) as usize],
    }
}

#[test]
fn generation_2() {
    cut_in("torn-2", Generation::Two);
}

#[test]
fn generation_3() {
    cut_in("torn-3", Generation::Three);
}

/// The same with a load: money that comes back onto the card.
#[test]
fn in_a_load() {
    let mut scene = Scene::at_reader("torn-load", Generation::Three);
    let person = scene.holder.person.number.key();
    scene.center.production().add_credit(person, card_spec::money::Fen(100_000)).unwrap();
    scene.run(&["load", "1.00"], &[PLANTED_PIN]).done();
    let commands = scene.reader.as_ref().unwrap().commands();
    let mut dice = Dice(scene.seed);
    let mut unknown = 0;
    for command in commands - 2..=commands {
        let after_bytes = dice.below(60) as usize;
        let cut = PowerCut { after_bytes, torn: Torn::Weak(dice.roll() as u8) };
        for fault in
            [Fault::CutInUpdate { command, cut }, Fault::PullBefore { command }, Fault::PullAfter { command }]
        {
            println!("torn-load: {fault:?}");
            scene.put_in(Plan::from(fault.clone()));
            let broken = scene.run(&["load", "2.00"], &[PLANTED_PIN]);
            assert!(matches!(broken.code, Some(0 | 3 | 7)), "{fault:?}: {broken:?}");
            unknown += u32::from(broken.code == Some(7));
            scene.put_in(Plan::none());
            let resolved = scene.run(&["resolve"], &[PLANTED_PIN]).done();
            assert_eq!(
                resolved.json["resolved"].is_null(),
                broken.code != Some(7),
                "{fault:?}: {resolved:?}"
            );
            agree(&scene);
        }
    }
    assert!(unknown > 0, "the credit was among the commands");
    let books = agree(&scene);
    let loaded: i64 = books.loads().iter().map(|amount| amount.0).sum();
    let left = scene.center.production().credit(person).unwrap().0;
    assert_eq!(loaded + left, 100_000, "the center's money is on the card or still there");
    scene.end();
}

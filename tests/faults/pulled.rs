//! The card is pulled at every command of a visit, before it and after it.

use std::sync::atomic::{AtomicU32, Ordering};

use card_spec::generation::Generation;
use serde_json::Value;
use sim::fault::{Fault, Plan};
use tests::{
    books::{agree, agree_without_reconciling},
    holder::CardState,
    scene::Scene,
    side_by_side,
};

/// A visit that is settled, and how many commands the card was sent for it.
fn clean_visit(scene: &mut Scene) -> u32 {
    let bill = scene.bill(&["10.00"]);
    let visit = scene.visit(&bill).done();
    let commands = scene.reader.as_ref().unwrap().commands();
    // The card sees GET RESPONSE as well.
    assert!(i64::from(commands) >= visit.number("/card_commands"), "{commands}: {visit:?}");
    commands
}

/// Parts of one series that run side by side.
const PARTS: usize = 3;

/// Pulls the card with these faults in turn; after each the card comes back and the next visit is settled.
///
/// What has to hold after each: the terminal has said the truth about what it knows (nothing taken, taken, or not
/// known), no PIN try is gone, and after the next tap terminal, card and center agree on every fen.
fn pull_again_and_again(test: &str, generation: Generation, faults: impl Fn(u32) -> Vec<Fault> + Sync) {
    let unknown = AtomicU32::new(0);
    side_by_side(PARTS, |part| {
        let test = format!("{test}-{part}");
        let every = |commands| faults(commands).into_iter().skip(part).step_by(PARTS).collect();
        unknown.fetch_add(pull_one_after_the_other(&test, generation, every), Ordering::SeqCst);
    });
    assert!(unknown.load(Ordering::SeqCst) > 0, "the debit was among the commands");
}

/// One part of it; gives how often the outcome was not known at first.
fn pull_one_after_the_other(test: &str, generation: Generation, faults: impl Fn(u32) -> Vec<Fault>) -> u32 {
    let mut scene = Scene::at_reader(test, generation);
    let commands = clean_visit(&mut scene);
    let bill = scene.bill(&["10.00"]);
    let mut unknown = 0;
    for fault in faults(commands) {
        println!("{test}: {fault:?} of {commands}");
        let before = CardState::of(&scene.card);
        scene.put_in(Plan::from(fault.clone()));
        let broken = scene.visit(&bill);
        let now = CardState::of(&scene.card);
        assert_eq!(now.pin_tries_left, sim::personalise::PIN_TRIES, "{fault:?}: {broken:?}");
        let debited = now.offline_serial != before.offline_serial;
        let money = broken.json["error"]["money"].as_str().unwrap_or("settled");
        match (broken.code, money) {
            // The card had done its part before it was pulled, or was not needed any more.
            (Some(0), _) => assert!(debited, "{fault:?}: {broken:?}"),
            (Some(3), "not_done") => assert!(!debited, "{fault:?}: {broken:?}"),
            (Some(7), "unknown") => unknown += 1,
            _ => panic!("{fault:?}: {broken:?}"),
        }
        assert!(!broken.out.contains("tries left"), "never shown as a wrong PIN: {fault:?}: {broken:?}");

        scene.put_in(Plan::none());
        let next = scene.visit(&bill).done();
        let earlier = &next.json["earlier"];
        if broken.code == Some(7) {
            assert_eq!((&earlier["done"], &earlier["proved"]), (&debited.into(), &true.into()), "{next:?}");
        } else {
            assert_eq!(*earlier, Value::Null, "{fault:?}: {next:?}");
        }
        let books = agree_without_reconciling(&scene);
        assert_eq!(books.settlements().len(), usize::from(CardState::of(&scene.card).offline_serial));
    }
    agree(&scene);
    scene.end();
    unknown
}

/// Before and after the last commands of a visit, where the money moves; elsewhere before and after by turns.
fn by_turns(commands: u32) -> Vec<Fault> {
    let money = commands.saturating_sub(5);
    (1..=commands)
        .flat_map(|command| {
            let before = Fault::PullBefore { command };
            let after = Fault::PullAfter { command };
            match command {
                command if command > money => vec![before, after],
                command if command % 2 == 0 => vec![before],
                _ => vec![after],
            }
        })
        .collect()
}

#[test]
fn generation_3_before_every_command() {
    pull_again_and_again("pulled-3-before", Generation::Three, |commands| {
        (1..=commands).map(|command| Fault::PullBefore { command }).collect()
    });
}

#[test]
fn generation_3_after_every_command() {
    pull_again_and_again("pulled-3-after", Generation::Three, |commands| {
        (1..=commands).map(|command| Fault::PullAfter { command }).collect()
    });
}

#[test]
fn generation_1_by_turns() {
    pull_again_and_again("pulled-1", Generation::One, by_turns);
}

#[test]
fn generation_2_by_turns() {
    pull_again_and_again("pulled-2", Generation::Two, by_turns);
}

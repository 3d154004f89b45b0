//! A card whose purchase broke off goes to another terminal before it comes back.

use card_spec::generation::Generation;
use sim::fault::{Fault, Plan};
use tests::{
    PLANTED_PIN,
    books::Books,
    holder::CardState,
    scene::{Scene, text},
};

/// Breaks a purchase off at the debit, before or after; uses the card at the other terminal; comes back.
fn used_elsewhere(test: &str, after: bool, purchases_elsewhere: u32) {
    let mut scene = Scene::in_process(test, Generation::Three);
    let elsewhere = scene.second_terminal();
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    // The command at which a pull leaves the outcome open and the account as it should be.
    let command = (20..40)
        .find(|command| {
            let before = CardState::of(&scene.card);
            let command = *command;
            scene.put_in(if after { Fault::PullAfter { command } } else { Fault::PullBefore { command } });
            let broken = scene.visit(&bill);
            let debited = CardState::of(&scene.card).offline_serial != before.offline_serial;
            let found = broken.code == Some(7) && debited == after;
            if !found {
                scene.put_in(Plan::none());
                scene.run(&["resolve"], &[PLANTED_PIN]).done();
            }
            found
        })
        .expect("the debit is among the commands");
    println!("{test}: broken off at command {command}");

    // 12.00 there, so that the two cannot be mistaken for one another.
    let bill_elsewhere = scene.bill(&["12.00"]);
    for _ in 0..purchases_elsewhere {
        elsewhere.run(&scene, &["visit", "--bill", text(&bill_elsewhere)], &[PLANTED_PIN]).done();
    }
    scene.put_in(Plan::none());
    let back = scene.run(&["resolve"], &[PLANTED_PIN]);
    println!("{test}: {back:?}");
    match back.code {
        Some(0) => assert_eq!(back.json["resolved"]["done"], after, "{back:?}"),
        // The card has forgotten it: a supervisor decides, nothing is guessed.
        _ => assert!(matches!(back.code, Some(4 | 7)), "{back:?}"),
    }
    if back.code == Some(0) {
        scene.run(&["queue", "retry"], &[]).done();
        let here = Books::of_center(&scene);
        let booked: i64 = here.settlements().iter().map(|amounts| amounts.acct_pay.0).sum();
        let there = i64::from(purchases_elsewhere) * 1_200;
        let card = CardState::of(&scene.card);
        assert_eq!(i64::from(card.balance_fen), i64::from(scene.balance_fen) - booked - there, "{back:?}");
        // And the next visit goes on as ever.
        scene.visit(&bill).done();
    }
    scene.end();
}

#[test]
fn a_purchase_that_the_card_had_made() {
    used_elsewhere("elsewhere-made", true, 1);
}

#[test]
fn a_purchase_that_the_card_had_not_made() {
    used_elsewhere("elsewhere-not-made", false, 1);
}

#[test]
fn many_purchases_in_between() {
    used_elsewhere("elsewhere-many", true, 12);
}

//! A card whose purchase broke off goes to another terminal before it comes back.

use std::path::Path;

use card_spec::generation::Generation;
use sim::fault::{Fault, Plan};
use tests::{
    PLANTED_PIN,
    books::{Books, rows},
    holder::CardState,
    scene::{Scene, text},
};

/// Leaves the outcome of a visit open: the card was pulled before or after its debit.
fn break_off_at_the_debit(scene: &mut Scene, bill: &Path, after: bool) {
    scene.visit(bill).done();
    let found = (20..40).find(|command| {
        let before = CardState::of(&scene.card);
        let command = *command;
        scene.put_in(if after { Fault::PullAfter { command } } else { Fault::PullBefore { command } });
        let broken = scene.visit(bill);
        let debited = CardState::of(&scene.card).offline_serial != before.offline_serial;
        let found = broken.code == Some(7) && debited == after;
        if !found {
            scene.put_in(Plan::none());
            scene.run(&["resolve"], &[PLANTED_PIN]).done();
        }
        found
    });
    assert!(found.is_some(), "the debit is among the commands");
}

/// Breaks a purchase off at the debit, before or after; uses the card at the other terminal; comes back.
fn used_elsewhere(test: &str, after: bool, purchases_elsewhere: u32) {
    let mut scene = Scene::in_process(test, Generation::Three);
    let elsewhere = scene.second_terminal();
    let bill = scene.bill(&["10.00"]);
    break_off_at_the_debit(&mut scene, &bill, after);

    // No card is at two terminals in one second; at the speed of a test it would be, and nobody would believe it.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    // 12.00 there, so that the two cannot be mistaken for one another.
    let bill_elsewhere = scene.bill(&["12.00"]);
    for _ in 0..purchases_elsewhere {
        elsewhere.run(&scene, &["visit", "--bill", text(&bill_elsewhere)], &[PLANTED_PIN]).done();
    }
    scene.put_in(Plan::none());
    let back = scene.run(&["resolve"], &[PLANTED_PIN]);
    let back = back.done();
    assert_eq!(back.json["resolved"]["done"], after, "{back:?}");
    scene.run(&["queue", "retry"], &[]).done();
    let here = Books::of_center(&scene);
    let booked: i64 = here.settlements().iter().map(|amounts| amounts.acct_pay.0).sum();
    let there = i64::from(purchases_elsewhere) * 1_200;
    let card = CardState::of(&scene.card);
    assert_eq!(i64::from(card.balance_fen), i64::from(scene.balance_fen) - booked - there, "{back:?}");
    // And the next visit goes on as ever.
    scene.visit(&bill).done();
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
fn some_purchases_in_between() {
    used_elsewhere("elsewhere-some", true, 4);
}

/// The card's log has room for ten: after more purchases elsewhere it cannot tell any more, and nobody guesses.
#[test]
fn many_purchases_in_between() {
    for (decided, test) in [("--done", "elsewhere-many-done"), ("--not-done", "elsewhere-many-not-done")] {
        let after = decided == "--done";
        let mut scene = Scene::in_process(test, Generation::Three);
        let elsewhere = scene.second_terminal();
        let bill = scene.bill(&["10.00"]);
        break_off_at_the_debit(&mut scene, &bill, after);
        let bill_elsewhere = scene.bill(&["12.00"]);
        for _ in 0..12 {
            elsewhere.run(&scene, &["visit", "--bill", text(&bill_elsewhere)], &[PLANTED_PIN]).done();
        }
        scene.put_in(Plan::none());
        let cannot_tell = scene.run(&["resolve"], &[PLANTED_PIN]);
        cannot_tell.refused(7, "resolve_first");
        // Nothing new with this card before that.
        scene.visit(&bill).refused(7, "resolve_first");
        let open = scene.run(&["queue", "list", "--unresolved"], &[]).done();
        let id = rows(&open.json)[0].id.clone();
        // The day's comparison names it.
        let compared = scene.run(&["reconcile"], &[]);
        assert!(compared.out.contains(&id), "{compared:?}");

        // A supervisor who has asked the issuer decides; it stands in the audit, and the books fit the card again.
        let decide = ["resolve", "--decide", &id, decided, "--ground", "card"];
        scene.run(&decide, &[PLANTED_PIN]).done();
        scene.run(&decide, &[PLANTED_PIN]).exit(2);
        scene.run(&["queue", "retry"], &[]).done();
        let audit = scene.run(&["audit"], &[]).done();
        assert!(audit.out.contains("outcome_decided") && audit.out.contains(&id), "{audit:?}");
        let here: i64 = Books::of_center(&scene).settlements().iter().map(|amounts| amounts.acct_pay.0).sum();
        let card = CardState::of(&scene.card);
        assert_eq!(
            i64::from(card.balance_fen),
            i64::from(scene.balance_fen) - here - 12 * 1_200,
            "{decided}"
        );
        scene.visit(&bill).done();
        scene.end();
    }
}

//! Cancellations, refunds and loads: money that goes back onto the card.

use card_spec::{generation::Generation, money::Fen};
use tests::{PLANTED_PIN, books::agree, holder::CardState, scene::Scene};

#[test]
fn a_cancellation_books_negative_amounts_and_gives_the_account_its_money() {
    for (generation, test) in [
        (Generation::One, "cancel-generation-1"),
        (Generation::Two, "cancel-generation-2"),
        (Generation::Three, "cancel-generation-3"),
    ] {
        let mut scene = Scene::at_reader(test, generation);
        let bill = scene.bill(&["1000.00"]);
        let visit = scene.visit(&bill).done();
        let cancelled = scene.run(&["cancel", "1"], &[PLANTED_PIN]).done();
        assert_eq!((cancelled.text("/account"), cancelled.number("/account_fen")), ("loaded", 82_000));
        assert_eq!(cancelled.text("/of"), visit.text("/id"));
        assert_eq!(CardState::of(&scene.card).balance_fen, scene.balance_fen);
        let books = agree(&scene);
        let (settled, taken_back) = (books.settlements(), books.cancellations());
        assert_eq!((settled.len(), taken_back.len(), books.loads()), (1, 1, vec![Fen(82_000)]));
        assert_eq!(taken_back[0], settled[0].negated());
        // Once is enough.
        scene.run(&["cancel", "1"], &[PLANTED_PIN]).refused(4, "ledger");
        // The deductible is open again.
        let visit = scene.visit(&bill).done();
        assert_eq!(visit.number("/amounts/act_pay_dedc"), 70_000);
        agree(&scene);
        scene.end();
    }
}

#[test]
fn without_the_card_its_money_waits_for_it() {
    let mut scene = Scene::at_reader("cancel-without-card", Generation::Three);
    let bill = scene.bill(&["1000.00"]);
    scene.visit(&bill).done();
    scene.reader.as_mut().unwrap().pull();
    let cancelled = scene.run(&["cancel", "1", "--no-card"], &[]).done();
    assert_eq!((cancelled.text("/account"), cancelled.number("/account_fen")), ("owed", 82_000));
    assert_eq!(CardState::of(&scene.card).balance_fen, scene.balance_fen - 82_000);
    scene.put_in(sim::fault::Plan::none());
    let loaded = scene.run(&["load", "--refund"], &[PLANTED_PIN]).done();
    assert_eq!(loaded.number("/loads/0/amount_fen"), 82_000);
    assert_eq!(CardState::of(&scene.card).balance_fen, scene.balance_fen);
    scene.run(&["load", "--refund"], &[PLANTED_PIN]).refused(4, "nothing_to_load");
    let books = agree(&scene);
    assert_eq!((books.cancellations().len(), books.loads()), (1, vec![Fen(82_000)]));
    scene.end();
}

#[test]
fn a_load_takes_from_what_the_center_holds_and_no_more() {
    let scene = Scene::at_reader("load", Generation::Two);
    let person = scene.holder.person.number.key();
    scene.center.production().add_credit(person, Fen(30_000)).unwrap();
    let loaded = scene.run(&["load", "200.00"], &[PLANTED_PIN]).done();
    assert_eq!(loaded.number("/loads/0/amount_fen"), 20_000);
    assert_eq!(loaded.number("/loads/0/balance_after_fen"), i64::from(scene.balance_fen) + 20_000);
    assert_eq!(scene.center.production().credit(person).unwrap(), Fen(10_000));
    scene.run(&["load", "100.01"], &[PLANTED_PIN]).refused(6, "link");
    assert_eq!(CardState::of(&scene.card).balance_fen, scene.balance_fen + 20_000);
    scene.run(&["load", "100.00"], &[PLANTED_PIN]).done();
    let books = agree(&scene);
    assert_eq!((books.loads(), books.abandoned()), (vec![Fen(20_000), Fen(10_000)], 1));
    scene.end();
}

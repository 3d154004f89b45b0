//! From enrolment to the center's signed receipt, for each generation of card.

use std::fs;

use card_spec::{generation::Generation, money::Fen};
use tests::{
    PLANTED_PIN,
    books::agree,
    holder::{BALANCE_FEN, CardState},
    scene::{Scene, text},
};

/// 1,000.00 in scope for an employee at a tertiary hospital, the first visit of the year: 700.00 deductible,
/// 60 % of the rest by the fund, all else from the account. By hand, from the city's published figures.
fn first_visit(generation: Generation, test: &str) {
    let mut scene = Scene::at_reader(test, generation);
    let bill = scene.bill(&["600.00", "400.00"]);
    let pdf = scene.folder.path().join("receipt.pdf");
    let visit = scene.run(&["visit", "--bill", text(&bill), "--receipt", text(&pdf)], &[PLANTED_PIN]).done();

    let amounts = [
        ("/amounts/medfee_sumamt", 100_000),
        ("/amounts/act_pay_dedc", 70_000),
        ("/amounts/hifp_pay", 18_000),
        ("/amounts/fund_pay_sumamt", 18_000),
        ("/amounts/acct_pay", 82_000),
        ("/amounts/psn_cash_pay", 0),
        ("/balance_before_fen", i64::from(BALANCE_FEN)),
        ("/balance_after_fen", i64::from(BALANCE_FEN) - 82_000),
        ("/sequence", 1),
    ];
    for (pointer, expected) in amounts {
        assert_eq!(visit.number(pointer), expected, "{pointer}");
    }
    assert_eq!(visit.text("/eligibility"), "center", "the line is up");
    assert_eq!(visit.text("/upload/state"), "booked");
    assert_eq!(visit.json["offline"], false);

    let card = CardState::of(&scene.card);
    assert_eq!(card.balance_fen, BALANCE_FEN - 82_000);
    assert_eq!((card.offline_serial, card.online_serial, card.log_records), (1, 0, 1));

    let books = agree(&scene);
    let [amounts] = books.settlements()[..] else { panic!("one settlement is booked: {books:?}") };
    assert_eq!((amounts.acct_pay, amounts.fund_pay_sumamt), (Fen(82_000), Fen(18_000)));

    // The receipt that the terminal keeps is the center's.
    let number = scene.center.production().receipt_number(books.records[0].link.receipt);
    assert_eq!(visit.text("/upload/receipt"), number);
    let kept = scene.run(&["queue", "show", "1"], &[]).done();
    assert_eq!((kept.text("/state"), kept.text("/receipt")), ("booked", &*number));

    // The second visit of the year has no deductible left, and the whole book still agrees.
    let bill = scene.bill(&["200.00"]);
    let second = scene.visit(&bill).done();
    assert_eq!(second.number("/amounts/act_pay_dedc"), 0);
    assert_eq!(second.number("/amounts/hifp_pay"), 12_000);
    assert_eq!(second.number("/balance_after_fen"), i64::from(BALANCE_FEN) - 82_000 - 8_000);
    assert_eq!(agree(&scene).settlements().len(), 2);
    assert!(fs::metadata(&pdf).unwrap().len() > 1_000, "the PDF is there");
    scene.end();
}

#[test]
fn generation_1() {
    first_visit(Generation::One, "visit-generation-1");
}

#[test]
fn generation_2() {
    first_visit(Generation::Two, "visit-generation-2");
}

#[test]
fn generation_3() {
    first_visit(Generation::Three, "visit-generation-3");
}

#[test]
fn nothing_to_take_is_a_purchase_too() {
    let mut scene = Scene::at_reader("visit-nothing-to-take", Generation::Two);
    // The account is empty: everything that the person bears is cash.
    scene.take_order(Generation::Two, |order| order.account(0));
    let bill = scene.bill(&["100.00"]);
    let visit = scene.visit(&bill).done();
    assert_eq!((visit.number("/amounts/acct_pay"), visit.number("/amounts/psn_cash_pay")), (0, 10_000));
    assert_eq!(CardState::of(&scene.card).offline_serial, 1, "the card keeps the year's sums");
    assert_eq!(agree(&scene).settlements().len(), 1);
    // A bill of nothing at all.
    let bill = scene.bill(&["0.00"]);
    let visit = scene.visit(&bill).done();
    assert_eq!((visit.number("/amounts/medfee_sumamt"), visit.number("/sequence")), (0, 2));
    assert_eq!(agree(&scene).settlements().len(), 2);
    scene.end();
}

#[test]
fn shown_before_it_is_settled_and_never_without_the_account_asked_for() {
    let mut scene = Scene::at_reader("visit-shown-first", Generation::Three);
    let bill = scene.bill(&["1000.00"]);
    let shown = scene.run(&["visit", "--bill", text(&bill), "--pre-settle"], &[PLANTED_PIN]).done();
    assert_eq!((shown.number("/amounts/acct_pay"), &shown.json["settled"]), (82_000, &false.into()));
    assert_eq!(CardState::of(&scene.card).offline_serial, 0);
    scene.put_in(sim::fault::Plan::none());
    let cash = scene.run(&["visit", "--bill", text(&bill), "--no-account"], &[PLANTED_PIN]).done();
    assert_eq!((cash.number("/amounts/acct_pay"), cash.number("/amounts/psn_cash_pay")), (0, 82_000));
    assert_eq!(agree(&scene).settlements().len(), 1);
    scene.end();
}

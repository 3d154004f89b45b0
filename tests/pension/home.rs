//! Certified at home, and what a branch hears of payments that were not booked.

use protocol::record::{Business, CertifiedAt};
use sim::module::Condition;

use crate::counter::{Counter, MONTHLY, back, paid};

#[test]
fn a_person_is_certified_at_home_without_a_line_and_the_center_knows_who_was_there() {
    let mut counter = Counter::new("pension-home", 1, None);
    counter.enrol().done();
    counter.holder_taps(Condition::default());
    counter.scene.center.stop();
    let certified = counter.scene.run(&["finger", "certify", "--home"], &[]).done();
    assert_eq!((certified.json["home"].as_bool(), certified.text("/upload/state")), (Some(true), "pending"));
    counter.scene.center.open();
    counter.scene.run(&["pension", "pay", "--yes"], &[]).done();
    let bodies = counter.booked();
    assert_eq!(paid(&bodies), [back(0)]);
    let at_home = bodies
        .iter()
        .filter(|body| matches!(&body.business, Business::Certification(c) if c.place == CertifiedAt::Home));
    assert_eq!(at_home.count(), 1);
    let visits = counter.scene.center.production().storage().home_visits(9).unwrap();
    assert_eq!((visits.len(), visits[0].operator.as_str()), (1, tests::scene::SUPERVISOR));
    counter.scene.end();
}

#[test]
fn a_branch_hears_of_a_month_that_was_paid_twice() {
    use datacenter::storage::service::DeskRow;
    use protocol::service::Desk;
    use tests::scene::terminal;

    let counter = Counter::new("pension-failed", 1, Some(crate::counter::in_days(30)));
    let scene = &counter.scene;
    let stand = |desk| {
        let row = DeskRow { terminal: terminal(), desk, district: None };
        scene.center.center().service.set_desk(&row).unwrap();
    };
    // A hospital's counter has nothing to do with it.
    scene.run(&["pension", "failed"], &[]).exit(6);
    stand(Desk::Bank);
    let none = scene.run(&["pension", "failed"], &[]).done();
    assert_eq!(none.json["payments"].as_array().unwrap().len(), 0);
    counter.enrol().done();
    counter.holder_taps(Condition::default());
    // The month is paid elsewhere meanwhile, and this terminal pays it from its copy.
    let key = scene.holder.person.number.key();
    let month = back(0);
    scene
        .center
        .production()
        .storage()
        .transact(&mut |transaction| {
            let pension = transaction.pensions(&[key])?[0];
            transaction.put_pensions(&[pension.after_paying(month).unwrap()])
        })
        .unwrap();
    scene.run(&["pension", "pay", "--yes", "--offline"], &[]).done();
    scene.run(&["queue", "retry"], &[]).done();
    let failed = scene.run(&["pension", "failed", "--this-terminal"], &[]).exit(1);
    assert_eq!(failed.json["payments"].as_array().unwrap().len(), 1);
    assert_eq!(failed.text("/payments/0/reason"), "period_paid");
    assert_eq!(failed.text("/payments/0/next_step"), "recover");
    assert_eq!(failed.number("/payments/0/amount"), MONTHLY.0);
    assert!(failed.text("/payments/0/person").contains('*'));
    let words = scene.run_for_people(&["pension", "failed"], &[]).exit(1);
    assert!(words.out.contains("bring the second payment back"), "{words:?}");
    counter.scene.end();
}

//! Certificates that are wrong or out of their time, on both sides, and the way back.

use card_spec::generation::Generation;
use datacenter::{
    access::authority::Authority,
    outside::{Clock, Outside, SystemRandom},
};
use protocol::timestamp::Timestamp;
use std::{fs, sync::Arc};
use tests::{
    PLANTED_PIN,
    books::{agree, rows},
    center::TestCenter,
    scene::{Scene, TERMINAL, text},
};

const DAY_MS: i64 = 24 * 3_600_000;

#[test]
fn a_center_that_is_not_ours_gets_nothing() {
    let mut scene = Scene::in_process("certificate-impostor", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    scene.center.stop();
    // Somebody with a certificate of another authority listens on our center's ports.
    let folder = scene.folder.path().join("impostor");
    let impostor = TestCenter::start_on(scene.center.ports(), &folder, &[], scene.holder.keys, |_| {});
    for command in [&["sync"][..], &["queue", "retry"], &["reconcile"]] {
        let refused = scene.run(command, &[]);
        assert!(refused.refused(5, "link").contains("not our center's"), "{refused:?}");
    }
    // A patient is served as with the line down.
    let visit = scene.visit(&bill).done();
    assert_eq!((&visit.json["offline"], visit.text("/upload/state")), (&true.into(), "pending"));
    // A load needs the true center.
    scene.run(&["load", "1.00"], &[PLANTED_PIN]).refused(5, "link");
    assert_eq!(impostor.requests_in_all(), 0, "nothing was said to it");
    drop(impostor);
    scene.center.open();
    let books = agree(&scene);
    assert_eq!((books.settlements().len(), books.abandoned()), (1, 1));
    scene.end();
}

#[test]
fn the_code_is_not_sent_to_a_center_with_another_fingerprint() {
    let scene = Scene::in_process("certificate-fingerprint", Generation::Two);
    let code = scene.center.code("320300000002".parse().unwrap());
    let (center, enrolment) = (scene.center.url(), scene.center.enrolment_url());
    let data = scene.folder.path().join("other");
    let mut second = tests::jinbao::Jinbao::new(data, scene.folder.path().join("scratch"));
    second.number_from(500);
    let before = scene.center.requests_in_all();
    let words = ["enrol", "--terminal", "320300000002", "--center", &center, "--enrolment", &enrolment];
    let wrong = "00".repeat(32);
    let words = [&words[..], &["--fingerprint", &wrong, "--json"]].concat();
    let refused = second.run(&scene.logs, &words, &[&code]);
    refused.refused(5, "fingerprint");
    assert_eq!(scene.center.requests_in_all(), before, "nothing was asked of it");
    scene.end();
}

#[test]
fn the_centers_certificate_has_run_out() {
    let mut scene = Scene::in_process("certificate-server", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    // As a center would show it whose staff forgot it for years: the same authority, a server certificate long over.
    let folder = scene.folder.path().join("center");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let authority = Authority::open(&read("authority.pem"), &read("keys/authority.key")).unwrap();
    let past = Past(tests::holder::now().plus_ms(-900 * DAY_MS));
    let outside = Outside { clock: Arc::new(past), random: Arc::new(SystemRandom::default()) };
    let names = read("keys/server.names").lines().map(str::to_owned).collect::<Vec<_>>();
    let (issued, key) = authority.issue_server("center", &names, &outside).unwrap();
    let (good, good_key) = (read("server.pem"), read("keys/server.key"));
    fs::write(folder.join("server.pem"), issued.pem).unwrap();
    fs::write(folder.join("keys/server.key"), key).unwrap();
    // A center by the right clock would make a new one by itself.
    scene.center.move_clock(-900 * DAY_MS);
    scene.center.open();
    let refused = scene.run(&["sync"], &[]);
    assert!(refused.refused(5, "link").contains("out of date"), "{refused:?}");
    let visit = scene.visit(&bill).done();
    assert_eq!(visit.text("/upload/state"), "pending");
    scene.center.move_clock(0);
    scene.center.open();
    assert_ne!(read("server.pem"), good, "the center has made a new certificate");
    assert_ne!(read("keys/server.key"), good_key);
    scene.run(&["sync"], &[]).done();
    agree(&scene);
    scene.end();
}

struct Past(Timestamp);

impl Clock for Past {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[test]
fn a_terminal_that_was_off_for_months_comes_back_by_itself() {
    let mut scene = Scene::new("certificate-client", Generation::Two, None, |configuration| {
        configuration.certificate_validity_ms = 30 * DAY_MS;
    });
    let bill = scene.bill(&["10.00"]);
    // A record waits when the terminal is switched off.
    scene.visit_offline(&bill).done();
    let away_days = 200;
    scene.center.move_clock(away_days * DAY_MS);
    scene.center.open();
    scene.move_terminal_clock(&format!("+{away_days}d"));
    let refused = scene.run(&["sync"], &[]);
    assert!(refused.refused(5, "link").contains("out of date"), "{refused:?}");
    let shown = scene.run(&["certificate", "show"], &[]).exit(1);
    assert_eq!((&shown.json["valid"], &shown.json["due"]), (&false.into(), &true.into()));
    assert_eq!(rows(&scene.run(&["queue", "list", "--waiting"], &[]).done().json).len(), 1);

    // By a timer, nobody signed in; the first answer gets lost.
    scene.center.plan("/v1/renewal", 1, datacenter::faults::Fault::LoseAnswer);
    scene.run(&["certificate", "renew", "--if-due"], &[]).refused(6, "link");
    let renewed = scene.run(&["certificate", "renew", "--if-due"], &[]).done();
    assert_eq!((&renewed.json["renewed"], &renewed.json["valid"]), (&true.into(), &true.into()));
    let again = scene.run(&["certificate", "renew", "--if-due"], &[]).done();
    assert_eq!(again.json["renewed"], false, "once is enough");
    scene.run(&["sync"], &[]).done();
    let sent = scene.run(&["queue", "retry"], &[]).done();
    assert_eq!((sent.number("/booked"), sent.number("/waiting")), (1, 0));
    // Its day is long over: compared, signed in again, and business goes on.
    scene.run(&["operator", "sign-in", tests::scene::SUPERVISOR], &[tests::PLANTED_SECRET]).done();
    scene.run(&["reconcile"], &[]).done();
    scene.sign_in();
    scene.end();
}

#[test]
fn a_terminal_that_the_center_has_blocked() {
    let mut scene = Scene::in_process("certificate-blocked", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.visit_offline(&bill).done();
    let terminal = TERMINAL.parse().unwrap();
    scene.center.center().access.set_blocked(terminal, true).unwrap();
    let refused = scene.run(&["sync"], &[]);
    assert!(matches!(refused.code, Some(5 | 6)), "{refused:?}");
    assert!(refused.text("/error/text").contains("this terminal"), "{refused:?}");
    let refused = scene.run(&["queue", "retry"], &[]);
    assert!(matches!(refused.code, Some(5 | 6)), "{refused:?}");
    scene.center.center().access.set_blocked(terminal, false).unwrap();
    agree(&scene);
    scene.end();
}

/// openssl sees what a stranger sees: a center that asks for a certificate, and one that takes ours.
#[test]
fn openssl_connects_with_our_certificate_and_not_without() {
    let scene = Scene::in_process("certificate-openssl", Generation::Two);
    let authority = scene.center.authority();
    let connect = format!("localhost:{}", scene.center.port());
    let verified = std::process::Command::new("openssl")
        .args(["verify", "-CAfile", text(&authority), "-purpose", "sslclient"])
        .arg(scene.jinbao.data.join("certificate.pem"))
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; apt-get install openssl"));
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let said = std::process::Command::new("openssl")
        .args(["s_client", "-connect", &connect, "-CAfile", text(&authority), "-verify_return_error"])
        .args(["-verify_hostname", "localhost", "-tls1_3", "-ign_eof"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    assert!(said.contains("certificate required"), "without one it hangs up: {said}");
    scene.logs.keep("openssl", said.as_bytes());
    scene.end();
}

//! The center's process is killed in the middle of booking: what it has answered is there, nothing is there twice.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use protocol::{
    signature::PublicKey,
    upload::{BatchAnswer, ChainHead, Verdict},
};
use rig::{Client, Dice, Rig, bodies::settled, open, person, verdicts};

struct Served {
    child: Child,
    port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(rig: &Rig) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jinbao-center"))
        .arg("--folder")
        .arg(rig.folder.path().join("center"))
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let port = ready["terminals"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    Served { child, port }
}

#[test]
fn what_was_answered_outlives_a_kill() {
    const ROUNDS: u32 = 4;
    let dice = Dice::shaken("killed");
    let rig = Rig::new(dice.next());
    let mut terminal = rig.terminal(1);
    let key: PublicKey = rig.center.production.public_key();
    let (authority, certificate) = {
        let enrolment = terminal.enrolment.as_ref().unwrap();
        (enrolment.authority.clone(), enrolment.certificate.clone())
    };
    for _ in 0..4_000 {
        let number = dice.below(500);
        terminal.record(dice.id(), settled(person(number), 10_000));
    }
    let last = terminal.chain.len() as u64;
    let answered = AtomicU64::new(0);
    for _ in 0..ROUNDS {
        let mut served = serve(&rig);
        let client = Client::new(&authority, served.port, Some((&certificate, &terminal.tls)));
        let pause = Duration::from_millis(20 + dice.below(250));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while answered.load(Ordering::SeqCst) < last {
                    let from = answered.load(Ordering::SeqCst) + 1;
                    let to = (from + 19).min(last);
                    let Ok(reply) = client.post("/v1/records", &terminal.batch(from, to)) else { return };
                    let receipt = open(&reply.json::<BatchAnswer>(), &key);
                    // Booked before the answer was lost, or booked now; never anything else.
                    assert!(
                        verdicts(&receipt)
                            .iter()
                            .all(|verdict| matches!(verdict, Verdict::Booked | Verdict::Duplicate { .. }))
                    );
                    answered.store(to, Ordering::SeqCst);
                }
            });
            std::thread::sleep(pause);
            served.child.kill().unwrap();
            served.child.wait().unwrap();
        });
        let served = serve(&rig);
        let client = Client::new(&authority, served.port, Some((&certificate, &terminal.tls)));
        let head: ChainHead = client.get("/v1/chain-head").unwrap().json();
        let answered = answered.load(Ordering::SeqCst);
        // At most the batch in hand is there without its answer, whole.
        assert!(head.sequence == answered || head.sequence == (answered + 20).min(last));
        assert_eq!(head.digest, terminal.digests[head.sequence as usize]);
    }
    println!("killed {ROUNDS} times, {} of {last} answered", answered.load(Ordering::SeqCst));
    assert!(answered.load(Ordering::SeqCst) > 0);
    let records = rig.center.production.storage().records(None, usize::MAX).unwrap();
    let receipts = rig.center.production.storage().receipts(None, usize::MAX).unwrap();
    let in_receipts: u64 =
        receipts.iter().map(|receipt| receipt.to_sequence - receipt.from_sequence + 1).sum();
    assert_eq!(records.len() as u64, in_receipts);
}

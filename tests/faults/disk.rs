//! The disk is full, before a visit and in the middle of one.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc::{Receiver, Sender},
    time::Duration,
};

use card_spec::generation::Generation;
use sim::fault::Plan;
use tests::{
    PLANTED_PIN,
    books::{agree, agree_without_reconciling, rows},
    holder::CardState,
    scene::{Scene, text},
};

use crate::service::Watched;

/// Class and instruction of DEBIT FOR PURCHASE on the medical account.
const DEBIT: [u8; 2] = [0xB0, 0x2C];

/// Longest wait for a command of the visit to reach the card.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A small disk with the terminal's folder on it; only root can make one.
struct SmallDisk {
    mounted_at: PathBuf,
}

impl SmallDisk {
    /// Moves the terminal of a scene onto a disk of so many MiB. `None` when this user may not mount.
    fn under(scene: &mut Scene, mebibytes: u32) -> Option<Self> {
        let mounted_at = scene.folder.path().join("disk");
        fs::create_dir(&mounted_at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0700"), "tmpfs"])
            .arg(&mounted_at)
            .output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            println!("no mount here: left to the injected faults");
            return None;
        }
        let copied = Command::new("cp").arg("-a").arg(scene.jinbao.data.join(".")).arg(&mounted_at).status();
        assert!(copied.unwrap().success());
        scene.jinbao.data = mounted_at.clone();
        Some(SmallDisk { mounted_at })
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let path = self.filler();
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        for block in [1 << 16, 1 << 12, 1 << 9, 1] {
            while file.write_all(&vec![0xA5; block]).is_ok() {}
        }
    }

    /// Makes room again.
    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.mounted_at.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed leaves the folder behind otherwise.
        let _ = Command::new("umount").arg("-l").arg(&self.mounted_at).status();
    }
}

#[test]
fn before_a_visit() {
    let mut scene = Scene::in_process("disk-before", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let Some(disk) = SmallDisk::under(&mut scene, 64) else { return };
    scene.visit(&bill).done();
    disk.fill();
    let refused = scene.visit(&bill);
    let said = refused.refused(5, "ledger");
    assert!(said.contains("full") || said.contains("short"), "{refused:?}");
    assert_eq!(CardState::of(&scene.card).offline_serial, 1, "no card was asked");
    // Looking on works without a byte to spare.
    scene.run(&["queue", "list"], &[]).done();
    disk.free();
    scene.visit(&bill).done();
    assert_eq!(agree(&scene).settlements().len(), 2);
    drop(disk);
    scene.end();
}

/// Runs a visit and calls `meanwhile` when the card is about to take the money.
fn with_the_money_on_its_way(
    scene: &mut Scene,
    bill: &Path,
    meanwhile: impl FnOnce(),
) -> tests::jinbao::Answer {
    let (chip, at_debit, let_go): (_, Receiver<()>, Sender<()>) =
        Watched::at_command_with(&scene.card, DEBIT);
    scene.reader.as_mut().unwrap().insert_chip(chip, Plan::none());
    let visit = scene.start(&["visit", "--bill", text(bill)], &[PLANTED_PIN]);
    at_debit.recv_timeout(TIMEOUT).unwrap();
    meanwhile();
    let_go.send(()).unwrap();
    visit.finish(&scene.logs)
}

#[test]
fn in_the_middle_of_a_visit_the_reserve_carries_it_to_its_end() {
    let mut scene = Scene::at_reader("disk-reserve", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let Some(disk) = SmallDisk::under(&mut scene, 64) else { return };
    scene.visit(&bill).done();
    assert!(scene.jinbao.data.join("ballast").exists());
    let visit = with_the_money_on_its_way(&mut scene, &bill, || disk.fill()).done();
    assert_eq!(visit.number("/sequence"), 2);
    assert_eq!(CardState::of(&scene.card).offline_serial, 2);
    // The reserve is used up: no new business until there is room for it again.
    scene.put_in(Plan::none());
    disk.fill();
    let refused = scene.visit(&bill);
    refused.refused(5, "ledger");
    assert_eq!(CardState::of(&scene.card).offline_serial, 2);
    disk.free();
    scene.visit(&bill).done();
    assert!(scene.jinbao.data.join("ballast").exists(), "the reserve is there again");
    assert_eq!(agree(&scene).settlements().len(), 3);
    drop(disk);
    scene.end();
}

#[test]
fn in_the_middle_of_a_visit_without_any_reserve_the_card_knows() {
    let mut scene = Scene::at_reader("disk-no-reserve", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    let Some(disk) = SmallDisk::under(&mut scene, 64) else { return };
    scene.visit(&bill).done();
    let ballast = scene.jinbao.data.join("ballast");
    let broken = with_the_money_on_its_way(&mut scene, &bill, || {
        fs::remove_file(&ballast).unwrap();
        disk.fill();
    });
    assert_eq!((broken.code, &broken.json["error"]["money"]), (Some(7), &"done".into()), "{broken:?}");
    assert_eq!(CardState::of(&scene.card).offline_serial, 2, "the card has paid");
    disk.free();
    scene.put_in(Plan::none());
    let next = scene.visit(&bill).done();
    assert_eq!(next.json["earlier"]["done"], true, "{next:?}");
    assert_eq!(agree(&scene).settlements().len(), 3);
    drop(disk);
    scene.end();
}

/// Every write of a visit in turn finds the disk full, once or from then on. Needs no root: the system call fails.
#[test]
fn at_every_write_of_a_visit() {
    tests::side_by_side(2, |part| {
        let mut scene = Scene::in_process(&format!("disk-every-write-{part}"), Generation::Three);
        let bill = scene.bill(&["10.00"]);
        let (mut settled_anyhow, mut failed, mut unknown) = (0, 0, 0);
        for write in 1.. {
            let when = if part == 0 { format!("{write}") } else { format!("{write}+") };
            let ledger = scene.jinbao.data.join("ledger.db");
            let journal = scene.jinbao.data.join("ledger.db-wal");
            let inject = format!("inject=pwrite64:error=ENOSPC:when={when}");
            scene.jinbao.wrapped_in = [
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-P",
                text(&ledger),
                "-P",
                text(&journal),
                "-e",
                "trace=pwrite64",
                "-e",
                &inject,
            ]
            .map(Into::into)
            .to_vec();
            let before = CardState::of(&scene.card);
            let broken = scene.visit_offline(&bill);
            scene.jinbao.wrapped_in.clear();
            let debited = CardState::of(&scene.card).offline_serial != before.offline_serial;
            match (broken.code, broken.json["error"]["money"].as_str()) {
                (Some(0), _) => {
                    assert!(debited, "{when}: {broken:?}");
                    settled_anyhow += 1;
                }
                (Some(5), Some("not_done")) => {
                    assert!(!debited, "{when}: {broken:?}");
                    failed += 1;
                }
                (Some(7), Some("done" | "unknown")) => unknown += 1,
                _ => panic!("write {when}: {broken:?}"),
            }
            if broken.code == Some(0) && !was_injected(write, settled_anyhow) {
                break;
            }
            scene.visit(&bill).done();
            agree_without_reconciling(&scene);
            assert!(write < 200, "a visit has an end");
        }
        println!(
            "disk-every-write-{part}: {settled_anyhow} settled, {failed} not, {unknown} not known at first"
        );
        assert!(failed > 0, "some writes are before the money");
        assert_eq!(rows(&scene.run(&["queue", "list", "--unresolved"], &[]).done().json).len(), 0);
        agree(&scene);
        scene.end();
    });
}

/// A visit has fewer writes than this when it was settled several times in a row.
fn was_injected(write: u32, settled: u32) -> bool {
    write < 12 || settled < 3
}

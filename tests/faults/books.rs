//! The terminal's own files: put back from an old copy, damaged, torn, gone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use card_spec::generation::Generation;
use tests::{
    PLANTED_PIN, PLANTED_SECRET,
    books::{agree, rows},
    holder::CardState,
    scene::{Scene, TERMINAL, text},
    seed::Dice,
};

/// Copies every file of a folder whose name begins so into another one.
fn copy(from: &Path, to: &Path, beginning: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_name().to_str().unwrap().starts_with(beginning) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Removes every file of a folder whose name begins so.
fn remove(folder: &Path, beginning: &str) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_name().to_str().unwrap().starts_with(beginning) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// Where the terminal keeps the end of its chain: beside its folder, so that no copy of the folder takes it along.
fn mark(data: &Path) -> PathBuf {
    let mut folder = data.as_os_str().to_owned();
    folder.push("-head");
    PathBuf::from(folder).join("head")
}

#[test]
fn a_ledger_from_an_old_copy_is_known_by_the_terminal_itself() {
    let mut scene = Scene::in_process("books-old-ledger", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let kept = scene.folder.path().join("kept");
    scene.visit(&bill).done();
    copy(&scene.jinbao.data, &kept, "ledger");
    scene.visit(&bill).done();
    scene.visit_offline(&bill).done();
    remove(&scene.jinbao.data, "ledger");
    copy(&kept, &scene.jinbao.data, "ledger");
    // The mark outside of the ledger is enough: no center is needed.
    scene.center.stop();
    for _ in 0..2 {
        let stopped = scene.visit_offline(&bill);
        assert!(stopped.refused(5, "ledger").contains("end at 1 and ended at 3"), "{stopped:?}");
    }
    assert_eq!(CardState::of(&scene.card).offline_serial, 3, "no card was asked");
    scene.center.open();
    scene.run(&["queue", "retry"], &[]).refused(5, "ledger");
    let looked = scene.run(&["doctor"], &[]);
    assert_eq!(looked.code, Some(5), "{looked:?}");
    // What is there can still be copied out, by an auditor: the books can be opened, so they know who asks.
    let out = scene.folder.path().join("saved.jsonl");
    scene.run(&["queue", "export", "--salvage", text(&out)], &[]).refused(4, "sign_in");
    assert!(!out.exists());
    scene.run(&["operator", "add", "0099", "--role", "auditor"], &[PLANTED_SECRET]).done();
    scene.run(&["operator", "sign-in", "0099"], &[PLANTED_SECRET]).done();
    let saved = scene.run_private(&["queue", "export", "--salvage", text(&out)], &[]).done();
    assert!(saved.number("/transactions") >= 1, "{saved:?}");
    scene.end();
}

#[test]
fn no_ledger_at_all_is_no_new_ledger() {
    for (gone, test) in [("ledger", "books-no-ledger"), ("mark", "books-no-mark")] {
        let mut scene = Scene::in_process(test, Generation::Two);
        let bill = scene.bill(&["10.00"]);
        scene.visit(&bill).done();
        scene.visit(&bill).done();
        match gone {
            "ledger" => remove(&scene.jinbao.data, "ledger"),
            _ => fs::remove_file(mark(&scene.jinbao.data)).unwrap(),
        }
        match gone {
            "ledger" => {
                let stopped = scene.visit(&bill);
                assert_ne!(stopped.code, Some(0), "{stopped:?}");
                assert_eq!(CardState::of(&scene.card).offline_serial, 2, "{stopped:?}");
            }
            _ => {
                // The mark alone can be made again: the center confirms the ledger.
                scene.visit(&bill).done();
                agree(&scene);
            }
        }
        scene.end();
    }
}

#[test]
fn a_whole_folder_from_an_old_copy_is_known_by_the_mark_beside_it() {
    let mut scene = Scene::in_process("books-old-folder-alone", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    let kept = scene.folder.path().join("kept");
    scene.visit(&bill).done();
    copy(&scene.jinbao.data, &kept, "");
    scene.visit_offline(&bill).done();
    remove(&scene.jinbao.data, "");
    copy(&kept, &scene.jinbao.data, "");
    scene.center.stop();
    let stopped = scene.visit_offline(&bill);
    assert!(stopped.refused(5, "ledger").contains("end at 1 and ended at 2"), "{stopped:?}");
    assert_eq!(CardState::of(&scene.card).offline_serial, 2, "no card was asked");
    scene.end();
}

#[test]
fn a_whole_folder_from_an_old_copy_is_known_by_the_center() {
    let mut scene = Scene::in_process("books-old-folder", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let kept = scene.folder.path().join("kept");
    scene.visit(&bill).done();
    copy(&scene.jinbao.data, &kept, "");
    let kept_mark = fs::read(mark(&scene.jinbao.data)).unwrap();
    scene.visit(&bill).done();
    remove(&scene.jinbao.data, "");
    copy(&kept, &scene.jinbao.data, "");
    // The terminal's own mark would show it; here that is of the old day as well, as on a disk put back whole.
    fs::write(mark(&scene.jinbao.data), kept_mark).unwrap();
    let before = CardState::of(&scene.card);
    let stopped = scene.visit(&bill);
    assert!(stopped.refused(5, "ledger").contains("end at 1 and ended at 2"), "{stopped:?}");
    let now = CardState::of(&scene.card);
    assert_eq!(now.offline_serial, before.offline_serial, "nothing was taken off the card: {stopped:?}");
    // It stays stopped, also with the line down.
    let stopped = scene.visit_offline(&bill);
    stopped.refused(5, "ledger");
    scene.run(&["queue", "retry"], &[]).refused(5, "ledger");
    assert_eq!(scene.center.production().storage().records(None, 10).unwrap().len(), 2);
    scene.end();
}

#[test]
fn a_mark_that_is_wrong_is_overruled_by_the_center_alone() {
    let mut scene = Scene::in_process("books-wrong-mark", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    scene.run(&["operator", "add", "0700", "--role", "installer"], &[PLANTED_SECRET]).done();
    // As if the mark were of a ledger that went further.
    let head = mark(&scene.jinbao.data);
    let text = fs::read_to_string(&head).unwrap();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    (words[0], words[1]) = ("99", "99");
    fs::write(&head, words.join(" ")).unwrap();
    scene.visit(&bill).refused(5, "ledger");
    // A supervisor cannot let it go on, nor can an installer without the center.
    scene.run(&["queue", "resume"], &[]).refused(4, "sign_in");
    scene.run(&["operator", "sign-in", "0700"], &[PLANTED_SECRET]).done();
    scene.center.stop();
    assert_ne!(scene.run(&["queue", "resume"], &[]).code, Some(0));
    scene.center.open();
    scene.run(&["queue", "resume"], &[]).done();
    scene.sign_in();
    scene.visit(&bill).done();
    assert_eq!(agree(&scene).settlements().len(), 2);
    scene.end();
}

#[test]
fn a_retired_terminal_cannot_be_opened_any_more() {
    let mut scene = Scene::in_process("books-retired", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.run(&["operator", "add", "0700", "--role", "installer"], &[PLANTED_SECRET]).done();
    scene.visit_offline(&bill).done();
    scene.run(&["operator", "sign-in", "0700"], &[PLANTED_SECRET]).done();
    let retire = ["retire", "--terminal", TERMINAL];
    // What waits is sent first.
    scene.center.stop();
    assert_ne!(scene.run(&retire, &[]).code, Some(0));
    scene.center.open();
    scene.run(&["queue", "retry"], &[]).done();
    scene.run(&["retire", "--terminal", "320300000099"], &[]).exit(2);
    scene.run(&retire, &[]).done();
    for command in [&["queue", "list"][..], &["sync"], &["operator", "list"]] {
        let refused = scene.run(command, &[]);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert_ne!(refused.code, Some(70), "{refused:?}");
    }
    assert_eq!(scene.center.production().storage().records(None, 10).unwrap().len(), 1);
    scene.end();
}

#[test]
fn a_damaged_ledger_stops_business_loudly_and_can_be_saved() {
    let mut scene = Scene::in_process("books-damaged-ledger", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    for _ in 0..3 {
        scene.visit_offline(&bill).done();
    }
    let ledger = scene.jinbao.data.join("ledger.db");
    let whole = fs::read(&ledger).unwrap();
    let mut dice = Dice(scene.seed);
    let page = 4_096;
    let pages = whole.len() / page;
    let (mut stopped, mut saved) = (0, 0);
    for trial in 0..8 {
        // The head, the end, and anywhere.
        let at = match trial {
            0 => 7,
            1 => whole.len() - 1,
            _ => dice.below(whole.len() as u64) as usize,
        };
        let mut torn = whole.clone();
        torn[at] ^= 1 << dice.below(8);
        fs::write(&ledger, &torn).unwrap();
        println!("books-damaged-ledger: byte {at}, page {} of {pages}", at / page);
        let before = CardState::of(&scene.card);
        let verified = scene.run(&["queue", "verify"], &[]);
        assert_ne!(verified.code, Some(0), "a whole check finds every flipped bit: {verified:?}");
        assert!(matches!(verified.code, Some(1 | 5)), "{verified:?}");
        let visit = scene.visit_offline(&bill);
        if visit.code == Some(0) {
            // The page holds nothing that a visit needs; the day's check has said so.
            assert_eq!(CardState::of(&scene.card).offline_serial, before.offline_serial + 1);
            panic!("business went on with a damaged ledger, byte {at}: {visit:?}");
        }
        visit.refused(5, "ledger");
        stopped += 1;
        assert_eq!(CardState::of(&scene.card), before, "no card was asked");
        let out = scene.folder.path().join(format!("saved-{trial}.jsonl"));
        let salvage = scene.run_private(&["queue", "export", "--salvage", text(&out)], &[]);
        if matches!(salvage.code, Some(0 | 1)) {
            assert_eq!(salvage.code == Some(0), salvage.number("/unreadable") == 0, "{salvage:?}");
            // Transactions and links of the chain lie in pages of their own: one flipped bit takes one of them.
            let (transactions, links) = (salvage.number("/transactions"), salvage.number("/links"));
            assert_eq!(transactions.max(links), 3, "{salvage:?}");
            let lines = fs::read_to_string(&out).unwrap();
            assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
            saved += 1;
        } else {
            // Without the first page, or one that says what the tables are, nothing can be read, and it says so.
            salvage.refused(5, "ledger");
        }
        fs::write(&ledger, &whole).unwrap();
    }
    assert_eq!(stopped, 8);
    assert!(saved >= 3, "most of it is left to be saved: {saved} of 8");
    agree(&scene);
    scene.end();
}

#[test]
fn a_damaged_cache_is_put_aside_and_filled_again() {
    let mut scene = Scene::in_process("books-damaged-cache", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    let cache = scene.jinbao.data.join("cache.db");
    let whole = fs::read(&cache).unwrap();
    let mut dice = Dice(scene.seed);
    let mut damages: Vec<(String, Vec<u8>)> = vec![
        ("cut in half".into(), whole[..whole.len() / 2].to_vec()),
        ("cut inside a page".into(), whole[..whole.len() - 1_000].to_vec()),
        ("text".into(), b"this is no database".repeat(1_000)),
        ("zeros".into(), vec![0; whole.len()]),
    ];
    for _ in 0..6 {
        let at = dice.below(whole.len() as u64) as usize;
        let mut torn = whole.clone();
        torn[at] ^= 1 << dice.below(8);
        damages.push((format!("a bit of byte {at}"), torn));
    }
    for (what, bytes) in damages {
        println!("books-damaged-cache: {what}");
        remove(&scene.jinbao.data, "cache.db-");
        fs::write(&cache, bytes).unwrap();
        let synced = scene.run(&["sync"], &[]).done();
        assert_eq!(synced.json["complete"], true, "{what}: {synced:?}");
        let visit = scene.visit_offline(&bill).done();
        assert_eq!(visit.text("/eligibility"), "cache", "{what}: {visit:?}");
        let aside = damaged(&scene.jinbao.data);
        assert!(aside.len() <= 1, "{what}: the damaged one is kept, once: {aside:?}");
        aside.iter().for_each(|file| fs::remove_file(file).unwrap());
    }
    // Without the line there is nothing to fill it from, and nothing is made up.
    fs::write(&cache, b"torn").unwrap();
    scene.center.stop();
    scene.visit(&bill).refused(6, "not_eligible");
    scene.center.open();
    // With it the center answers for the person, and the rules, which were in it too, are fetched.
    let visit = scene.visit(&bill).done();
    assert_eq!(visit.text("/eligibility"), "center");
    agree(&scene);
    scene.end();
}

fn damaged(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data).unwrap().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.to_str().is_some_and(|name| name.contains("cache.db.damaged-")))
        .filter(|path| !path.to_str().is_some_and(|name| name.ends_with("-wal") || name.ends_with("-shm")))
        .collect()
}

#[test]
fn two_commands_at_once_do_not_meet() {
    let mut scene = Scene::in_process("books-two-at-once", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let visit = ["visit", "--bill", text(&bill), "--offline"].map(str::to_owned);
    let visit: Vec<&str> = visit.iter().map(String::as_str).collect();
    let started: Vec<_> = (0..4).map(|_| scene.start(&visit, &[PLANTED_PIN])).collect();
    let mut done = 0;
    for one in started {
        let answer = one.finish(&scene.logs);
        match answer.code {
            Some(0) => done += 1,
            // Told who holds the terminal; or the card was read while another command changed it.
            _ => assert!(matches!(answer.code, Some(3 | 4)), "{answer:?}"),
        }
    }
    assert!(done >= 1);
    assert_eq!(rows(&scene.run(&["queue", "list"], &[]).done().json).len(), done);
    agree(&scene);
    scene.end();
}

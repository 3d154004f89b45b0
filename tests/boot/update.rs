//! A staged image is taken, whenever the power goes.

use std::sync::atomic::{AtomicU64, Ordering};

use stm32f405::layout;

use crate::{
    flash::Flash,
    images::{boot, program_sha256, trial},
    machine::{End, Machine},
};

/// Version 1.0.0 has run; 1.1.0 is staged and requested.
fn staged() -> (Flash, Vec<u8>) {
    let mut flash = Flash::with_boot(&boot().bytes);
    flash.load(layout::APPLICATION, &trial("1.0.0", 1, None));
    let mut machine = Machine::start(flash, None);
    assert_eq!(machine.until("trial"), End::Said("trial: 1.0.0, rollback 1, floor 1, as before".to_owned()));
    let (mut flash, _) = machine.stop();
    let new = trial("1.1.0", 2, None);
    flash.load(layout::STAGED, &new);
    flash.request(&program_sha256(&new));
    (flash, new)
}

/// The new version runs, and is what lies in flash.
fn is_taken(flash: Flash, new: &[u8], when: &str) -> u64 {
    let mut machine = Machine::start(flash, None);
    let End::Said(line) = machine.until(": ") else { panic!("nobody cuts the power here") };
    assert!(line.starts_with("trial: 1.1.0, rollback 2, floor 2"), "{when}: {line}");
    let (mut flash, words) = machine.stop();
    assert!(flash.region(layout::APPLICATION).starts_with(new), "{when}");
    let state = flash.state();
    assert_eq!((state.floor, state.pending), (2, None), "{when}");
    words
}

#[test]
fn a_staged_image_is_taken() {
    let (flash, new) = staged();
    let words = is_taken(flash, &new, "no cut");
    assert!(words > new.len() as u64 / 4, "{words}");
}

/// In the erasing, in the program, in the header, and in the journal.
#[test]
fn a_cut_is_completed_at_the_next_start() {
    let (flash, new) = staged();
    // The sector, the image word by word, and two records of the journal.
    let words = 1 + new.len() as u64 / 4 + 2 * 8;
    let mut cuts: Vec<_> = (0..10).map(|number| words * number / 10).collect();
    cuts.extend([1, 2, words - 17, words - 16, words - 9, words - 8, words - 1]);
    let next = AtomicU64::new(0);
    tests::side_by_side(2, |_| {
        while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let mut machine = Machine::start(flash.clone(), Some(*cut));
            assert_eq!(machine.until("trial"), End::Cut, "cut at word {cut} of {words}");
            is_taken(machine.stop().0, &new, &format!("cut at word {cut} of {words}"));
        }
    });
}

#[test]
fn a_damaged_staged_image_changes_nothing() {
    let (mut flash, new) = staged();
    flash.region(layout::STAGED)[new.len() - 5] ^= 0x10;
    let mut machine = Machine::start(flash, None);
    assert_eq!(machine.until("trial"), End::Said("trial: 1.0.0, rollback 1, floor 1, as before".to_owned()));
    let state = machine.stop().0.state();
    assert_eq!(state.pending, None);
    assert_eq!(state.outcome.unwrap().detail, boot::RefusalKind::Program as u8);
}

/// A board whose application is damaged mends itself from the staged image.
#[test]
fn a_damaged_application_is_mended() {
    let (flash, new) = staged();
    let mut machine = Machine::start(flash, None);
    assert!(matches!(machine.until("trial"), End::Said(_)));
    let (mut flash, _) = machine.stop();
    flash.region(layout::APPLICATION)[700] ^= 0x01;
    is_taken(flash, &new, "damaged");
}

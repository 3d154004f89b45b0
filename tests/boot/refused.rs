//! What may not run does not, and says why when it is asked.

use stm32f405::layout;

use crate::{
    flash::Flash,
    images::{boot, foreign_key, trial},
    machine::{End, Machine},
};

/// What a board says that has this in its application region.
fn said(application: &[u8]) -> String {
    let mut flash = Flash::with_boot(&boot().bytes);
    flash.load(layout::APPLICATION, application);
    run(flash).1
}

/// One run until somebody says something.
fn run(flash: Flash) -> (Flash, String) {
    let mut machine = Machine::start(flash, None);
    match machine.until(": ") {
        End::Said(line) => (machine.stop().0, line),
        End::Cut => panic!("nobody cuts the power here"),
    }
}

#[test]
fn nothing_there() {
    assert!(said(&[]).starts_with("jinbao boot: refused: header: nothing there"));
}

#[test]
fn unsigned() {
    let image = trial("1.0.0", 0, None);
    let line = said(&image[512..]);
    assert!(line.starts_with("jinbao boot: refused: header: no firmware image"), "{line}");
    let mut blank = image;
    blank[128..192].fill(0);
    let line = said(&blank);
    assert!(line.starts_with("jinbao boot: refused: wrong signature"), "{line}");
}

#[test]
fn signed_with_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = trial("1.0.0", 0, Some(&foreign_key(folder.path())));
    let line = said(&foreign);
    assert!(line.starts_with("jinbao boot: refused: signed with key "), "{line}");
    // The same signature below a header that claims the right key.
    let mut claimed = trial("1.0.0", 0, None);
    claimed[128..192].copy_from_slice(&foreign[128..192]);
    let line = said(&claimed);
    assert!(line.starts_with("jinbao boot: refused: wrong signature"), "{line}");
}

/// Bits all over the image; every bit of the header is flipped in the boot stage's own tests.
#[test]
fn one_flipped_bit() {
    let image = trial("1.0.0", 0, None);
    let bits: Vec<_> = (0..24).map(|number| (image.len() * 8 - 1) * number / 23).collect();
    tests::side_by_side(2, |half| {
        for bit in bits.iter().skip(half).step_by(2) {
            let mut flipped = image.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let line = said(&flipped);
            assert!(line.starts_with("jinbao boot: refused: "), "bit {bit}: {line}");
        }
    });
}

#[test]
fn a_good_one_runs() {
    let line = said(&trial("1.2.3", 4, None));
    assert_eq!(line, "trial: 1.2.3, rollback 4, floor 4, as before");
}

#[test]
fn an_older_one_is_refused() {
    let mut flash = Flash::with_boot(&boot().bytes);
    flash.load(layout::APPLICATION, &trial("2.0.0", 3, None));
    let (mut flash, line) = run(flash);
    assert_eq!(line, "trial: 2.0.0, rollback 3, floor 3, as before");
    flash.load(layout::APPLICATION, &trial("1.9.0", 2, None));
    let (mut flash, line) = run(flash);
    assert!(line.starts_with("jinbao boot: refused: rollback counter 2, lowest permitted 3"), "{line}");
    flash.load(layout::APPLICATION, &trial("2.0.1", 3, None));
    let (_, line) = run(flash);
    assert_eq!(line, "trial: 2.0.1, rollback 3, floor 3, as before");
}

//! The comparison against made-up fingers: turned, moved, stretched, with minutiae lost and added.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::f32::consts::TAU;

use fingerprint::{
    evaluate::{Comparisons, Impression},
    matcher::{Band, Level, Prepared, Workspace},
    minutia::{Kind, Minutia, Minutiae},
};
use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A finger: minutiae at random places that keep their distance, with directions that flow.
fn finger(seed: u64, count: usize) -> Vec<Minutia> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |limit: u32| random.next_u32() % limit;
    let mut minutiae: Vec<Minutia> = Vec::new();
    let swirl = below(628) as f32 / 100.0;
    while minutiae.len() < count {
        let (x, y) = (200 + below(1100) as u16, 200 + below(1300) as u16);
        let is_near = |other: &Minutia| other.x.abs_diff(x) < 60 && other.y.abs_diff(y) < 60;
        if minutiae.iter().any(is_near) {
            continue;
        }
        let flow = swirl + f32::from(x) / 500.0 + f32::from(y) / 700.0;
        let turned = flow + if below(2) == 0 { 0.0 } else { TAU / 2.0 };
        let angle = (turned / TAU * 256.0).rem_euclid(256.0) as u8;
        let kind = if below(2) == 0 { Kind::Ending } else { Kind::Bifurcation };
        minutiae.push(Minutia { x, y, angle, kind, quality: 40 + below(50) as u8 });
    }
    minutiae
}

/// Another impression: turned about its middle, moved, noisy, some lost and some added.
fn impression(of: &[Minutia], seed: u64, turn: f32, lost: u32, added: usize) -> Minutiae {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (sin, cos) = turn.sin_cos();
    let mut minutiae = Minutiae::new();
    let noise = |random: &mut ChaCha8Rng, most: i32| random.next_u32() as i32 % most;
    for minutia in of {
        if random.next_u32() % 100 < lost {
            continue;
        }
        let (dx, dy) = (f32::from(minutia.x) - 750.0, f32::from(minutia.y) - 850.0);
        let x = 900.0 + cos * dx + sin * dy + noise(&mut random, 13) as f32;
        let y = 950.0 - sin * dx + cos * dy + noise(&mut random, 13) as f32;
        let angle = f32::from(minutia.angle) + turn / TAU * 256.0 + noise(&mut random, 6) as f32;
        minutiae.push_best(Minutia {
            x: x as u16,
            y: y as u16,
            angle: angle.rem_euclid(256.0) as u8,
            ..*minutia
        });
    }
    for minutia in finger(seed ^ 0xADD, added) {
        minutiae.push_best(minutia);
    }
    minutiae
}

fn compare(probe: &Minutiae, gallery: &Minutiae) -> fingerprint::matcher::Score {
    Box::<Workspace>::default().compare(&Prepared::new(probe), &Prepared::new(gallery))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_finger_is_itself_however_it_lies(seed in any::<u64>(), turn in -1.0_f32..1.0, lost in 0_u32..25) {
        let finger = finger(seed, 36);
        let one = impression(&finger, seed ^ 1, 0.0, 5, 3);
        let two = impression(&finger, seed ^ 2, turn, lost, 5);
        let score = compare(&one, &two);
        prop_assert!(score.passes(Level::Strict), "{score:?}");
    }

    #[test]
    fn any_minutiae_are_compared(
        one in prop::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), any::<u8>()), 0..140),
        two in prop::collection::vec((0_u16..300, 0_u16..300, any::<u8>(), any::<u8>()), 0..140),
    ) {
        let minutiae = |list: &[(u16, u16, u8, u8)]| -> Minutiae {
            let minutia = |(x, y, angle, quality): &(u16, u16, u8, u8)| {
                Minutia { x: *x, y: *y, angle: *angle, kind: Kind::Other, quality: *quality }
            };
            list.iter().map(minutia).collect()
        };
        let (one, two) = (minutiae(&one), minutiae(&two));
        let first = compare(&one, &two);
        prop_assert_eq!(first, compare(&one, &two));
    }
}

#[test]
fn others_do_not_pass() {
    let mut passed = 0;
    let galleries: Vec<_> = (0..60).map(|seed| impression(&finger(seed, 36), seed, 0.0, 5, 3)).collect();
    for (one, probe) in galleries.iter().enumerate() {
        for gallery in &galleries[one + 1..] {
            passed += u32::from(compare(probe, gallery).passes(Level::Strict));
        }
    }
    // 1,770 pairs; fingers made of nothing but chance are more alike than real ones are not.
    assert!(passed <= 1, "{passed} of 1770");
}

#[test]
fn too_little_is_no() {
    let empty = Minutiae::new();
    let two: Minutiae = finger(1, 2).into_iter().collect();
    let many: Minutiae = finger(1, 30).into_iter().collect();
    for (one, two) in [(&empty, &many), (&many, &empty), (&two, &two), (&empty, &empty)] {
        assert_eq!(compare(one, two).band(), Band::No);
    }
    assert_eq!(compare(&many, &many).band(), Band::Clear);
}

#[test]
fn errors_are_counted_as_the_protocol_says() {
    let set: Vec<Impression> = (0..4)
        .flat_map(|finger_number| {
            (0..3).map(move |number| {
                let probe = impression(&finger(finger_number, 36), finger_number * 7 + number, 0.1, 10, 3);
                Impression {
                    finger: finger_number as u32,
                    impression: number as u32,
                    gallery: probe.clone(),
                    probe,
                }
            })
        })
        .collect();
    let mut last = 0;
    let mut comparisons = Comparisons::of(&set, &mut |done| last = done);
    assert_eq!(comparisons.counts(), (12, 54));
    assert_eq!(last, 66);
    assert_eq!(comparisons.false_non_match(1e-3), 0.0);
    assert_eq!(comparisons.equal_error(), 0.0);
    comparisons.add(&comparisons.clone());
    assert_eq!(comparisons.counts(), (24, 108));
    assert_eq!(comparisons.decision(1e-3).two_fingers, 0.0);
    let curve = comparisons.curve();
    assert!(curve.windows(2).all(|two| two[0].false_match >= two[1].false_match));
    assert!(curve.windows(2).all(|two| two[0].false_non_match <= two[1].false_non_match));
}

/// What a board has to keep for one comparison. How deep the stack goes tells the example `memory`.
#[test]
fn memory_stays_within_what_a_small_machine_has() {
    const KEPT_BYTES_MAX: usize = 100 * 1024;
    let kept = size_of::<Workspace>() + 2 * size_of::<Prepared>();
    assert!(kept <= KEPT_BYTES_MAX, "{kept}");
}

#[test]
fn memory_that_is_used_again_gives_the_same() {
    let (one, two) = (finger(31, 60), finger(32, 25));
    let (one, two) = (impression(&one, 1, 0.3, 10, 4), impression(&two, 2, 0.1, 5, 2));
    let mut workspace = Workspace::new();
    let mut kept = Prepared::empty();
    // The larger one first: nothing of it may be left.
    for minutiae in [&one, &two, &one] {
        kept.prepare(minutiae);
        for other in [&one, &two] {
            let (fresh, other) = (Prepared::new(minutiae), Prepared::new(other));
            let expected = workspace.compare(&fresh, &other);
            assert!(workspace.compare(&kept, &other) == expected);
        }
    }
    kept.prepare(&Minutiae::new());
    assert!(!workspace.compare(&kept, &Prepared::new(&one)).passes(Level::Ordinary));
}

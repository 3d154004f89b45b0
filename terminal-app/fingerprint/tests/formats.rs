//! Templates: every byte has its place, and no bytes make a reader fall.
#![allow(clippy::unwrap_used, reason = "tests")]

use fingerprint::{
    minutia::{Kind, MINUTIAE_MAX, Minutia, Minutiae},
    template::{
        FormatError, Reading, compact,
        record::{Record, VIEWS_MAX, View},
    },
};
use proptest::prelude::*;

/// One view of two minutiae, written out by hand from ISO/IEC 19794-2:2005 §7.
const ISO: &[u8] = b"FMR\0 20\0\
    \x00\x00\x00\x2A\x00\x00\x01\x00\x01\x20\x00\xC5\x00\xC5\x01\x00\
    \x07\x10\x50\x02\
    \x40\x64\x00\xC8\x40\x5A\
    \x80\x0A\x00\x14\xC0\x00\
    \x00\x00";

/// The same by ANSI INCITS 378-2004 §6: two bytes of length, four of product, directions in steps of two degrees.
const ANSI: &[u8] = b"FMR\0 20\0\
    \x00\x2C\x00\x33\x00\x01\x00\x00\x01\x00\x01\x20\x00\xC5\x00\xC5\x01\x00\
    \x07\x10\x50\x02\
    \x40\x64\x00\xC8\x2D\x5A\
    \x80\x0A\x00\x14\x87\x00\
    \x00\x00";

fn hundredths(pixels: u32) -> u16 {
    ((pixels * 1000 + 98) / 197) as u16
}

fn expected() -> Vec<Minutia> {
    vec![
        Minutia { x: hundredths(100), y: hundredths(200), angle: 64, kind: Kind::Ending, quality: 90 },
        Minutia { x: hundredths(10), y: hundredths(20), angle: 192, kind: Kind::Bifurcation, quality: 0 },
    ]
}

#[test]
fn an_iso_record_is_read_and_written_back() {
    let record = Record::read(ISO, Reading::Strict).unwrap();
    assert_eq!((record.width, record.height, record.x_per_cm), (256, 288, 197));
    let view = &record.views[0];
    assert_eq!((view.position, view.number, view.impression, view.quality), (7, 1, 0, 80));
    assert_eq!(&*view.minutiae, &expected()[..]);
    assert_eq!(record.write().unwrap(), ISO);
}

#[test]
fn an_ansi_record_is_read() {
    let record = Record::read(ANSI, Reading::Strict).unwrap();
    assert_eq!(&*record.views[0].minutiae, &expected()[..]);
}

#[test]
fn a_record_cut_anywhere_is_truncated() {
    for whole in [ISO, ANSI] {
        for length in 0..whole.len() {
            for reading in [Reading::Strict, Reading::Lenient] {
                let error = Record::read(&whole[..length], reading).unwrap_err();
                assert!(matches!(error, FormatError::Truncated { .. }), "{length}: {error:?}");
            }
        }
    }
}

#[test]
fn what_the_standard_forbids_is_told_or_left_out() {
    let changed = |at: usize, value: u8| {
        let mut bytes = ISO.to_vec();
        bytes[at] = value;
        bytes
    };
    // Reserved byte, position 11, quality 101, x outside of the image, reserved bits of y, quality of a minutia.
    for (at, value) in [(23, 1), (24, 11), (26, 101), (28, 0x7F), (30, 0x40), (33, 101)] {
        let bytes = changed(at, value);
        let error = Record::read(&bytes, Reading::Strict).unwrap_err();
        assert!(matches!(error, FormatError::Field { .. }), "{at}: {error:?}");
        let lenient = Record::read(&bytes, Reading::Lenient).unwrap();
        assert_eq!(lenient.views[0].minutiae.len(), if at == 28 { 1 } else { 2 });
    }
    let more = [ISO, &[0]].concat();
    assert!(matches!(Record::read(&more, Reading::Strict), Err(FormatError::Trailing { .. })));
    assert!(Record::read(&more, Reading::Lenient).is_ok());
    assert_eq!(Record::read(&changed(18, 0), Reading::Strict).map(|_| ()), Ok(()), "resolution 00C5 is C5");
    let mut no_resolution = changed(19, 0);
    no_resolution[18] = 0;
    assert!(matches!(Record::read(&no_resolution, Reading::Lenient), Err(FormatError::Field { offset: 18 })));
    assert!(matches!(
        Record::read(&changed(22, VIEWS_MAX as u8 + 1), Reading::Lenient),
        Err(FormatError::TooMany { max: VIEWS_MAX, .. })
    ));
    // A count of 255 that is not there.
    assert!(matches!(Record::read(&changed(27, 255), Reading::Lenient), Err(FormatError::Truncated { .. })));
    assert!(matches!(Record::read(b"FMR\x00030\0", Reading::Lenient), Err(FormatError::Unknown)));
}

#[test]
fn compact_size_is_three_bytes_in_order() {
    let minutiae: Minutiae = [
        Minutia { x: 1234, y: 2000, angle: 255, kind: Kind::Bifurcation, quality: 10 },
        Minutia { x: 104, y: 106, angle: 6, kind: Kind::Ending, quality: 50 },
        Minutia { x: 2551, y: 50, angle: 0, kind: Kind::Other, quality: 60 },
        // Beyond 25.5 mm.
        Minutia { x: 2560, y: 0, angle: 0, kind: Kind::Other, quality: 100 },
    ]
    .into_iter()
    .collect();
    // The highest direction rounds to a whole turn, which is none.
    assert_eq!(*compact::write(&minutiae, 60), [255, 5, 0x00, 10, 11, 0x42, 123, 200, 0x80]);
    assert_eq!(*compact::write(&minutiae, 1), [255, 5, 0x00]);
    let read = compact::read(&[10, 11, 0x42], Reading::Strict).unwrap();
    assert_eq!(&*read, &[Minutia { x: 100, y: 110, angle: 8, kind: Kind::Ending, quality: 0 }]);
    assert_eq!(compact::read(&[0, 0, 0xC0], Reading::Strict).unwrap_err(), FormatError::Field { offset: 2 });
    assert!(compact::read(&[0, 0, 0xC0], Reading::Lenient).is_ok());
    assert_eq!(
        compact::read(&[0; 4], Reading::Lenient).unwrap_err(),
        FormatError::Truncated { expected: 6, got: 4 }
    );
    let many = vec![0; 3 * (MINUTIAE_MAX + 1)];
    assert!(matches!(compact::read(&many, Reading::Lenient), Err(FormatError::TooMany { .. })));
}

fn minutia() -> impl Strategy<Value = Minutia> {
    (0_u16..2000, 0_u16..2000, any::<u8>(), 0_u8..3, 0_u8..=100).prop_map(|(x, y, angle, kind, quality)| {
        let kind = [Kind::Other, Kind::Ending, Kind::Bifurcation][usize::from(kind)];
        Minutia { x, y, angle, kind, quality }
    })
}

proptest! {
    #[test]
    fn normal_size_keeps_everything_but_quality(list in prop::collection::vec(minutia(), 0..MINUTIAE_MAX)) {
        let minutiae: Minutiae = list.iter().copied().collect();
        let read = compact::read_normal(&compact::write_normal(&minutiae), Reading::Strict).unwrap();
        let without: Vec<_> = list.iter().map(|minutia| Minutia { quality: 0, ..*minutia }).collect();
        prop_assert_eq!(&*read, &without[..]);
    }

    #[test]
    fn a_record_is_read_as_it_was_written(list in prop::collection::vec(minutia(), 0..MINUTIAE_MAX), position in 0_u8..=10) {
        let mut record = Record::new(400, 400);
        record.views.push(View {
            position,
            number: 2,
            impression: 0,
            quality: 77,
            minutiae: list.iter().copied().collect(),
        });
        let bytes = record.write().unwrap();
        let read = Record::read(&bytes, Reading::Strict).unwrap();
        prop_assert_eq!(read.write().unwrap(), bytes);
        for (read, written) in read.views[0].minutiae.iter().zip(&list) {
            prop_assert!(read.x.abs_diff(written.x) <= 3 && read.y.abs_diff(written.y) <= 3);
            prop_assert_eq!((read.angle, read.kind, read.quality), (written.angle, written.kind, written.quality));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), begins in any::<bool>()) {
        let bytes = if begins { [b"FMR\0 20\0", &bytes[..]].concat() } else { bytes };
        for reading in [Reading::Strict, Reading::Lenient] {
            if let Ok(record) = Record::read(&bytes, reading) {
                prop_assert!(record.views.len() <= VIEWS_MAX);
            }
            let _ = compact::read(&bytes, reading);
            let _ = compact::read_normal(&bytes, reading);
        }
    }
}

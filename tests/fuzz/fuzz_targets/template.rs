//! Fingerprint templates and the card's fingerprint file.
#![no_main]

use fingerprint::template::{Reading, compact, record::Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for reading in [Reading::Strict, Reading::Lenient] {
        if let Ok(record) = Record::read(bytes, reading) {
            let again = record.write().expect("no more views than were read");
            let record = Record::read(&again, Reading::Lenient).expect("what was written can be read");
            let twice = record.write().expect("as before");
            assert_eq!(twice.len(), again.len());
        }
        if let Ok(minutiae) = compact::read(bytes, reading) {
            assert!(compact::write(&minutiae, 128).len() <= bytes.len());
        }
        let _ = compact::read_normal(bytes, reading);
    }
    let _ = card_spec::fingerprint::Stored::parse_place(bytes);
});

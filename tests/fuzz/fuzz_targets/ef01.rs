//! The fingerprint module's line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reader_protocol::ef01::{Parser, Scanner};

fuzz_target!(|bytes: &[u8]| {
    let mut scanner = Scanner::new([0xFF; 4]);
    let mut parser = Parser::new([0xFF; 4]);
    for byte in bytes {
        let _ = scanner.push(*byte);
        let _ = parser.push(*byte).map(|packet| packet.is_ok());
    }
});

//! Answers to reset.
#![no_main]

use card_spec::atr::Atr;
use engine::iso7816::AtrParameters;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(atr) = Atr::parse(bytes) {
        assert_eq!(atr.as_bytes(), bytes);
        let parameters = AtrParameters::of(&atr);
        let _ = parameters.in_force();
    }
});

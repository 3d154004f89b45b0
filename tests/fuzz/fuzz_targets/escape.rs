//! Requests of the host to the board, firmware images.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reader_protocol::{escape::Request, image::SignedHeader};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::parse(bytes) {
        assert_eq!(&*request.build().expect("what was read can be built"), bytes);
    }
    if let Ok(header) = SignedHeader::parse(bytes) {
        let again = header.to_bytes();
        assert_eq!(SignedHeader::parse(&again).map(|header| header.to_bytes()), Ok(again));
    }
});

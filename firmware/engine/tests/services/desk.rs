//! Every request has one answer, whatever it is.

use engine::services::{EscapeError, Services};
use engine::time::Instant;
use engine::trace::{Event, Trace};
use proptest::prelude::*;
use reader_protocol::escape::{
    Abilities, Answer, Counters, FRAME_BYTES_MAX, Identity, MARK, Opcode, Personality, Request, Status,
    VERSION,
};
use reader_protocol::update::{UpdateRefusal, UpdateState};

use crate::bench::{Bench, SERIAL};
use crate::seeded;

#[test]
fn identity_and_counters() {
    let mut bench = Bench::new();
    let identity: Identity = bench.read(&Request::Identify);
    assert_eq!(identity.board.as_str(), "bench");
    assert_eq!(identity.serial, SERIAL);
    assert_eq!((identity.version, identity.rollback, identity.build), ([1, 2, 3], 4, *b"builtnow"));
    assert_eq!((identity.personality, identity.slots), (Personality::Sec1210, 2));
    assert!(identity.abilities.has(Abilities::UPDATE.with(Abilities::TAMPER)));

    bench.trace.count(Event::Exchange);
    bench.trace.count(Event::Exchange);
    bench.open_and_close();
    let counters: Counters = bench.read(&Request::Counters);
    assert_eq!(counters.of(Event::Exchange), 2);
    assert_eq!(counters.of(Event::Tampered), 1);
    assert_eq!(counters.uptime_ms, 1_350);
}

#[test]
fn updates_are_handed_on() {
    let mut bench = Bench::new();
    bench.order(&Request::UpdateBegin(&[1; 100]));
    let refused = (Status::UpdateRefused, vec![UpdateRefusal::Signature.byte()]);
    assert_eq!(bench.ask(&Request::UpdateWrite { offset: 0, bytes: &[1; 4] }), refused);
    bench.order(&Request::UpdateFinish);
    assert_eq!(bench.read::<UpdateState>(&Request::UpdateState), UpdateState::UNSUPPORTED);
}

#[test]
fn not_ours() {
    let mut bench = Bench::new();
    let mut answer = [0; 261];
    for request in [&[][..], &[0x02], &[0x6A], &[0x01, 0x01, 0x01]] {
        let result = bench.desk.escape(request, &mut answer, &Trace::new(), Instant(0));
        assert_eq!(result, Err(EscapeError::Unsupported));
    }
    assert_eq!(bench.ask_bytes(&[MARK]), [MARK, Status::Malformed.byte()]);
    assert_eq!(bench.ask_bytes(&[MARK, 9, 0]), [MARK, Status::UnknownVersion.byte()]);
    assert_eq!(bench.ask_bytes(&[MARK, VERSION, 0xEE]), [MARK, Status::UnknownOpcode.byte()]);
}

#[test]
fn any_request() {
    let request = (0..Opcode::ALL.len(), proptest::collection::vec(any::<u8>(), 0..260));
    let requests = proptest::collection::vec((request, any::<bool>(), 0u64..50), 1..30);
    proptest!(seeded::config(300), |(requests in requests)| {
        let mut bench = Bench::new();
        for ((opcode, mut body), is_known, wait_ms) in requests {
            if is_known {
                // Lengths that are likely to be right.
                body.truncate([0, 1, 2, 3, 4, 5, 32, 64, 128][body.len() % 9]);
            }
            let request = [&[MARK, VERSION, Opcode::ALL[opcode].byte()][..], &body].concat();
            let bytes = bench.ask_bytes(&request);
            prop_assert!(bytes.len() <= FRAME_BYTES_MAX);
            prop_assert!(Answer::parse(&bytes).is_ok());
            bench.run_millis(wait_ms);
        }
    });
}

//! What can go wrong between board and fingerprint module, one by one.

use std::{cell::Cell, rc::Rc};

use engine::trace::Event;
use proptest::prelude::*;
use reader_protocol::ef01::{Confirmation, HEAD_BYTES, Kind};
use reader_protocol::escape::{
    Abilities, Buffer, FingerFailure, FingerOutcome, FingerState, FingerTask, Identity, Request, Status,
};

use crate::bench::{Bench, done, failed};
use crate::module::Plug;
use crate::seeded;

const CAPTURE: FingerTask = FingerTask::CaptureImage { timeout_ms: 100 };
/// An image of three packets is enough to be cut everywhere.
const IMAGE_BYTES: usize = 300;
/// Nothing that fails takes longer to say so, but for a finger or a host that is waited for.
const PATIENCE_MS: u64 = 20_000;

/// A bench whose module has a finger and a small image, and one that meddles with its packets from now on.
fn meddled(meddler: impl FnMut(usize, &mut Vec<u8>) -> Plug + 'static) -> Bench {
    let bench = Bench::new();
    {
        let mut module = bench.module.borrow_mut();
        module.image.truncate(IMAGE_BYTES);
        module.has_finger = true;
        module.packets_sent = 0;
        module.meddler = Some(Box::new(meddler));
    }
    bench
}

/// The module as it should be, again: a capture works.
#[track_caller]
fn recovers(bench: &mut Bench) {
    {
        let mut module = bench.module.borrow_mut();
        module.meddler = None;
        module.unplug();
        module.is_plugged = true;
        module.has_finger = true;
    }
    bench.order(&Request::FingerStart(CAPTURE));
    assert!(bench.fetch_all(3).unwrap() == bench.module.borrow().image);
}

/// Captures and fetches; gives how it ends.
fn capture(bench: &mut Bench) -> Result<Vec<u8>, FingerState> {
    bench.order(&Request::FingerStart(CAPTURE));
    let begun = bench.clock.nanos();
    let result = bench.fetch_all(3);
    let took_ms = (bench.clock.nanos() - begun) / 1_000_000;
    assert!(took_ms < PATIENCE_MS, "{took_ms}");
    result
}

#[test]
fn a_dead_module() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().unplug();
    bench.restart();
    bench.run_millis(5_000);
    let identity: Identity = bench.read(&Request::Identify);
    assert!(!identity.abilities.has(Abilities::FINGERPRINT));
    assert_eq!(bench.task(FingerTask::Parameters, PATIENCE_MS), failed(FingerFailure::Silent));
    recovers(&mut bench);
    let identity: Identity = bench.read(&Request::Identify);
    assert!(identity.abilities.has(Abilities::FINGERPRINT));
}

/// Each packet of a capture is cut after each of its bytes, and the module is gone.
#[test]
fn every_packet_cut_everywhere() {
    for packet in 0..5 {
        for cut in 0..150 {
            let was_cut = Rc::new(Cell::new(false));
            let flag = was_cut.clone();
            let mut bench = meddled(move |index, bytes| {
                if index == packet && cut < bytes.len() {
                    flag.set(true);
                    bytes.truncate(cut);
                    Plug::Out
                } else {
                    Plug::In
                }
            });
            let result = capture(&mut bench);
            if was_cut.get() {
                assert_eq!(result, Err(failed(FingerFailure::Silent)), "packet {packet} cut at {cut}");
                recovers(&mut bench);
            } else {
                assert!(result.is_ok());
            }
        }
    }
}

/// One byte of a packet is lost, the module goes on: never a wrong image.
#[test]
fn every_byte_lost() {
    for packet in 0..5 {
        for lost in 0..150 {
            let mut bench = meddled(move |index, bytes| {
                if index == packet && lost < bytes.len() {
                    bytes.remove(lost);
                }
                Plug::In
            });
            let result = capture(&mut bench);
            if let Ok(image) = result {
                assert!(image == bench.module.borrow().image, "packet {packet} without {lost}");
            }
            recovers(&mut bench);
        }
    }
}

/// A confirmation with a wrong checksum is asked for once more, then the task fails; data fail at once.
#[test]
fn wrong_checksums() {
    for packet in 0..5 {
        for times in 1..=2 {
            let left = Cell::new(times);
            let mut bench = meddled(move |index, bytes| {
                if index >= packet && left.get() > 0 {
                    left.set(left.get() - 1);
                    *bytes.last_mut().unwrap() ^= 0x01;
                }
                Plug::In
            });
            let result = capture(&mut bench);
            let is_confirmation = packet < 2;
            if is_confirmation && times == 1 {
                assert!(result.unwrap() == bench.module.borrow().image, "packet {packet}");
            } else if packet == 1 {
                // The second broken packet is one of data, which are let pass until the line is quiet.
                assert!(result.unwrap() == bench.module.borrow().image);
            } else {
                assert_eq!(result, Err(failed(FingerFailure::Broken)), "packet {packet} × {times}");
            }
            assert!(bench.desk.trace().of(Event::FingerPacketBroken) >= 1);
            recovers(&mut bench);
        }
    }
}

/// Every code that a module can answer a one-step task with comes through as it is.
#[test]
fn every_confirmation_code() {
    for code in 1..=u8::MAX {
        let mut bench = meddled(move |_, bytes| {
            let change = code.wrapping_sub(bytes[HEAD_BYTES]);
            bytes[HEAD_BYTES] = code;
            let at = bytes.len() - 2;
            let checksum = u16::from_be_bytes([bytes[at], bytes[at + 1]]).wrapping_add(change.into());
            bytes[at..].copy_from_slice(&checksum.to_be_bytes());
            Plug::In
        });
        let store = FingerTask::Store { buffer: Buffer::First, page: 1 };
        let refused = failed(FingerFailure::Refused(Confirmation::from_byte(code)));
        assert_eq!(bench.task(store, PATIENCE_MS), refused);
        // A capture passes the code on too, but for the one that means: not yet.
        let expected = if code == 0x02 { failed(FingerFailure::NoFinger) } else { refused };
        assert_eq!(capture(&mut bench), Err(expected), "{code:02X}");
        recovers(&mut bench);
    }
}

/// A packet of another kind in every place.
#[test]
fn wrong_kinds() {
    for packet in 0..5 {
        for kind in Kind::ALL {
            let left = Cell::new(2);
            let mut bench = meddled(move |index, bytes| {
                let due = if index < 2 { Kind::Acknowledge.byte() } else { bytes[6] };
                if index >= packet && left.get() > 0 && kind.byte() != due {
                    left.set(left.get() - 1);
                    let change = u16::from(kind.byte()).wrapping_sub(bytes[6].into());
                    bytes[6] = kind.byte();
                    let at = bytes.len() - 2;
                    let checksum = u16::from_be_bytes([bytes[at], bytes[at + 1]]).wrapping_add(change);
                    bytes[at..].copy_from_slice(&checksum.to_be_bytes());
                }
                Plug::In
            });
            match capture(&mut bench) {
                // An early end cuts the image, which the host sees by its length.
                Ok(image) => {
                    assert!(image.len() <= IMAGE_BYTES);
                    assert!(bench.module.borrow().image.starts_with(&image));
                }
                Err(FingerState::Failed(
                    FingerFailure::Unexpected | FingerFailure::Silent | FingerFailure::Broken,
                )) => {}
                Err(other) => panic!("packet {packet} as {kind:?}: {other:?}"),
            }
            recovers(&mut bench);
        }
    }
}

/// Unplugged at any moment of a capture, in the middle of an image above all.
#[test]
fn unplugged_at_any_moment() {
    for after_ms in (0..120).chain((120..6_000).step_by(97)) {
        let mut bench = Bench::new();
        bench.module.borrow_mut().has_finger = true;
        bench.order(&Request::FingerStart(CAPTURE));
        let gone = bench.clock.nanos() + after_ms * 1_000_000;
        let mut is_gone = false;
        let mut sequence = 0;
        let result = loop {
            if !is_gone && bench.clock.nanos() >= gone {
                bench.module.borrow_mut().unplug();
                is_gone = true;
            }
            let (status, body) = bench.ask(&Request::FingerFetch { sequence });
            if status == Status::Done && body.len() > 3 {
                sequence += 1;
            }
            match bench.finger_state() {
                FingerState::Failed(failure) => break failure,
                FingerState::Done(_) => panic!("an image without a module"),
                _ => bench.run_millis(3),
            }
        };
        assert_eq!(result, FingerFailure::Silent, "{after_ms}");
        bench.module.borrow_mut().image.truncate(IMAGE_BYTES);
        recovers(&mut bench);
    }
}

#[test]
fn a_host_that_does_not_send() {
    let mut bench = Bench::new();
    let write = FingerTask::WriteTemplate { buffer: Buffer::First, length_bytes: 500 };
    bench.order(&Request::FingerStart(write));
    bench.order(&Request::FingerSend { sequence: 0, bytes: &[1; 200] });
    bench.run_millis(9_000);
    assert!(matches!(bench.finger_state(), FingerState::Transferring { bytes: 128, .. }));
    bench.run_millis(11_000);
    assert_eq!(bench.finger_state(), failed(FingerFailure::Starved));
    bench.module.borrow_mut().image.truncate(IMAGE_BYTES);
    recovers(&mut bench);
}

#[test]
fn a_line_that_fails() {
    let mut bench = Bench::new();
    bench.order(&Request::FingerStart(FingerTask::CaptureImage { timeout_ms: 5_000 }));
    bench.run_millis(100);
    bench.line.borrow_mut().fails = true;
    bench.run_millis(1_000);
    assert_eq!(bench.finger_state(), failed(FingerFailure::Line));
    bench.line.borrow_mut().fails = false;
    recovers(&mut bench);

    // One that takes nothing any more, in the middle of a template.
    let write = FingerTask::WriteTemplate { buffer: Buffer::First, length_bytes: 128 };
    bench.order(&Request::FingerStart(write));
    bench.run_millis(100);
    bench.line.borrow_mut().is_stuck = true;
    bench.order(&Request::FingerSend { sequence: 0, bytes: &[1; 128] });
    assert_eq!(bench.until_done(PATIENCE_MS), failed(FingerFailure::Line));
    bench.line.borrow_mut().is_stuck = false;
    bench.run_millis(61_000);
    recovers(&mut bench);
}

/// Cancelled at every moment; the next task works.
#[test]
fn cancelled_at_every_moment() {
    for after_ms in (0..60).chain([100, 1_000, 5_000]) {
        let mut bench = Bench::new();
        bench.module.borrow_mut().has_finger = true;
        bench.order(&Request::FingerStart(CAPTURE));
        bench.run_millis(after_ms);
        bench.order(&Request::FingerCancel);
        assert_eq!(bench.finger_state(), FingerState::Idle);
        assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::NothingToFetch);
        assert_eq!(bench.task(FingerTask::Count, PATIENCE_MS), done(FingerOutcome::Count(0)), "{after_ms}");
    }
}

fn any_task() -> impl Strategy<Value = FingerTask> {
    prop_oneof![
        Just(CAPTURE),
        Just(FingerTask::CaptureFeatures { buffer: Buffer::First, timeout_ms: 50 }),
        Just(FingerTask::ReadImage),
        Just(FingerTask::ReadTemplate { buffer: Buffer::Second }),
        Just(FingerTask::WriteTemplate { buffer: Buffer::First, length_bytes: 300 }),
        Just(FingerTask::Combine),
        Just(FingerTask::Match),
        Just(FingerTask::Count),
        Just(FingerTask::Parameters),
        Just(FingerTask::Delete { page: 0, count: 3 }),
    ]
}

/// A module that says anything at any time: every task ends, and the module that comes after works.
#[test]
fn any_noise() {
    let noise = proptest::collection::vec(
        (
            0u64..200,
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                Just(vec![0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00, 0x03, 0x00, 0x00, 0x0A]),
                Just(vec![0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0x01, 0x02]),
            ],
        ),
        0..12,
    );
    proptest!(seeded::config(150), |(task in any_task(), noise in noise, is_plugged in any::<bool>())| {
        let mut bench = Bench::new();
        bench.module.borrow_mut().has_finger = true;
        bench.module.borrow_mut().image.truncate(IMAGE_BYTES);
        bench.module.borrow_mut().is_plugged = is_plugged;
        bench.order(&Request::FingerStart(task));
        for (wait_ms, bytes) in noise {
            bench.module.borrow_mut().inject(&bytes);
            bench.run_millis(wait_ms);
        }
        // A template that was asked for and never comes is waited for as long as for any host.
        bench.until_done(60_000);
        recovers(&mut bench);
    });
}

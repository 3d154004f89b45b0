//! Tasks of the fingerprint module, as they should go.

use engine::trace::Event;
use reader_protocol::ef01::{Confirmation, IMAGE_BYTES, Instruction, Parameters};
use reader_protocol::escape::{
    Abilities, Aura, Buffer, CHUNK_BYTES_MAX, Chunk, FingerFailure, FingerOutcome, FingerState, FingerTask,
    Identity, Request, Status,
};

use crate::bench::{Bench, done, failed};

const CAPTURE: FingerTask = FingerTask::CaptureImage { timeout_ms: 2_000 };
const NOTHING: FingerState = done(FingerOutcome::Nothing);

#[test]
fn the_module_is_greeted() {
    let mut bench = Bench::new();
    let identity: Identity = bench.read(&Request::Identify);
    assert!(identity.abilities.has(Abilities::FINGERPRINT));
    assert_eq!(bench.module.borrow().heard, [Instruction::VerifyPassword, Instruction::ReadParameters]);
    assert_eq!(bench.finger_state(), FingerState::Idle);
}

#[test]
fn an_image() {
    let mut bench = Bench::new();
    bench.order(&Request::FingerStart(CAPTURE));
    bench.run_millis(500);
    assert_eq!(bench.finger_state(), FingerState::WaitingForFinger);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::NothingToFetch);
    bench.module.borrow_mut().has_finger = true;
    bench.run_millis(200);
    let state = bench.finger_state();
    assert!(matches!(state, FingerState::Transferring { .. }), "{state:?}");
    let image = bench.fetch_all(3).unwrap();
    assert!(image == bench.module.borrow().image);
    assert_eq!(bench.finger_state(), done(FingerOutcome::Transferred { bytes: IMAGE_BYTES as u32 }));
    assert_eq!(bench.desk.trace().of(Event::FingerStarted), 1);
    assert_eq!(bench.desk.trace().of(Event::FingerFailed), 0);
}

#[test]
fn no_finger() {
    let mut bench = Bench::new();
    let begun = bench.clock.nanos();
    assert_eq!(bench.task(CAPTURE, 3_000), failed(FingerFailure::NoFinger));
    let waited_ms = (bench.clock.nanos() - begun) / 1_000_000;
    assert!((2_000..2_200).contains(&waited_ms), "{waited_ms}");
    // One look when there is no time.
    bench.module.borrow_mut().heard.clear();
    let task = FingerTask::CaptureFeatures { buffer: Buffer::First, timeout_ms: 0 };
    assert_eq!(bench.task(task, 100), failed(FingerFailure::NoFinger));
    assert_eq!(bench.module.borrow().heard, [Instruction::GenerateImage]);
}

#[test]
fn enrolment_and_match() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().has_finger = true;
    bench.module.borrow_mut().parameters.capacity = 0x0100;
    for buffer in [Buffer::First, Buffer::Second] {
        let task = FingerTask::CaptureFeatures { buffer, timeout_ms: 100 };
        assert_eq!(bench.task(task, 1_000), NOTHING);
    }
    assert_eq!(bench.task(FingerTask::Match, 1_000), done(FingerOutcome::Score(120)));
    assert_eq!(bench.task(FingerTask::Combine, 1_000), NOTHING);
    assert_eq!(
        bench.task(FingerTask::Store { buffer: Buffer::First, page: 0x0102 }, 1_000),
        failed(FingerFailure::Refused(Confirmation::PageOutOfRange),)
    );
    bench.module.borrow_mut().parameters.capacity = 0x0200;
    assert_eq!(bench.task(FingerTask::Store { buffer: Buffer::First, page: 0x0102 }, 1_000), NOTHING);
    assert_eq!(bench.task(FingerTask::Count, 1_000), done(FingerOutcome::Count(1)));
    assert_eq!(bench.module.borrow().library[&0x0102].len(), 512);
    assert_eq!(bench.task(FingerTask::Load { buffer: Buffer::Second, page: 0x0102 }, 1_000), NOTHING);
    assert_eq!(bench.task(FingerTask::Delete { page: 0x0102, count: 1 }, 1_000), NOTHING);
    assert_eq!(bench.task(FingerTask::Count, 1_000), done(FingerOutcome::Count(0)));
    let missing = FingerTask::Load { buffer: Buffer::Second, page: 0x0102 };
    let refused = FingerFailure::Refused(Confirmation::TemplateUnreadable);
    assert_eq!(bench.task(missing, 1_000), failed(refused));
    let aura = FingerTask::Aura(Aura { control: 1, speed: 2, colour: 3, count: 4 });
    assert_eq!(bench.task(aura, 1_000), NOTHING);
    let parameters = Parameters { capacity: 0x0200, ..Parameters::FACTORY };
    assert_eq!(bench.task(FingerTask::Parameters, 1_000), done(FingerOutcome::Parameters(parameters)));
}

/// Templates go both ways, for every size of packet, in pieces of every kind.
#[test]
fn templates() {
    for packet_size in 0..4 {
        for (length, piece_bytes) in [(1, 1), (31, 7), (256, 240), (512, 240), (513, 64), (2_000, 240)] {
            let mut bench = Bench::new();
            bench.module.borrow_mut().parameters.packet_size = packet_size;
            bench.restart();
            bench.run_millis(1_000);
            let template: Vec<u8> = (0..length).map(|index| (index * 13 + 5) as u8).collect();
            let write = FingerTask::WriteTemplate { buffer: Buffer::Second, length_bytes: length as u16 };
            bench.order(&Request::FingerStart(write));
            bench.send_all(&template, piece_bytes);
            let transferred = done(FingerOutcome::Transferred { bytes: length as u32 });
            assert_eq!(bench.until_done(5_000), transferred);
            bench.run_millis(100);
            assert!(bench.module.borrow().buffers[1] == template, "{packet_size} {length}");
            // What went to the module is nothing to fetch.
            assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::NothingToFetch);

            bench.order(&Request::FingerStart(FingerTask::ReadTemplate { buffer: Buffer::Second }));
            assert!(bench.fetch_all(3).unwrap() == template, "{packet_size} {length}");
            assert_eq!(bench.finger_state(), transferred);
        }
    }
}

/// A piece may be asked for again, word by word the same, and nothing else may.
#[test]
fn pieces_in_sequence() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().buffers[0] = (0..=255).collect();
    bench.order(&Request::FingerStart(FingerTask::ReadTemplate { buffer: Buffer::First }));
    bench.run_millis(200);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 1 }), Status::OutOfSequence);
    let first = bench.ask(&Request::FingerFetch { sequence: 0 });
    assert_eq!(Chunk::read(&first.1).unwrap().bytes.len(), CHUNK_BYTES_MAX);
    assert_eq!(bench.ask(&Request::FingerFetch { sequence: 0 }), first);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 2 }), Status::OutOfSequence);
    let second = bench.ask(&Request::FingerFetch { sequence: 1 });
    assert!(Chunk::read(&second.1).unwrap().is_last);
    assert_eq!(bench.ask(&Request::FingerFetch { sequence: 1 }), second);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::OutOfSequence);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 2 }), Status::NothingToFetch);

    let write = FingerTask::WriteTemplate { buffer: Buffer::First, length_bytes: 300 };
    assert_eq!(bench.status(&Request::FingerSend { sequence: 0, bytes: &[1] }), Status::NothingToSend);
    bench.order(&Request::FingerStart(write));
    assert_eq!(bench.status(&Request::FingerSend { sequence: 1, bytes: &[1] }), Status::OutOfSequence);
    bench.order(&Request::FingerSend { sequence: 0, bytes: &[1; 200] });
    bench.order(&Request::FingerSend { sequence: 0, bytes: &[1; 200] });
    assert_eq!(bench.status(&Request::FingerSend { sequence: 1, bytes: &[2; 101] }), Status::Malformed);
    bench.order(&Request::FingerSend { sequence: 1, bytes: &[2; 100] });
    assert_eq!(bench.until_done(1_000), done(FingerOutcome::Transferred { bytes: 300 }));
    bench.run_millis(100);
    assert!(bench.module.borrow().buffers[0] == [&[1; 200][..], &[2; 100]].concat());
}

#[test]
fn one_task_at_a_time() {
    let mut bench = Bench::new();
    bench.order(&Request::FingerStart(CAPTURE));
    assert_eq!(bench.status(&Request::FingerStart(FingerTask::Count)), Status::Busy);
    bench.order(&Request::FingerCancel);
    assert_eq!(bench.finger_state(), FingerState::Idle);
    bench.order(&Request::FingerStart(FingerTask::Count));
    assert_eq!(bench.until_done(1_000), done(FingerOutcome::Count(0)));
}

/// A task may be started before the greeting is over; it comes after it.
#[test]
fn a_task_at_the_very_beginning() {
    for wait_ms in 0..20 {
        let mut bench = Bench::new();
        bench.restart();
        bench.run_millis(wait_ms);
        assert_eq!(bench.task(FingerTask::Count, 1_000), done(FingerOutcome::Count(0)));
    }
}

/// Some modules refuse their parameters, some never say that the last packet was the last.
#[test]
fn modules_of_other_makers() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().knows_parameters = false;
    bench.module.borrow_mut().says_end = false;
    bench.module.borrow_mut().has_finger = true;
    bench.restart();
    bench.run_millis(1_000);
    let refused = FingerFailure::Refused(Confirmation::Other(0x1D));
    assert_eq!(bench.task(FingerTask::Parameters, 1_000), failed(refused));
    bench.order(&Request::FingerStart(CAPTURE));
    assert!(bench.fetch_all(3).unwrap() == bench.module.borrow().image);
}

/// What nobody fetches fails by its own name, and the image can be had once more when the module has ended.
#[test]
fn overrun() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().has_finger = true;
    assert_eq!(bench.task(CAPTURE, 2_000), failed(FingerFailure::Overrun));
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::Overrun);
    bench.order(&Request::FingerStart(FingerTask::ReadImage));
    assert_eq!(bench.finger_state(), FingerState::Busy);
    assert!(bench.fetch_all(3).unwrap() == bench.module.borrow().image);
    assert_eq!(bench.desk.trace().of(Event::FingerFailed), 1);
}

/// A host that comes every 100 ms is in time, one that comes every 200 ms is not: the ring holds 1,024 bytes,
/// of which 240 may be asked for again.
#[test]
fn the_host_has_a_tenth_of_a_second() {
    for (every_ms, is_in_time) in [(100, true), (200, false)] {
        let mut bench = Bench::new();
        bench.module.borrow_mut().has_finger = true;
        bench.order(&Request::FingerStart(CAPTURE));
        let result = bench.fetch_all(every_ms);
        assert_eq!(result.is_ok(), is_in_time, "{every_ms}");
        assert!(is_in_time || result == Err(failed(FingerFailure::Overrun)));
    }
}

/// A small template that nobody fetches does not lie there for ever; one that was fetched is done.
#[test]
fn what_is_left_is_wiped() {
    let read = FingerTask::ReadTemplate { buffer: Buffer::First };
    let mut bench = Bench::new();
    bench.module.borrow_mut().buffers[0] = vec![7; 256];
    assert_eq!(bench.task(read, 1_000), done(FingerOutcome::Transferred { bytes: 256 }));
    bench.run_millis(11_000);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 0 }), Status::Overrun);
    assert_eq!(bench.finger_state(), failed(FingerFailure::Overrun));

    bench.order(&Request::FingerStart(read));
    assert_eq!(bench.fetch_all(3), Ok(vec![7; 256]));
    bench.run_millis(11_000);
    assert_eq!(bench.status(&Request::FingerFetch { sequence: 1 }), Status::NothingToFetch);
    assert_eq!(bench.finger_state(), done(FingerOutcome::Transferred { bytes: 256 }));
}

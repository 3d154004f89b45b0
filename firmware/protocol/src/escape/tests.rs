#![allow(clippy::unwrap_used, reason = "tests")]

extern crate std;

use proptest::prelude::*;
use std::vec::Vec;
use std::{format, vec};

use super::*;
use crate::ef01::{Confirmation, Parameters};

fn task() -> impl Strategy<Value = FingerTask> {
    let buffer = || prop_oneof![Just(Buffer::First), Just(Buffer::Second)];
    prop_oneof![
        (0..=CAPTURE_MILLIS_MAX).prop_map(|timeout_ms| FingerTask::CaptureImage { timeout_ms }),
        (buffer(), 0..=CAPTURE_MILLIS_MAX)
            .prop_map(|(buffer, timeout_ms)| FingerTask::CaptureFeatures { buffer, timeout_ms }),
        Just(FingerTask::ReadImage),
        buffer().prop_map(|buffer| FingerTask::ReadTemplate { buffer }),
        (buffer(), 1..=TEMPLATE_BYTES_MAX)
            .prop_map(|(buffer, length_bytes)| FingerTask::WriteTemplate { buffer, length_bytes }),
        Just(FingerTask::Combine),
        (buffer(), any::<u16>()).prop_map(|(buffer, page)| FingerTask::Store { buffer, page }),
        (buffer(), any::<u16>()).prop_map(|(buffer, page)| FingerTask::Load { buffer, page }),
        any::<(u16, u16)>().prop_map(|(page, count)| FingerTask::Delete { page, count }),
        Just(FingerTask::Match),
        Just(FingerTask::Count),
        Just(FingerTask::Parameters),
        any::<[u8; 4]>().prop_map(|[control, speed, colour, count]| FingerTask::Aura(Aura {
            control,
            speed,
            colour,
            count
        })),
    ]
}

fn there_and_back(request: &Request<'_>) -> Result<(), TestCaseError> {
    let frame = request.build().unwrap();
    prop_assert!(frame.len() <= FRAME_BYTES_MAX);
    prop_assert_eq!(Request::parse(&frame), Ok(*request));
    // No shorter and no longer frame is the same request, and none panics.
    for cut in 0..frame.len() {
        prop_assert_ne!(Request::parse(&frame[..cut]), Ok(*request));
    }
    Ok(())
}

fn body_there_and_back<B: Body + PartialEq + core::fmt::Debug>(body: &B) -> Result<(), TestCaseError> {
    let mut frame = Frame::new();
    begin_answer(&mut frame, Status::Done);
    body.put(&mut frame).unwrap();
    let answer = Answer::parse(&frame).unwrap();
    prop_assert_eq!(answer.status, Status::Done);
    prop_assert_eq!(&answer.read::<B>().unwrap(), body);
    for cut in 0..answer.body.len() {
        prop_assert!(B::read(&answer.body[..cut]).as_ref() != Some(body));
    }
    Ok(())
}

proptest! {
    #[test]
    fn tasks(task in task()) {
        there_and_back(&Request::FingerStart(task))?;
    }

    #[test]
    fn requests(
        sequence in any::<u16>(),
        offset in any::<u32>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..=SEND_BYTES_MAX),
        signature in any::<[u8; 32]>(),
        secret in any::<[u8; 32]>(),
        authorised in any::<bool>(),
        count in 0..=Beeps::COUNT_MAX,
        on_ms in 10..=Beeps::MILLIS_MAX,
        off_ms in 0..=Beeps::MILLIS_MAX,
    ) {
        let mut long = [0; SIGNATURE_BYTES];
        long[..32].copy_from_slice(&signature);
        let pairing = Pairing { secret: &secret, authority: &signature, authorisation: authorised.then_some(&long) };
        let mut requests = vec![
            Request::Identify,
            Request::Counters,
            Request::FingerPoll,
            Request::FingerFetch { sequence },
            Request::FingerSend { sequence, bytes: &bytes },
            Request::FingerCancel,
            Request::Buzzer(Beeps { count, on_ms, off_ms }),
            Request::TamperState,
            Request::TamperLog { index: count },
            Request::Challenge,
            Request::TamperClear { signature: &long },
            Request::Pair(pairing),
            Request::Prove { challenge: &secret },
            Request::UpdateBegin(&bytes),
            Request::UpdateWrite { offset, bytes: &bytes },
            Request::UpdateFinish,
            Request::UpdateState,
        ];
        for lamp in Lamp::ALL {
            requests.extend(LampMode::ALL.iter().map(|mode| Request::Lamp { lamp: *lamp, mode: *mode }));
        }
        for request in &requests {
            let frame = request.build().unwrap();
            prop_assert!(frame.len() <= FRAME_BYTES_MAX);
            prop_assert_eq!(Request::parse(&frame), Ok(*request));
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut ours = vec![MARK, VERSION];
        ours.extend(&bytes);
        for bytes in [&bytes, &ours] {
            if let Ok(request) = Request::parse(bytes) {
                // One meaning has one frame.
                let frame = request.build().unwrap();
                prop_assert_eq!(frame.as_slice(), bytes.as_slice());
            }
            if let Ok(answer) = Answer::parse(bytes) {
                let _ = answer.read::<Identity>();
                let _ = answer.read::<Counters>();
                let _ = answer.read::<FingerState>();
                let _ = answer.read::<TamperState>();
                let _ = answer.read::<LogEntry>();
                let _ = answer.read::<Challenge>();
                let _ = answer.read::<Proof>();
                if let Some(chunk) = Chunk::read(answer.body) {
                    prop_assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX);
                }
            }
        }
    }

    #[test]
    fn bodies(
        name in "[a-z0-9-]{0,24}",
        serial in any::<[u8; 12]>(),
        version in any::<[u16; 3]>(),
        rollback in any::<u32>(),
        build in any::<[u8; 8]>(),
        slots in any::<u8>(),
        abilities in any::<u16>(),
        uptime_ms in any::<u64>(),
        count in any::<u16>(),
        flags in any::<[bool; 4]>(),
        mac in any::<[u8; 32]>(),
        event in any::<u32>(),
    ) {
        for personality in Personality::ALL {
            let identity = Identity {
                board: name.as_str().try_into().unwrap(),
                serial: Serial(serial),
                version,
                rollback,
                build,
                personality: *personality,
                slots,
                abilities: Abilities(abilities),
            };
            body_there_and_back(&identity)?;
        }
        let mut counters = Counters { uptime_ms, ..Counters::default() };
        counters.events[usize::from(slots) % Event::ALL.len()] = event;
        body_there_and_back(&counters)?;
        let tamper = TamperState {
            is_latched: flags[0],
            is_open: flags[1],
            is_paired: flags[2],
            has_authority: flags[3],
            count,
            entries: slots % 9,
        };
        body_there_and_back(&tamper)?;
        body_there_and_back(&Proof { tamper, mac })?;
        body_there_and_back(&Challenge { bytes: mac, count })?;
        for cause in Cause::ALL {
            body_there_and_back(&LogEntry { count, cause: *cause, uptime_s: rollback })?;
        }
    }

    #[test]
    fn finger_states(bytes in any::<u32>(), number in any::<u16>(), code in any::<u8>(), raw in any::<[u8; 16]>()) {
        let failures = [
            FingerFailure::NoFinger,
            FingerFailure::Refused(Confirmation::from_byte(code)),
            FingerFailure::Silent,
            FingerFailure::Broken,
            FingerFailure::Unexpected,
            FingerFailure::Overrun,
            FingerFailure::Starved,
            FingerFailure::Line,
            FingerFailure::Tampered,
        ];
        let outcomes = [
            FingerOutcome::Nothing,
            FingerOutcome::Transferred { bytes },
            FingerOutcome::Score(number),
            FingerOutcome::Count(number),
            FingerOutcome::Parameters(Parameters::from_bytes(&raw)),
        ];
        let mut states = vec![
            FingerState::Idle,
            FingerState::WaitingForFinger,
            FingerState::Busy,
            FingerState::Transferring { bytes, ready_bytes: number },
        ];
        states.extend(failures.map(FingerState::Failed));
        states.extend(outcomes.map(FingerState::Done));
        for state in states {
            body_there_and_back(&state)?;
        }
    }

    #[test]
    fn chunks(sequence in any::<u16>(), is_last in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..=CHUNK_BYTES_MAX)) {
        let chunk = Chunk { sequence, is_last, bytes: &bytes };
        let mut frame = Frame::new();
        begin_answer(&mut frame, Status::Done);
        chunk.put(&mut frame).unwrap();
        prop_assert!(frame.len() <= FRAME_BYTES_MAX);
        prop_assert_eq!(Chunk::read(Answer::parse(&frame).unwrap().body), Some(chunk));
    }
}

#[test]
fn limits() {
    let long = [1; SEND_BYTES_MAX + 1];
    assert_eq!(Request::FingerSend { sequence: 0, bytes: &long }.build(), Err(TooLong));
    assert_eq!(Request::UpdateWrite { offset: 0, bytes: &long }.build(), Err(TooLong));
    assert_eq!(Request::UpdateBegin(&[1; REQUEST_BODY_BYTES_MAX + 1]).build(), Err(TooLong));
    let whole = Request::UpdateBegin(&[1; REQUEST_BODY_BYTES_MAX]).build().unwrap();
    assert_eq!(whole.len(), FRAME_BYTES_MAX);
    assert_eq!(Request::parse(&[&whole[..], &[0]].concat()), Err(Status::Malformed));
    let mut frame = Frame::new();
    let chunk = Chunk { sequence: 0, is_last: false, bytes: &[0; CHUNK_BYTES_MAX + 1] };
    assert_eq!(chunk.put(&mut frame), Err(TooLong));

    let build = |body: &[u8]| [&[MARK, VERSION][..], body].concat();
    for body in [
        &[0x22, 0, 0][..],            // nothing to send
        &[0x10, 0x61, 0xEA],          // 60,001 ms
        &[0x11, 3, 0, 0],             // no such buffer
        &[0x14, 1, 0, 0],             // a template of no bytes
        &[0x14, 1, 0x01, 0x10],       // of 4,097
        &[0x30, 3, 0],                // no such lamp
        &[0x30, 0, 4],                // no such mode
        &[0x31, 11, 100, 0, 0, 0],    // eleven beeps
        &[0x31, 1, 9, 0, 0, 0],       // too short to be heard
        &[0x31, 1, 0xB9, 0x0B, 0, 0], // 3,001 ms
        &[0x40, 0],                   // a body where none belongs
    ] {
        assert_eq!(Request::parse(&build(body)), Err(Status::Malformed), "{body:02X?}");
    }
    let wrong_authorisation = build(&[&[0x50][..], &[1; 64 + 63]].concat());
    assert_eq!(Request::parse(&wrong_authorisation), Err(Status::Malformed));
}

#[test]
fn heads() {
    assert_eq!(Request::parse(&[]), Err(Status::Malformed));
    assert_eq!(Request::parse(&[MARK]), Err(Status::Malformed));
    assert_eq!(Request::parse(&[MARK, VERSION]), Err(Status::Malformed));
    assert_eq!(Request::parse(&[MARK, 2, 0]), Err(Status::UnknownVersion));
    assert_eq!(Request::parse(&[MARK, VERSION, 0xFF]), Err(Status::UnknownOpcode));
    assert_eq!(Request::parse(&[0x6A]), Err(Status::Malformed));
    assert_eq!(Request::Identify.build().unwrap().as_slice(), [0x4A, 0x01, 0x00]);
    assert!(is_ours(&[MARK]) && !is_ours(&[]) && !is_ours(&[0x02]));

    assert_eq!(Answer::parse(&[]), Err(NoAnswer::Length { got: 0 }));
    assert_eq!(Answer::parse(&[MARK]), Err(NoAnswer::Length { got: 1 }));
    assert_eq!(Answer::parse(&[0x6A, 0]), Err(NoAnswer::Mark { got: 0x6A }));
    assert_eq!(Answer::parse(&[MARK, 0xFF]), Err(NoAnswer::Status { got: 0xFF }));
    assert_eq!(Answer::parse(&[MARK; 256]), Err(NoAnswer::Length { got: 256 }));
    let answer = Answer::parse(&[MARK, 0, 1]).unwrap();
    assert_eq!(answer.read::<TamperState>(), Err(NoAnswer::Body { got: 1 }));
}

/// Every status and opcode means itself only, and statuses have different words.
#[test]
fn closed_lists() {
    let mut words: Vec<_> = Status::ALL.iter().map(|status| format!("{status}")).collect();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), Status::ALL.len());
    assert!(Opcode::ALL.windows(2).all(|pair| pair[0].byte() < pair[1].byte()));
    assert_eq!((0..=u8::MAX).filter_map(Opcode::from_byte).count(), Opcode::ALL.len());
    assert_eq!((0..=u8::MAX).filter_map(Status::from_byte).count(), Status::ALL.len());
    assert!(Event::ALL.iter().enumerate().all(|(index, event)| usize::from(event.byte()) == index));
}

#[test]
fn secrets_are_not_shown() {
    let secret = [0xA5; 32];
    let pairing = Pairing { secret: &secret, authority: &secret, authorisation: None };
    let shown = [
        format!("{:?}", Request::Pair(pairing)),
        format!("{pairing:?}"),
        format!("{:?}", Request::FingerSend { sequence: 0, bytes: &secret }),
        format!("{:?}", Chunk { sequence: 0, is_last: true, bytes: &secret }),
        format!("{:?}", Answer { status: Status::Done, body: &secret }),
        format!("{:?}", Proof { tamper: TamperState::default(), mac: secret }),
    ];
    for text in shown {
        let text = text.to_lowercase();
        assert!(!text.contains("165") && !text.contains("a5"), "{text}");
    }
}

/// What is signed has its parts in order, and no message of one kind is one of another.
#[test]
fn signed_messages() {
    let serial = Serial([7; 12]);
    let challenge = Challenge { bytes: [9; 32], count: 0x0102 };
    let clear = clear_message(&serial, &challenge);
    assert_eq!(clear[..16], *b"jinbao-board-v1C");
    assert_eq!(clear[16..28], [7; 12]);
    assert_eq!(clear[28..30], [2, 1]);
    assert_eq!(clear[30..], [9; 32]);
    let pair = pair_message(&serial, &challenge, &[1; 32], &[2; 32]);
    assert_eq!(pair[..16], *b"jinbao-board-v1A");
    assert_eq!(pair[16..62], clear[16..]);
    assert_eq!(pair[62..94], [1; 32]);
    assert_eq!(pair[94..], [2; 32]);
    let tamper = TamperState { is_paired: true, count: 3, ..TamperState::default() };
    let proof = proof_message(&[5; 32], &serial, &tamper);
    assert_eq!(proof[..16], *b"jinbao-board-v1P");
    assert_eq!(proof[16..48], [5; 32]);
    assert_eq!(proof[48..60], [7; 12]);
    assert_eq!(proof[60..], [4, 3, 0, 0]);
}

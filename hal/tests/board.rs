//! The board's driver against a control channel that answers what a test says: drivers that hand nothing on,
//! readers of others, answers that are none, boards that are busy or gone. The real board is met elsewhere.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::board::{BY_ITSELF, CODE, Channel, READER, answered, body, identity};
use hal::{
    board::{Board, BoardError, BoardReport, FIRMWARE_VERSION, UpdateProgress},
    pcsc::{ControlError, Hint},
};
use reader_protocol::{
    escape::{
        Cause, Challenge, Identity, LogEntry, MARK, NoAnswer, Opcode, Proof, Request, Status, TamperState,
    },
    image::{self, HEADER_BYTES, Header, HeaderError, KeyId, SignedHeader, Version},
    update::{LastUpdate, UpdatePhase, UpdateRefusal, UpdateState},
};
use ring::digest::{SHA256, digest};

#[test]
fn the_control_code_is_asked_for_and_never_taken_for_granted() {
    let channel = Channel::board(|request| match request {
        Request::TamperState => (Status::Done, body(&TamperState::default())),
        _ => BY_ITSELF,
    });
    let board = Board::with_channel(channel.clone());
    board.identify().unwrap();
    board.tamper().unwrap();
    assert_eq!(channel.feature_questions(), 1, "once for a connection");
    assert_eq!(channel.asked(), [Opcode::Identify, Opcode::TamperState]);
    assert_eq!(BoardReport::of(&board).hints(), []);
}

#[test]
fn a_driver_that_was_told_to_hand_no_escapes_on() {
    for features in
        [vec![], vec![0x12, 4, 0x42, 0x33, 0, 0x12], vec![0x13, 4, 1, 2], vec![0x13, 0, 0, 0, 0, 0]]
    {
        let channel = Channel::new(|_| panic!("no escape is tried")).with_features(Ok(features));
        let board = Board::with_channel(channel);
        assert_eq!(board.identify(), Err(BoardError::EscapesOff { reader: READER.to_owned() }));
        assert_eq!(BoardReport::of(&board).hints(), [Hint::AllowEscapes { reader: READER.to_owned() }]);
    }
    // The option is set and pcscd started again: the same value works.
    let channel = Channel::board(|_| BY_ITSELF).with_features(Ok(Vec::new()));
    let board = Board::with_channel(channel.clone());
    assert!(board.identify().is_err());
    let _ = channel.clone().with_features(Ok([&[0x13, 4], &CODE.to_be_bytes()[..]].concat()));
    assert!(board.identify().is_ok());
}

#[test]
fn a_reader_of_somebody_else() {
    let not_ours = Err(BoardError::NotOurs { reader: READER.to_owned() });
    for error in [ControlError::Unsupported, ControlError::Failed] {
        let channel = Channel::new(|_| panic!("no escape is tried")).with_features(Err(error.clone()));
        assert_eq!(Board::with_channel(channel).identify(), not_ours, "no list of features: {error:?}");
        let channel = Channel::new(move |_| Err(error.clone()));
        let board = Board::with_channel(channel);
        assert_eq!(board.identify(), not_ours, "escapes are refused");
        assert_eq!(board.tamper(), Err(BoardError::NotOurs { reader: READER.to_owned() }));
        assert_eq!(BoardReport::of(&board).hints(), [Hint::NotOurBoard { reader: READER.to_owned() }]);
    }
    for answer in [vec![], vec![0x6D, 0x00], vec![MARK], vec![MARK, 0xEE], vec![0; 300]] {
        let channel = Channel::new(move |_| Ok(answer.clone()));
        assert_eq!(Board::with_channel(channel).identify(), not_ours);
    }
}

#[test]
fn a_board_of_another_version() {
    let channel = Channel::board(|_| (Status::UnknownVersion, Vec::new()));
    let board = Board::with_channel(channel);
    assert_eq!(board.identify(), Err(BoardError::OtherVersion));
    let hint = |got| [Hint::BoardVersion { reader: READER.to_owned(), got, known: FIRMWARE_VERSION }];
    assert_eq!(BoardReport::of(&board).hints(), hint(None));
    let older = Identity { version: [0, 0, 9], ..identity() };
    let channel = Channel::board(move |request| match request {
        Request::Identify => (Status::Done, body(&older)),
        Request::TamperState => (Status::Done, body(&TamperState::default())),
        _ => BY_ITSELF,
    });
    assert_eq!(BoardReport::of(&Board::with_channel(channel)).hints(), hint(Some([0, 0, 9])));
}

/// Every answer cut at every byte, and longer than it may be, is told and never half believed.
#[test]
fn answers_that_are_none() {
    let state = body(&TamperState { count: 2, entries: 1, ..TamperState::default() });
    for cut in (0..state.len()).chain([state.len() + 1]) {
        let mut cut_state = state.clone();
        cut_state.resize(cut, 0);
        let channel = Channel::board(move |request| match request {
            Request::TamperState => (Status::Done, cut_state.clone()),
            _ => BY_ITSELF,
        });
        let board = Board::with_channel(channel);
        board.identify().unwrap();
        assert_eq!(board.tamper(), Err(BoardError::Answer(NoAnswer::Body { got: cut })));
    }
    let whole = body(&identity());
    for cut in 0..whole.len() - identity().board.len() {
        let cut_body = whole[..cut].to_vec();
        let channel = Channel::board(move |_| (Status::Done, cut_body.clone()));
        assert!(Board::with_channel(channel).identify().is_err(), "{cut} bytes");
    }
}

#[test]
fn lost_answers_busy_boards_and_readers_that_go() {
    // An answer that is lost once is asked for again, where that does no harm.
    let mut losses = 1;
    let channel = Channel::new(move |bytes| match Request::parse(bytes).unwrap() {
        Request::Identify => Ok(answered(Status::Done, &body(&identity()))),
        _ if losses > 0 => {
            losses -= 1;
            Err(ControlError::Failed)
        }
        _ => Ok(answered(Status::Done, &body(&TamperState::default()))),
    });
    let board = Board::with_channel(channel);
    board.identify().unwrap();
    assert_eq!(board.tamper(), Ok(TamperState::default()));

    let mut busy = 3;
    let channel = Channel::board(move |request| match request {
        Request::TamperState if busy > 0 => {
            busy -= 1;
            (Status::Busy, Vec::new())
        }
        Request::TamperState => (Status::Done, body(&TamperState::default())),
        _ => BY_ITSELF,
    });
    assert!(Board::with_channel(channel).tamper().is_ok(), "a board that gets ready");
    let channel = Channel::board(|_| (Status::Busy, Vec::new()));
    assert_eq!(
        Board::with_channel(channel).tamper(),
        Err(BoardError::Refused(Status::Busy)),
        "one that never does"
    );

    // What is behind the name may be another reader when it comes back: all is asked anew.
    let mut gone = false;
    let channel = Channel::new(move |bytes| match Request::parse(bytes).unwrap() {
        Request::Identify => Ok(answered(Status::Done, &body(&identity()))),
        _ if !gone => {
            gone = true;
            Err(ControlError::NoReader { reader: READER.to_owned() })
        }
        _ => Ok(answered(Status::Done, &body(&TamperState::default()))),
    });
    let board = Board::with_channel(channel.clone());
    board.identify().unwrap();
    assert!(matches!(board.tamper(), Err(BoardError::Channel(ControlError::NoReader { .. }))));
    assert!(board.tamper().is_ok());
    assert_eq!(channel.feature_questions(), 2);
}

/// A challenge serves once: when the board was too busy to do what was signed, another one is signed.
#[test]
fn a_clearing_is_signed_for_each_challenge_anew() {
    let (mut busy, mut number) = (2, 0_u8);
    let channel = Channel::board(move |request| match request {
        Request::Challenge => {
            number += 1;
            (Status::Done, body(&Challenge { bytes: [number; 32], count: 5 }))
        }
        Request::TamperClear { signature } => {
            assert_eq!(signature[0], number, "over the last challenge");
            busy -= 1;
            (if busy > 0 { Status::Busy } else { Status::Done }, Vec::new())
        }
        _ => BY_ITSELF,
    });
    let board = Board::with_channel(channel.clone());
    board
        .clear_tamper(|message| {
            assert_eq!(
                (message.len(), &message[16..30]),
                (62, &[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 5, 0][..])
            );
            [message[30]; 64]
        })
        .unwrap();
    let asked = channel.asked();
    assert_eq!(asked.iter().filter(|opcode| **opcode == Opcode::Challenge).count(), 2);
}

#[test]
fn the_log_is_as_long_as_it_is() {
    let channel = Channel::board(|request| match request {
        Request::TamperState => {
            (Status::Done, body(&TamperState { is_latched: true, entries: 4, ..TamperState::default() }))
        }
        Request::TamperLog { index } if *index < 2 => {
            let entry = LogEntry { count: 9 - u16::from(*index), cause: Cause::CaseOpened, uptime_s: 60 };
            (Status::Done, body(&entry))
        }
        Request::TamperLog { .. } => (Status::NoEntry, Vec::new()),
        _ => BY_ITSELF,
    });
    let log = Board::with_channel(channel).tamper_log().unwrap();
    assert_eq!(log.iter().map(|entry| entry.count).collect::<Vec<_>>(), [9, 8]);
}

#[test]
fn a_proof_of_another_board_is_none() {
    let channel = Channel::board(|request| match request {
        Request::Prove { .. } => {
            let proof = Proof { tamper: TamperState::default(), mac: [0; 32] };
            (Status::Done, body(&proof))
        }
        _ => BY_ITSELF,
    });
    assert_eq!(Board::with_channel(channel).prove(&[1; 32], &[2; 32]), Err(BoardError::ProofWrong));
}

/// A firmware image of so many bytes; its signature is for the board to judge.
fn firmware(bytes: usize) -> Vec<u8> {
    let program: Vec<u8> = (0..bytes).map(|at| (at * 3) as u8).collect();
    let header = Header {
        board: image::Board::STM32F405,
        version: Version { major: 1, minor: 2, patch: 3 },
        rollback: 4,
        program_bytes: bytes as u32,
        address: 0x0802_0200,
        program_sha256: digest(&SHA256, &program).as_ref().try_into().unwrap(),
        key: KeyId([5; 8]),
    };
    let header = SignedHeader { header, signature: [6; 64] };
    [&header.to_bytes()[..], &program].concat()
}

/// A board that takes an update, and loses answers and is busy on the way.
struct Updating {
    image: Vec<u8>,
    received: usize,
    phase: UpdatePhase,
    questions: usize,
}

impl Updating {
    fn answer(&mut self, request: &Request<'_>) -> (Status, Vec<u8>) {
        self.questions += 1;
        match request {
            Request::UpdateBegin(header) => {
                assert_eq!(*header, &self.image[..192]);
                if self.phase == UpdatePhase::Idle {
                    self.phase = UpdatePhase::Erasing;
                }
                (Status::Done, Vec::new())
            }
            Request::UpdateState => {
                if self.phase == UpdatePhase::Erasing && self.questions > 4 {
                    self.phase = UpdatePhase::Receiving;
                }
                let state = UpdateState {
                    phase: self.phase,
                    received_bytes: self.received as u32,
                    program_bytes: (self.image.len() - HEADER_BYTES) as u32,
                    floor: 2,
                    last: LastUpdate::Unknown,
                };
                (Status::Done, body(&state))
            }
            Request::UpdateWrite { .. } if self.questions.is_multiple_of(5) => (Status::Busy, Vec::new()),
            Request::UpdateWrite { offset, bytes } => {
                assert_eq!((*offset as usize, bytes.len() % 4), (self.received, 0), "piece after piece");
                let at = HEADER_BYTES + self.received;
                assert_eq!(*bytes, &self.image[at..at + bytes.len()]);
                self.received += bytes.len();
                (Status::Done, Vec::new())
            }
            Request::UpdateFinish if HEADER_BYTES + self.received == self.image.len() => {
                self.phase = UpdatePhase::Ready;
                (Status::Done, Vec::new())
            }
            Request::UpdateFinish => (Status::UpdateRefused, vec![UpdateRefusal::Incomplete.byte()]),
            _ => BY_ITSELF,
        }
    }
}

fn updating(image: &[u8], received: usize, phase: UpdatePhase) -> Updating {
    Updating { image: image.to_vec(), received, phase, questions: 0 }
}

#[test]
fn an_update_arrives_whole_and_goes_on_where_it_stopped() {
    let image = firmware(5_000);
    for (received, phase) in
        [(0, UpdatePhase::Idle), (2_400, UpdatePhase::Receiving), (5_000, UpdatePhase::Receiving)]
    {
        let mut updated = updating(&image, received, phase);
        let mut lost = 0;
        let channel = Channel::new(move |bytes| {
            let request = Request::parse(bytes).unwrap();
            let (status, mut body_bytes) = updated.answer(&request);
            if let (Request::Identify, _) = (&request, &status) {
                return Ok(answered(Status::Done, &body(&identity())));
            }
            lost += 1;
            if lost % 7 == 0 {
                // It was done; only the answer is lost.
                return Err(ControlError::Failed);
            }
            Ok(answered(status, &std::mem::take(&mut body_bytes)))
        });
        let board = Board::with_channel(channel);
        board.identify().unwrap();
        let mut seen: Vec<UpdateProgress> = Vec::new();
        let header = board.update(&image, |at| seen.push(at)).unwrap();
        assert_eq!(header.header.version, Version { major: 1, minor: 2, patch: 3 });
        assert_eq!(seen.last(), Some(&UpdateProgress { done_bytes: 5_000, total_bytes: 5_000 }));
        assert!(seen.windows(2).all(|pair| pair[0].done_bytes <= pair[1].done_bytes));
        assert_eq!(board.update_state().unwrap().phase, UpdatePhase::Ready);
    }
}

#[test]
fn updates_that_are_refused() {
    let image = firmware(400);
    let board = |status: Status, reason: Vec<u8>| {
        Board::with_channel(Channel::board(move |request| match request {
            Request::UpdateBegin(_) => (status, reason.clone()),
            _ => BY_ITSELF,
        }))
    };
    let by = |reason| Err(BoardError::UpdateRefused { reason });
    let refused = board(Status::UpdateRefused, vec![UpdateRefusal::Rollback.byte()]).update(&image, |_| ());
    assert_eq!(refused, by(Some(UpdateRefusal::Rollback)));
    assert_eq!(board(Status::UpdateRefused, Vec::new()).update(&image, |_| ()), by(None));
    assert_eq!(board(Status::UpdateRefused, vec![0xEE]).update(&image, |_| ()), by(None));
    let refused = board(Status::Unsupported, Vec::new()).update(&image, |_| ());
    assert_eq!(refused, Err(BoardError::Refused(Status::Unsupported)));

    // What is no image is not even sent.
    let unasked = || Board::with_channel(Channel::new(|_| panic!("nothing is sent")));
    let wrong = |image: &[u8]| unasked().update(image, |_| ()).unwrap_err();
    assert_eq!(wrong(&[]), BoardError::Image(HeaderError::Cut { got: 0 }));
    assert_eq!(wrong(&[0; 600]), BoardError::Image(HeaderError::Magic));
    assert_eq!(wrong(&image[..900]), BoardError::ImageLength { expected: 400, got: 388 });
    let longer = [&image[..], &[0]].concat();
    assert_eq!(wrong(&longer), BoardError::ImageLength { expected: 400, got: 401 });
    let mut bent = image.clone();
    bent[700] ^= 1;
    assert_eq!(wrong(&bent), BoardError::ImageDigest);
}

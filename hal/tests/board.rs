//! The board's driver against a control channel that answers what a test says: drivers that hand nothing on,
//! readers of others, answers that are none, boards that are busy or gone. The real board is met elsewhere.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use hal::{
    board::{Board, BoardError, BoardReport, FIRMWARE_VERSION, UpdateProgress},
    fingerprint::{
        FingerprintError, FingerprintSensor, Guide, Wish, board::BoardModule, sensor::ModuleSensor,
    },
    pcsc::{ControlChannel, ControlError, Hint},
};
use reader_protocol::{
    ef01::Parameters,
    escape::{
        Abilities, Body, Challenge, Chunk, FingerFailure, FingerOutcome, FingerState, Frame, Identity,
        LogEntry, MARK, NoAnswer, Opcode, Personality, Request, Serial, Status, TamperState, begin_answer,
    },
    image::{self, HEADER_BYTES, Header, HeaderError, KeyId, SignedHeader, Version},
    update::{LastUpdate, UpdatePhase, UpdateRefusal, UpdateState},
};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

const READER: &str = "Jinbao board 00 00";
/// The driver's own control code: any number will do, as long as it is asked for.
const CODE: u32 = 0x4200_1234;
const GET_FEATURE: u32 = 0x4200_0D48;

type Answer = Result<Vec<u8>, ControlError>;

/// What the channel has been asked, and how it answers.
struct Script {
    asked: Vec<(u32, Vec<u8>)>,
    features: Answer,
    answer: Box<dyn FnMut(&[u8]) -> Answer + Send>,
}

#[derive(Clone)]
struct Channel(Arc<Mutex<Script>>);

impl Channel {
    /// A reader whose driver hands escapes on, and whose firmware answers by this.
    fn new(answer: impl FnMut(&[u8]) -> Answer + Send + 'static) -> Self {
        let [a, b, c, d] = CODE.to_be_bytes();
        let features = Ok(vec![0x12, 4, 0x42, 0x33, 0, 0x12, 0x13, 4, a, b, c, d]);
        Channel(Arc::new(Mutex::new(Script { asked: Vec::new(), features, answer: Box::new(answer) })))
    }

    /// A board that answers requests.
    fn board(mut answer: impl FnMut(&Request<'_>) -> (Status, Vec<u8>) + Send + 'static) -> Self {
        Self::new(move |bytes| {
            let request = Request::parse(bytes).expect("our own side builds requests that can be read");
            let (status, body) = match (&request, answer(&request)) {
                (Request::Identify, (Status::UnknownOpcode, _)) => (Status::Done, body(&identity())),
                (_, other) => other,
            };
            Ok(answered(status, &body))
        })
    }

    fn with_features(self, features: Answer) -> Self {
        self.0.lock().unwrap().features = features;
        self
    }

    fn asked(&self) -> Vec<Opcode> {
        let script = self.0.lock().unwrap();
        let escapes = script.asked.iter().filter(|(code, _)| *code == CODE);
        escapes.map(|(_, bytes)| Opcode::from_byte(bytes[2]).unwrap()).collect()
    }

    fn feature_questions(&self) -> usize {
        self.0.lock().unwrap().asked.iter().filter(|(code, _)| *code == GET_FEATURE).count()
    }
}

impl ControlChannel for Channel {
    fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let mut script = self.0.lock().unwrap();
        script.asked.push((code, request.to_vec()));
        match code {
            GET_FEATURE => script.features.clone(),
            CODE => (script.answer)(request),
            other => panic!("control code {other:#X} comes from nowhere"),
        }
        .map(Zeroizing::new)
    }

    fn name(&self) -> &str {
        READER
    }
}

fn answered(status: Status, body: &[u8]) -> Vec<u8> {
    let mut frame = Frame::new();
    begin_answer(&mut frame, status);
    frame.extend_from_slice(body).unwrap();
    frame.to_vec()
}

fn body(of: &impl Body) -> Vec<u8> {
    let mut frame = Frame::new();
    of.put(&mut frame).unwrap();
    frame.to_vec()
}

fn identity() -> Identity {
    Identity {
        board: "test board".try_into().unwrap(),
        serial: Serial([7; 12]),
        version: FIRMWARE_VERSION,
        rollback: 3,
        build: [1; 8],
        personality: Personality::Sec1210,
        slots: 2,
        abilities: Abilities::FINGERPRINT.with(Abilities::UPDATE),
    }
}

/// The status that lets [`Channel::board`] answer `Identify` by itself.
const BY_ITSELF: (Status, Vec<u8>) = (Status::UnknownOpcode, Vec::new());

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
            let entry = LogEntry {
                count: 9 - u16::from(*index),
                cause: reader_protocol::escape::Cause::CaseOpened,
                uptime_s: 60,
            };
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
            let proof = reader_protocol::escape::Proof { tamper: TamperState::default(), mac: [0; 32] };
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
            Request::UpdateWrite { .. } if self.questions % 5 == 0 => (Status::Busy, Vec::new()),
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

/// A module on the board: one image, brought in pieces, some of which are not there yet, some lost.
struct Finger {
    image: Vec<u8>,
    fails: Option<FingerFailure>,
    started: u32,
    looks: u32,
    idle_fetches: u32,
}

impl Finger {
    fn answer(&mut self, request: &Request<'_>) -> (Status, Vec<u8>) {
        match request {
            Request::FingerStart(_) => {
                (self.started, self.looks) = (self.started + 1, 0);
                (Status::Done, Vec::new())
            }
            Request::FingerPoll => {
                self.looks += 1;
                let state = match (self.looks, self.started, self.fails) {
                    (1..=3, 1, _) => FingerState::WaitingForFinger,
                    (_, 1, Some(failure)) => FingerState::Failed(failure),
                    _ => FingerState::Transferring { bytes: 480, ready_bytes: 240 },
                };
                (Status::Done, body(&state))
            }
            Request::FingerFetch { .. } if self.fails.is_some() && self.started == 1 => {
                (Status::NothingToFetch, Vec::new())
            }
            Request::FingerFetch { sequence } => {
                self.idle_fetches += 1;
                let at = usize::from(*sequence) * 240;
                let end = (at + 240).min(self.image.len());
                let is_there = self.idle_fetches % 9 != 0;
                let chunk = Chunk {
                    sequence: *sequence,
                    is_last: is_there && end == self.image.len(),
                    bytes: if is_there { &self.image[at..end] } else { &[] },
                };
                let mut frame = Frame::new();
                chunk.put(&mut frame).unwrap();
                (Status::Done, frame.to_vec())
            }
            Request::FingerCancel => (Status::Done, Vec::new()),
            _ => BY_ITSELF,
        }
    }
}

fn finger(fails: Option<FingerFailure>) -> Finger {
    let image = (0..36_864).map(|at| (at * 11) as u8).collect();
    Finger { image, fails, started: 0, looks: 0, idle_fetches: 0 }
}

fn sensor(channel: &Channel) -> ModuleSensor<BoardModule> {
    ModuleSensor::new(BoardModule::new(Board::with_channel(channel.clone())))
}

#[test]
fn an_image_comes_in_pieces_and_is_forgotten_by_the_board() {
    let mut module = finger(None);
    let image = module.image.clone();
    let channel = Channel::board(move |request| module.answer(request));
    let (mut places, mut last) = (0, 0);
    let captured = sensor(&channel)
        .capture(5_000, &mut |guide| {
            match guide {
                Guide::PlaceFinger => places += 1,
                Guide::Reading { done_bytes, .. } => last = done_bytes,
                _ => {}
            }
            Wish::GoOn
        })
        .unwrap();
    assert_eq!(places, 3);
    assert_eq!(last, 36_720, "all but the last piece");
    assert_eq!(captured.pixels[0], (image[0] >> 4) * 17);
    assert_eq!(captured.pixels.len(), 2 * image.len());
    assert_eq!(channel.asked().last(), Some(&Opcode::FingerCancel), "nothing of a finger stays there");
}

#[test]
fn an_image_that_breaks_off_is_read_again_and_refusals_keep_their_meaning() {
    for failure in [FingerFailure::Overrun, FingerFailure::Broken, FingerFailure::Line] {
        // It fails while the first piece is waited for; the module still has the image.
        let (mut module, mut looks) = (finger(Some(failure)), 0);
        let channel = Channel::board(move |request| {
            if matches!(request, Request::FingerPoll) && module.started == 1 {
                looks += 1;
                if looks == 1 {
                    return (Status::Done, body(&FingerState::Transferring { bytes: 0, ready_bytes: 0 }));
                }
                return (Status::Done, body(&FingerState::Failed(failure)));
            }
            module.answer(request)
        });
        let image = sensor(&channel).capture(1_000, &mut |_| Wish::GoOn).unwrap();
        assert_eq!(image.pixels.len(), 2 * 36_864, "{failure:?}");
        assert!(channel.asked().contains(&Opcode::FingerReadImage));
    }
    for (failure, error) in [
        (FingerFailure::NoFinger, FingerprintError::NoFinger),
        (FingerFailure::Silent, FingerprintError::Silent),
        (FingerFailure::Tampered, FingerprintError::Board(BoardError::Refused(Status::Tampered))),
    ] {
        let mut module = finger(Some(failure));
        let channel = Channel::board(move |request| module.answer(request));
        assert_eq!(sensor(&channel).capture(100, &mut |_| Wish::GoOn), Err(error), "{failure:?}");
    }
    for (status, error) in [
        (Status::NoModule, FingerprintError::Silent),
        (Status::Tampered, FingerprintError::Board(BoardError::Refused(Status::Tampered))),
    ] {
        let channel = Channel::board(move |request| match request {
            Request::FingerStart(_) => (status, Vec::new()),
            _ => BY_ITSELF,
        });
        assert_eq!(sensor(&channel).probe(), Err(error));
    }
}

#[test]
fn a_wish_ends_the_boards_waiting() {
    let mut module = finger(None);
    let channel = Channel::board(move |request| module.answer(request));
    let result = sensor(&channel).capture(60_000, &mut |_| Wish::Cancel);
    assert_eq!(result, Err(FingerprintError::Cancelled));
    assert_eq!(channel.asked().last(), Some(&Opcode::FingerCancel));
}

#[test]
fn a_probe_tells_what_the_module_tells() {
    let channel = Channel::board(|request| match request {
        Request::FingerStart(_) | Request::FingerCancel => (Status::Done, Vec::new()),
        Request::FingerPoll => {
            let outcome = FingerOutcome::Parameters(Parameters::FACTORY);
            (Status::Done, body(&FingerState::Done(outcome)))
        }
        _ => BY_ITSELF,
    });
    // To the second question it answers parameters too, which is no count.
    let result = sensor(&channel).probe();
    assert!(matches!(result, Err(FingerprintError::Line(_))), "{result:?}");
}

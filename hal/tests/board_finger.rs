//! A fingerprint module that hangs on a board, against a board that answers what a test says.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::board::{BY_ITSELF, Channel, body};
use hal::{
    board::{Board, BoardError},
    fingerprint::{
        FingerprintError, FingerprintSensor, Guide, Wish, board::BoardModule, sensor::ModuleSensor,
    },
};
use reader_protocol::{
    ef01::Parameters,
    escape::{Chunk, FingerFailure, FingerOutcome, FingerState, Frame, Opcode, Request, Status},
};

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
                let is_there = !self.idle_fetches.is_multiple_of(9);
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

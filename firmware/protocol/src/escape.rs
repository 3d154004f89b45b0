//! The escape commands of our board: what the host asks beside the card.
//!
//! They travel in `PC_to_RDR_Escape` and come back in `RDR_to_PC_Escape`. A request is [`MARK`], [`VERSION`],
//! an [`Opcode`] and a body; its answer is [`MARK`], a [`Status`] and a body. Neither is longer than
//! [`FRAME_BYTES_MAX`]. Nothing here waits: what takes time is started, then polled. Numbers are sent with
//! their least significant byte first.

mod answer;
mod board;
mod finger;
mod lamps;
mod pairing;
mod request;
mod tamper;

pub use answer::{Answer, NoAnswer, Status, begin_answer};
pub use board::{Abilities, BOARD_NAME_BYTES_MAX, Counters, Event, Identity, Personality, Serial};
pub use finger::{
    Aura, Buffer, CAPTURE_MILLIS_MAX, CHUNK_BYTES_MAX, Chunk, FingerFailure, FingerOutcome, FingerState,
    FingerTask, SEND_BYTES_MAX, TEMPLATE_BYTES_MAX,
};
pub use lamps::{Beeps, Lamp, LampMode};
pub use pairing::{KEY_BYTES, PROOF_MESSAGE_BYTES, Pairing, Proof, proof_message};
pub use request::{Opcode, Request, TooLong};
pub use tamper::{
    CHALLENGE_BYTES, CLEAR_MESSAGE_BYTES, Cause, Challenge, LOG_ENTRIES_MAX, LogEntry, PAIR_MESSAGE_BYTES,
    SIGNATURE_BYTES, TamperState, clear_message, pair_message,
};

pub use crate::wire::Body;

/// First byte of every request and answer: `J`.
pub const MARK: u8 = 0x4A;
/// Version of this command set, second byte of every request.
pub const VERSION: u8 = 0x01;
/// Most bytes of a request and of an answer.
pub const FRAME_BYTES_MAX: usize = 255;
/// Most bytes of a request's body, after mark, version and opcode.
pub const REQUEST_BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - 3;
/// Most bytes of an answer's body, after mark and status.
pub const ANSWER_BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - 2;

/// A whole request or answer. It may hold a secret, an image or a template: whoever owns it wipes it.
pub type Frame = heapless::Vec<u8, FRAME_BYTES_MAX>;

/// Whether an escape is one of ours; others belong to the personality the board plays.
pub fn is_ours(request: &[u8]) -> bool {
    request.first() == Some(&MARK)
}

#[cfg(test)]
mod tests;

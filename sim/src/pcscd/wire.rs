//! The few words of pcscd's own socket protocol that tell whether it is ready.
//!
//! A process finds its pcscd by an environment variable that has to stand before it starts, so a program
//! that has just started a pcscd cannot ask it through the PC/SC library. Protocol version 4:4 (pcsc-lite
//! 1.8.24 and later): headers and structures of 32-bit words in the byte order of the machine.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::error::SimError;

const VERSION_MAJOR: u32 = 4;
const VERSION_MINOR: u32 = 4;
const COMMAND_VERSION: u32 = 0x11;
const COMMAND_READERS_STATE: u32 = 0x12;

const READERS: usize = 16;
const NAME_BYTES: usize = 128;
/// Name, event counter, state, sharing, 33 bytes of answer to reset and three of padding, length, protocol.
const READER_BYTES: usize = NAME_BYTES + 4 + 4 + 4 + 36 + 4 + 4;

const STATE_UNKNOWN: u32 = 0x0001;
const STATE_PRESENT: u32 = 0x0004;
const STATE_SWALLOWED: u32 = 0x0008;

/// One reader as pcscd sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderState {
    /// Its PC/SC name.
    pub name: String,
    /// Insertions and removals so far.
    pub events: u32,
    /// Whether its driver gets no answer from it.
    pub is_lost: bool,
    /// Whether a card is in it.
    pub card_present: bool,
    /// Whether that card does not answer to reset.
    pub card_mute: bool,
    /// The card's answer to reset, empty when there is none.
    pub atr: Vec<u8>,
}

/// Asks the pcscd behind `socket`; each read waits at most `timeout`.
///
/// Errors: `Io` when it does not answer, `Protocol` when it answers otherwise than expected.
pub(super) fn readers(socket: &Path, timeout: Duration) -> Result<Vec<ReaderState>, SimError> {
    let mut stream = UnixStream::connect(socket).map_err(SimError::file("connecting to", socket))?;
    stream.set_read_timeout(Some(timeout)).map_err(SimError::io("limiting a wait"))?;
    let version = exchange(&mut stream, COMMAND_VERSION, &[VERSION_MAJOR, VERSION_MINOR, 0], 12)?;
    if word(&version, 0) != VERSION_MAJOR || word(&version, 8) != 0 {
        return Err(SimError::Protocol { asked: "its version" });
    }
    let states = exchange(&mut stream, COMMAND_READERS_STATE, &[], READERS * READER_BYTES)?;
    Ok(states.chunks_exact(READER_BYTES).filter_map(reader).collect())
}

fn reader(bytes: &[u8]) -> Option<ReaderState> {
    let name = bytes[..NAME_BYTES].split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
    let state = word(bytes, NAME_BYTES + 4);
    let atr = &bytes[NAME_BYTES + 12..];
    let atr_length = (word(bytes, READER_BYTES - 8) as usize).min(33);
    Some(ReaderState {
        name: String::from_utf8_lossy(name).into_owned(),
        events: word(bytes, NAME_BYTES),
        is_lost: state & STATE_UNKNOWN != 0,
        card_present: state & STATE_PRESENT != 0,
        card_mute: state & STATE_SWALLOWED != 0,
        atr: atr[..atr_length].to_vec(),
    })
}

fn exchange(
    stream: &mut UnixStream,
    command: u32,
    words: &[u32],
    answer_bytes: usize,
) -> Result<Vec<u8>, SimError> {
    let head = [words.len() as u32 * 4, command];
    let message: Vec<u8> = head.iter().chain(words).flat_map(|word| word.to_ne_bytes()).collect();
    stream.write_all(&message).map_err(SimError::io("asking pcscd"))?;
    let mut answer = vec![0; answer_bytes];
    stream.read_exact(&mut answer).map_err(SimError::io("hearing pcscd"))?;
    Ok(answer)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

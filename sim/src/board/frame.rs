//! Frames on the serial line between driver and board, told apart for records and for faults.
//!
//! A frame is `03 06`, a CCID message (header of ten bytes with the length of its data, data), and the
//! exclusive or of all bytes before. The board also says `03 15 16` (the frame was damaged), `50 02` and
//! `50 03` (a card has gone, has come), and single bytes from 80 (more time, please).
//! Source: the serial part of the driver, CCID 1.5.2, `ccid_serial.c`.

use std::fmt;

/// Bytes before the message.
pub const PREFIX: [u8; 2] = [0x03, 0x06];
/// Bytes of a message's header. Source: CCID rev 1.1 §6.
pub const HEADER_BYTES: usize = 10;
/// Longest message that is taken for one: twice what drivers send. Beyond it the bytes are noise.
pub const MESSAGE_BYTES_MAX: usize = 1_100;

const CONTROL: u8 = 0x03;
const NAK: [u8; 3] = [0x03, 0x15, 0x16];
const NOTIFY: u8 = 0x50;

/// What one side has said.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A CCID message in its frame; whether the check byte was right.
    Message {
        /// Header and data, without what is around them.
        message: Vec<u8>,
        /// Whether its check byte is the exclusive or of all the rest.
        is_sound: bool,
    },
    /// The last frame was damaged.
    Nak,
    /// A card has come (`true`) or gone, said unasked.
    Notice {
        /// Whether one has come.
        is_present: bool,
    },
    /// The board asks for more time by one byte.
    MoreTime(u8),
    /// A byte that belongs to none of these.
    Noise(u8),
}

impl Frame {
    /// The message, when it is one.
    pub fn message(&self) -> Option<&[u8]> {
        match self {
            Self::Message { message, .. } => Some(message),
            _ => None,
        }
    }
}

/// Data of a message may be a PIN or a person's: only the header is shown.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { message, is_sound } => {
                let head = message.get(..HEADER_BYTES).unwrap_or(message);
                write!(f, "Message({}{})", hex::encode(head), if *is_sound { "" } else { ", damaged" })
            }
            Self::Nak => f.write_str("Nak"),
            Self::Notice { is_present } => write!(f, "Notice({is_present})"),
            Self::MoreTime(byte) => write!(f, "MoreTime({byte:02X})"),
            Self::Noise(byte) => write!(f, "Noise({byte:02X})"),
        }
    }
}

/// Puts a message into its frame.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = [&PREFIX, message].concat();
    frame.push(check(&frame));
    frame
}

fn check(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| check ^ byte)
}

/// Finds frames in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
}

impl Splitter {
    /// Takes the next byte; gives the frame that it ends. A byte that cannot belong to a frame is given as noise
    /// together with those before it that were held back for it, one after the other.
    pub fn push(&mut self, byte: u8, mut found: impl FnMut(Frame)) {
        self.held.push(byte);
        loop {
            match recognise(&self.held) {
                Recognised::More => return,
                Recognised::Frame(frame) => {
                    self.held.clear();
                    return found(frame);
                }
                Recognised::Noise => {
                    found(Frame::Noise(self.held.remove(0)));
                    if self.held.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    /// All frames of these bytes; what is left of an unfinished one is kept for later.
    pub fn frames(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for byte in bytes {
            self.push(*byte, |frame| frames.push(frame));
        }
        frames
    }

    /// Bytes of a frame that is not complete yet.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }
}

enum Recognised {
    More,
    Frame(Frame),
    Noise,
}

fn recognise(held: &[u8]) -> Recognised {
    match held {
        [NOTIFY] | [CONTROL] => Recognised::More,
        [NOTIFY, state @ (0x02 | 0x03)] => Recognised::Frame(Frame::Notice { is_present: *state == 0x03 }),
        [byte] if *byte >= 0x80 => Recognised::Frame(Frame::MoreTime(*byte)),
        [CONTROL, 0x15] => Recognised::More,
        _ if held == NAK => Recognised::Frame(Frame::Nak),
        _ if held.starts_with(&PREFIX) => {
            let Some(length) = held.get(3..7).and_then(|length| length.try_into().ok()) else {
                return Recognised::More;
            };
            let message_bytes = (u32::from_le_bytes(length) as usize).saturating_add(HEADER_BYTES);
            if message_bytes > MESSAGE_BYTES_MAX {
                return Recognised::Noise;
            }
            if held.len() < PREFIX.len() + message_bytes + 1 {
                return Recognised::More;
            }
            Recognised::Frame(Frame::Message {
                message: held[PREFIX.len()..PREFIX.len() + message_bytes].to_vec(),
                is_sound: check(held) == 0,
            })
        }
        _ => Recognised::Noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(sequence: u8) -> Vec<u8> {
        vec![0x65, 0, 0, 0, 0, 0, sequence, 0, 0, 0]
    }

    #[test]
    fn frames_of_every_kind_are_told_apart() {
        let message = [0x80, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0x90, 0x00].to_vec();
        let bytes = [
            &[0x50, 0x03][..],
            &framed(&status(1)),
            &[0x81, 0x83],
            &framed(&message),
            &NAK,
            &[0x00, 0x03, 0x07],
            &[0x50, 0x02],
        ]
        .concat();
        let expected = [
            Frame::Notice { is_present: true },
            Frame::Message { message: status(1), is_sound: true },
            Frame::MoreTime(0x81),
            Frame::MoreTime(0x83),
            Frame::Message { message, is_sound: true },
            Frame::Nak,
            Frame::Noise(0),
            Frame::Noise(3),
            Frame::Noise(7),
            Frame::Notice { is_present: false },
        ];
        assert_eq!(Splitter::default().frames(&bytes), expected);
        let mut splitter = Splitter::default();
        let one_by_one: Vec<_> = bytes.iter().flat_map(|byte| splitter.frames(&[*byte])).collect();
        assert_eq!(one_by_one, expected);
        assert_eq!(splitter.held_bytes(), 0);
    }

    #[test]
    fn damage_is_told_and_a_wild_length_is_noise() {
        let mut frame = framed(&status(7));
        *frame.last_mut().expect("it has bytes") ^= 1;
        let damaged = Frame::Message { message: status(7), is_sound: false };
        assert_eq!(Splitter::default().frames(&frame), [damaged]);
        let wild = [0x03, 0x06, 0x65, 0xFF, 0xFF, 0xFF, 0xFF];
        let good = framed(&status(8));
        let frames = Splitter::default().frames(&[&wild[..], &good].concat());
        assert_eq!(frames.last(), Some(&Frame::Message { message: status(8), is_sound: true }));
    }

    #[test]
    fn a_record_shows_no_data() {
        let pin = [&[0x6F, 5, 0, 0, 0, 0, 1, 0, 0, 0][..], b"12345"].concat();
        let shown = format!("{:?}", Frame::Message { message: pin, is_sound: true });
        assert_eq!(shown, "Message(6f050000000001000000)");
    }
}

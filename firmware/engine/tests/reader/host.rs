//! The host's end of the serial line, in memory.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    rc::Rc,
};

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

/// Both directions of the line; copies share them.
#[derive(Clone, Default)]
pub(crate) struct Host {
    pub(crate) to_reader: Rc<RefCell<VecDeque<u8>>>,
    pub(crate) from_reader: Rc<RefCell<Vec<u8>>>,
    /// Bytes that the line takes until it is given more; `None` is any number.
    pub(crate) room: Rc<Cell<Option<usize>>>,
}

impl Host {
    pub(crate) fn say(&self, bytes: &[u8]) {
        self.to_reader.borrow_mut().extend(bytes);
    }

    pub(crate) fn heard(&self) -> Vec<u8> {
        std::mem::take(&mut *self.from_reader.borrow_mut())
    }
}

impl ErrorType for Host {
    type Error = Infallible;
}

impl Read for Host {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut queue = self.to_reader.borrow_mut();
        let count = buffer.len().min(queue.len());
        assert!(count > 0, "the reader would wait here for ever");
        for (place, byte) in buffer.iter_mut().zip(queue.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl ReadReady for Host {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.to_reader.borrow().is_empty())
    }
}

impl Write for Host {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let count = self.room.get().map_or(bytes.len(), |room| room.min(bytes.len()));
        assert!(count > 0, "the reader would wait here for ever");
        self.room.set(self.room.get().map(|room| room - count));
        self.from_reader.borrow_mut().extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        panic!("flushing waits");
    }
}

impl WriteReady for Host {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.room.get() != Some(0))
    }
}

/// A frame around a message.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x03, 0x06];
    frame.extend(message);
    frame.push(frame.iter().fold(0, |lrc, byte| lrc ^ byte));
    frame
}

/// A message without or with data.
pub(crate) fn message(kind: u8, slot: u8, sequence: u8, specific: [u8; 3], data: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend((data.len() as u32).to_le_bytes());
    message.extend([slot, sequence]);
    message.extend(specific);
    message.extend(data);
    message
}

/// Something the reader says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Message(Vec<u8>),
    Nak,
    Notice(u8),
    TimeRequest,
}

impl Said {
    /// Whether this ends a command: an answer, neither an echo nor a wish for time.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Message(message) if message[0] >= 0x80 && message[7] & 0xC0 != 0x80)
    }
}

/// Takes what the reader has said apart; it must be whole and right to the last byte.
pub(crate) fn said(mut bytes: &[u8]) -> Vec<Said> {
    let mut all = Vec::new();
    while let Some(&first) = bytes.first() {
        let length = match first {
            0x03 if bytes[1] == 0x15 => {
                assert_eq!(bytes[2], 0x16);
                all.push(Said::Nak);
                3
            }
            0x03 => {
                assert_eq!(bytes[1], 0x06);
                let length = 10 + u32::from_le_bytes(bytes[3..7].try_into().unwrap()) as usize;
                assert!(length <= 271, "longer than the driver takes");
                assert_eq!(bytes[..length + 3].iter().fold(0, |lrc, byte| lrc ^ byte), 0, "LRC");
                all.push(Said::Message(bytes[2..length + 2].to_vec()));
                length + 3
            }
            0x50 => {
                assert!(matches!(bytes[1], 0x02 | 0x03));
                all.push(Said::Notice(bytes[1]));
                2
            }
            0x80.. => {
                all.push(Said::TimeRequest);
                1
            }
            other => panic!("the reader says {other:02X}"),
        };
        bytes = &bytes[length..];
    }
    all
}

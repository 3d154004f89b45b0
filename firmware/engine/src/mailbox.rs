//! Two CCID messages, one that comes and one that goes, and what carries them.
//!
//! A [`Transport`] knows bytes and packets, never what a message means: the serial line with its frames is
//! one, a USB interface with its bulk endpoints another.

use zeroize::Zeroize;

use crate::time::Instant;
use crate::trace::Trace;

/// Bytes before the data of every message. Source: CCID rev 1.1 §6.
pub const HEADER_BYTES: usize = 10;
/// Most data that a message may carry: a command of T=0 with 256 bytes, or a block of T=1.
pub const DATA_BYTES_MAX: usize = 261;
/// The longest message, `dwMaxCCIDMessageLength`.
pub const MESSAGE_BYTES_MAX: usize = HEADER_BYTES + DATA_BYTES_MAX;

/// The message from the host, byte by byte until it is complete.
///
/// Behind the message there may be bytes that are to be looked at once more, when a frame has turned out to be
/// none: the frame that hides in them is not lost.
pub struct Incoming {
    // One more than a message, for a check byte that is looked at once more.
    bytes: [u8; MESSAGE_BYTES_MAX + 1],
    length: usize,
    is_complete: bool,
    again: (usize, usize),
}

impl Incoming {
    const fn new() -> Self {
        Self { bytes: [0; MESSAGE_BYTES_MAX + 1], length: 0, is_complete: false, again: (0, 0) }
    }

    /// What has come so far.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds one byte; false when there is no room for it or the message is complete already.
    pub fn push(&mut self, byte: u8) -> bool {
        if self.is_complete || self.length >= MESSAGE_BYTES_MAX {
            return false;
        }
        let Some(place) = self.bytes.get_mut(self.length) else {
            return false;
        };
        *place = byte;
        self.length += 1;
        true
    }

    /// Length of the whole message by its header, once that is there. It may be more than there is room for.
    pub fn announced_bytes(&self) -> Option<usize> {
        let data_bytes = self.bytes().get(1..5)?.try_into().ok()?;
        (self.length >= HEADER_BYTES)
            .then(|| (u32::from_le_bytes(data_bytes) as usize).saturating_add(HEADER_BYTES))
    }

    /// Hands the message over: all of it, or, when it announces more than there is room for, its header.
    pub fn complete(&mut self) {
        self.is_complete = self.length >= HEADER_BYTES;
    }

    /// Whether a message waits to be handled. The transport leaves it alone until it has been.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Forgets and wipes the message.
    pub fn clear(&mut self) {
        if let Some(used) = self.bytes.get_mut(..self.length) {
            used.zeroize();
        }
        self.length = 0;
        self.is_complete = false;
    }

    /// The message is none: its bytes, and `last` after them, are to be looked at once more.
    pub(crate) fn look_again(&mut self, last: Option<u8>) {
        let (start, end) = self.again;
        let mut length = self.length;
        if let Some(byte) = last
            && let Some(place) = self.bytes.get_mut(length)
        {
            *place = byte;
            length += 1;
        }
        // What was to be looked at already moves down behind it, byte by byte: nothing stays where it was.
        for from in start..end {
            let byte = self.bytes.get_mut(from).map_or(0, core::mem::take);
            if let Some(place) = self.bytes.get_mut(length) {
                *place = byte;
                length += 1;
            }
        }
        self.again = (0, length);
        self.length = 0;
        self.is_complete = false;
    }

    /// The next byte to be looked at once more. Each is taken once, and comes before what the message is by
    /// now: a frame's first two bytes are not kept.
    pub(crate) fn next_again(&mut self) -> Option<u8> {
        let (start, end) = self.again;
        if start >= end {
            self.again = (0, 0);
            return None;
        }
        self.again.0 = start + 1;
        self.bytes.get_mut(start).map(core::mem::take)
    }
}

/// The message to the host.
pub struct Outgoing {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Outgoing {
    const fn new() -> Self {
        Self { bytes: [0; MESSAGE_BYTES_MAX], length: 0 }
    }

    /// The message that has to go out; empty when none has.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether there is room for the next message.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Room for the data of a message, [`DATA_BYTES_MAX`] bytes.
    pub(crate) fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(HEADER_BYTES..).unwrap_or_default()
    }

    /// Sends a message whose data are in place already; puts their length into the header.
    pub(crate) fn send(&mut self, header: &[u8; HEADER_BYTES], data_bytes: usize) {
        let data_bytes = data_bytes.min(DATA_BYTES_MAX);
        if let Some(head) = self.bytes.first_chunk_mut::<HEADER_BYTES>() {
            *head = *header;
            [head[1], head[2]] = (data_bytes as u16).to_le_bytes();
        }
        self.length = HEADER_BYTES + data_bytes;
    }

    /// Called by the transport when the message is out: wipes it.
    pub fn clear(&mut self) {
        self.bytes.zeroize();
        self.length = 0;
    }
}

/// The messages between a reader and its transport.
pub struct Mailbox {
    /// From the host.
    pub incoming: Incoming,
    /// To the host.
    pub outgoing: Outgoing,
}

impl Mailbox {
    /// Without messages.
    pub const fn new() -> Self {
        Self { incoming: Incoming::new(), outgoing: Outgoing::new() }
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}

/// Carries messages between mailbox and host. Nothing here waits.
pub trait Transport {
    /// Moves what can be moved: from the host into `incoming` until that is complete, and `outgoing` to the
    /// host, whose end it tells by [`Outgoing::clear`]. Says when it wants to be polled again at the latest,
    /// if nothing happens on its line. Counts what goes wrong on the way.
    fn poll(&mut self, mailbox: &mut Mailbox, trace: &mut Trace, now: Instant) -> Option<Instant>;

    /// A card has come (`is_present`) or gone. The transport says so when it can; it may keep the last
    /// state only. Source: CCID rev 1.1 §6.3.1.
    fn notify_slot_change(&mut self, slot: u8, is_present: bool);

    /// Asks the host for more time for a command whose answer has no room for the question. False when the
    /// transport has no such word; the host then waits as long as it waits.
    fn ask_time(&mut self) -> bool {
        false
    }

    /// Slot and sequence number of a request to abort that came beside the messages, each told once.
    /// Source: CCID rev 1.1 §5.3.1.
    fn abort_request(&mut self) -> Option<(u8, u8)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: impl Iterator<Item = u8>) -> Mailbox {
        let mut mailbox = Mailbox::new();
        for byte in bytes {
            assert!(mailbox.incoming.push(byte));
        }
        mailbox
    }

    #[test]
    fn what_was_handled_is_wiped() {
        let mut mailbox = filled((0..MESSAGE_BYTES_MAX).map(|_| 0xA5));
        assert!(!mailbox.incoming.push(0xA5));
        mailbox.incoming.complete();
        mailbox.incoming.clear();
        assert_eq!(mailbox.incoming.bytes, [0; MESSAGE_BYTES_MAX + 1]);

        mailbox.outgoing.data_mut().fill(0xA5);
        // Less is sent than was written, as when a command fails halfway.
        mailbox.outgoing.send(&[0x80; HEADER_BYTES], 1);
        assert_eq!(mailbox.outgoing.bytes().len(), HEADER_BYTES + 1);
        mailbox.outgoing.clear();
        assert_eq!(mailbox.outgoing.bytes, [0; MESSAGE_BYTES_MAX]);
    }

    #[test]
    fn what_is_looked_at_again_comes_in_order_and_leaves_nothing() {
        let mut incoming = filled(0..200).incoming;
        incoming.look_again(Some(200));
        let first: heapless::Vec<u8, 10> = (0..10).filter_map(|_| incoming.next_again()).collect();
        assert_eq!(first, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        // A frame that begins in there, and is none either.
        for byte in [0xB0, 0xB1, 0xB2] {
            assert!(incoming.push(byte));
        }
        incoming.look_again(Some(0xB3));
        for byte in [0xB0, 0xB1, 0xB2, 0xB3].into_iter().chain(10..=200) {
            assert_eq!(incoming.next_again(), Some(byte));
        }
        assert_eq!(incoming.next_again(), None);
        assert_eq!(incoming.bytes, [0; MESSAGE_BYTES_MAX + 1]);
    }

    #[test]
    fn the_longest_is_looked_at_again_with_its_check_byte() {
        let mut incoming = filled((0..MESSAGE_BYTES_MAX).map(|_| 1)).incoming;
        incoming.look_again(Some(2));
        assert_eq!((0..=MESSAGE_BYTES_MAX).filter_map(|_| incoming.next_again()).last(), Some(2));
        assert_eq!(incoming.next_again(), None);
    }
}

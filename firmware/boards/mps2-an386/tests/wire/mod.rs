//! A line in memory: the board has one end, the test plays the other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;

#[derive(Default)]
struct Wires {
    from_board: VecDeque<u8>,
    to_board: VecDeque<u8>,
}

/// One line; clones are the same line.
#[derive(Clone, Default)]
pub(crate) struct Line(Rc<RefCell<Wires>>);

impl Line {
    /// What the board has said since the last time.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.0.borrow_mut().from_board.drain(..).collect()
    }

    /// Says something to the board.
    pub(crate) fn hears(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_board.extend(bytes);
    }
}

impl embedded_io::ErrorType for Line {
    type Error = Infallible;
}

impl embedded_io::Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut wires = self.0.borrow_mut();
        let count = buffer.len().min(wires.to_board.len());
        for (place, byte) in buffer.iter_mut().zip(wires.to_board.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl embedded_io::ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.borrow().to_board.is_empty())
    }
}

impl embedded_io::Write for Line {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().from_board.extend(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

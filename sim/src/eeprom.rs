//! Non-volatile memory with all-or-nothing updates, and what a power cut leaves of it.
//!
//! Memory is programmed byte by byte, in order. A card's operating system writes an update first to a
//! journal area (values, length and checksum, then one commit mark), then to its places, then clears
//! the mark. When power comes back it looks at the mark: set and the checksum right, it writes the
//! places again; else the update never happened. Both halves are here: [`Eeprom::commit`] is what the
//! running card does and can be cut at any byte, [`Eeprom::recover`] is what it does at power-on, and can
//! be cut as well.

use std::fmt;

/// Bytes the journal can take; an update that needs more is refused before anything is written.
pub const JOURNAL_BYTES_MAX: usize = 512;

/// Mark of a complete journal. Any other value means that there is none.
const COMMITTED: u8 = 0xA5;
const CLEAR: u8 = 0x00;
/// Mark, length (2) and checksum (2) stand before the entries.
const HEADER_BYTES: usize = 5;
/// Cell (2), offset (2) and length (2) stand before the bytes of an entry.
const ENTRY_HEADER_BYTES: usize = 6;

/// One object in memory: a file's body, a key's retry counter, an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell(pub(crate) u16);

/// What the byte holds that was being programmed when power went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Torn {
    /// Programming had not begun: the old value.
    Old,
    /// The byte was erased and not yet written.
    #[default]
    Erased,
    /// Some bits had changed: this value.
    Weak(u8),
}

/// Power goes away while the byte number `after_bytes` (counted from now, 0 is the next one) is programmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerCut {
    /// Bytes that are still programmed completely.
    pub after_bytes: usize,
    /// What the next byte is left as.
    pub torn: Torn,
}

/// Why an update was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EepromError {
    /// Power went away on the way. Whether the update happened is decided at the next power-on.
    PowerLost,
    /// The memory is worn out and takes nothing any more; nothing was written.
    Worn,
    /// The update does not fit the journal; nothing was written.
    Full {
        /// Bytes the journal would have to hold.
        needed: usize,
    },
}

impl fmt::Display for EepromError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLost => f.write_str("power went away during an update"),
            Self::Worn => f.write_str("the memory is worn out"),
            Self::Full { needed } => {
                write!(f, "an update needs {needed} bytes of journal, there are {JOURNAL_BYTES_MAX}")
            }
        }
    }
}

impl std::error::Error for EepromError {}

/// Values that are to change together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    entries: Vec<(Cell, u16, Vec<u8>)>,
}

impl Update {
    /// Nothing to change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes` to be written at `offset` of `cell`. A later value for the same place wins.
    pub fn put(&mut self, cell: Cell, offset: usize, bytes: &[u8]) -> &mut Self {
        debug_assert!(offset + bytes.len() <= usize::from(u16::MAX), "a cell is at most 64 KB");
        self.entries.push((cell, offset as u16, bytes.to_vec()));
        self
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn journal(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (cell, offset, bytes) in &self.entries {
            body.extend_from_slice(&cell.0.to_be_bytes());
            body.extend_from_slice(&offset.to_be_bytes());
            body.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
            body.extend_from_slice(bytes);
        }
        body
    }
}

/// Memory in the middle of an update: the journal area and every cell, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// The journal area.
    pub journal: Vec<u8>,
    /// The cells, in the order they were laid out.
    pub cells: Vec<Vec<u8>>,
}

/// The memory: cells and the journal area. It keeps what it holds when power goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eeprom {
    cells: Vec<Vec<u8>>,
    journal: Vec<u8>,
    programmed_bytes: u64,
    cut: Option<PowerCut>,
    dark: bool,
    worn: bool,
}

impl Default for Eeprom {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            journal: vec![CLEAR; HEADER_BYTES + JOURNAL_BYTES_MAX],
            programmed_bytes: 0,
            cut: None,
            dark: false,
            worn: false,
        }
    }
}

impl Eeprom {
    /// Memory without cells and with an empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a new cell out, as the maker does before the card has a life of its own.
    pub fn allocate(&mut self, bytes: Vec<u8>) -> Cell {
        debug_assert!(bytes.len() <= usize::from(u16::MAX), "a cell is at most 64 KB");
        self.cells.push(bytes);
        Cell((self.cells.len() - 1) as u16)
    }

    /// What the cell holds.
    pub fn read(&self, cell: Cell) -> &[u8] {
        &self.cells[usize::from(cell.0)]
    }

    /// Everything as it stands, when an update was interrupted; `None` when there is nothing to recover.
    pub fn interrupted(&self) -> Option<Interrupted> {
        (self.journal[0] != CLEAR)
            .then(|| Interrupted { journal: self.journal.clone(), cells: self.cells.clone() })
    }

    /// Puts back what [`Eeprom::interrupted`] gave, into cells laid out as they were then.
    ///
    /// `false`, and nothing is changed, when the cells do not fit.
    pub fn restore(&mut self, interrupted: &Interrupted) -> bool {
        let fits = interrupted.journal.len() == self.journal.len()
            && interrupted.cells.len() == self.cells.len()
            && interrupted.cells.iter().zip(&self.cells).all(|(kept, own)| kept.len() == own.len());
        if fits {
            self.journal.clone_from(&interrupted.journal);
            self.cells.clone_from(&interrupted.cells);
        }
        fits
    }

    /// Bytes programmed since the memory was made.
    pub fn programmed_bytes(&self) -> u64 {
        self.programmed_bytes
    }

    /// Lets power go away at a byte of what is programmed next. `None` takes the plan back.
    pub fn plan_cut(&mut self, cut: Option<PowerCut>) {
        self.cut = cut;
    }

    /// Whether the memory is worn out: every update then answers `Worn`.
    pub fn set_worn(&mut self, worn: bool) {
        self.worn = worn;
    }

    /// Whether the memory is worn out.
    pub fn is_worn(&self) -> bool {
        self.worn
    }

    /// Whether power has gone away during an update and not come back.
    pub fn is_dark(&self) -> bool {
        self.dark
    }

    /// Writes all of `update` or nothing.
    ///
    /// Errors: `Full` and `Worn`, and nothing is written; `PowerLost`, and [`Eeprom::recover`] decides at the next
    /// power-on. Until then every further update answers `PowerLost`.
    pub fn commit(&mut self, update: &Update) -> Result<(), EepromError> {
        if self.dark {
            return Err(EepromError::PowerLost);
        }
        if update.is_empty() {
            return Ok(());
        }
        if self.worn {
            return Err(EepromError::Worn);
        }
        let body = update.journal();
        if body.len() > JOURNAL_BYTES_MAX {
            return Err(EepromError::Full { needed: body.len() });
        }
        let mut head = [0; 4];
        head[..2].copy_from_slice(&(body.len() as u16).to_be_bytes());
        head[2..].copy_from_slice(&checksum(&body).to_be_bytes());
        self.program_journal(HEADER_BYTES, &body)?;
        self.program_journal(1, &head)?;
        self.program_journal(0, &[COMMITTED])?;
        self.apply(&body)?;
        self.program_journal(0, &[CLEAR])
    }

    /// What the operating system does at power-on: finishes an update whose commit mark is set, forgets
    /// one whose mark is not.
    ///
    /// Errors: `PowerLost` when power goes away again; recovery then starts anew at the next power-on.
    pub fn recover(&mut self) -> Result<(), EepromError> {
        self.dark = false;
        if self.journal[0] == CLEAR {
            return Ok(());
        }
        if let Some(body) = self.committed_body() {
            self.apply(&body)?;
        }
        self.program_journal(0, &[CLEAR])
    }

    /// Bytes that a commit of this update programs: the number of places where power can be cut.
    pub fn commit_bytes(update: &Update) -> usize {
        let body = update.journal().len();
        let payload: usize = update.entries.iter().map(|(_, _, bytes)| bytes.len()).sum();
        if update.is_empty() { 0 } else { body + 4 + 1 + payload + 1 }
    }

    fn committed_body(&self) -> Option<Vec<u8>> {
        if self.journal[0] != COMMITTED {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([self.journal[1], self.journal[2]]));
        let body = self.journal.get(HEADER_BYTES..HEADER_BYTES + length)?;
        (checksum(body) == u16::from_be_bytes([self.journal[3], self.journal[4]])).then(|| body.to_vec())
    }

    fn apply(&mut self, body: &[u8]) -> Result<(), EepromError> {
        let mut rest = body;
        while let Some((head, tail)) = rest.split_at_checked(ENTRY_HEADER_BYTES) {
            let number = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
            let (cell, offset, length) = (number(0), number(2), number(4));
            let Some((bytes, next)) = tail.split_at_checked(length) else { break };
            let fits = self.cells.get(cell).is_some_and(|held| offset + length <= held.len());
            debug_assert!(fits, "an update stays inside its cell");
            if fits {
                for (at, byte) in bytes.iter().enumerate() {
                    let old = self.cells[cell][offset + at];
                    let (value, alive) = self.program(old, *byte);
                    self.cells[cell][offset + at] = value;
                    alive?;
                }
            }
            rest = next;
        }
        Ok(())
    }

    fn program_journal(&mut self, offset: usize, bytes: &[u8]) -> Result<(), EepromError> {
        for (at, byte) in bytes.iter().enumerate() {
            let (value, alive) = self.program(self.journal[offset + at], *byte);
            self.journal[offset + at] = value;
            alive?;
        }
        Ok(())
    }

    /// Programs one byte: what the place then holds, and whether power is still there.
    fn program(&mut self, old: u8, new: u8) -> (u8, Result<(), EepromError>) {
        match &mut self.cut {
            Some(PowerCut { after_bytes: 0, torn }) => {
                let value = match *torn {
                    Torn::Old => old,
                    Torn::Erased => 0xFF,
                    Torn::Weak(value) => value,
                };
                self.cut = None;
                self.dark = true;
                (value, Err(EepromError::PowerLost))
            }
            cut => {
                if let Some(PowerCut { after_bytes, .. }) = cut {
                    *after_bytes -= 1;
                }
                self.programmed_bytes += 1;
                (new, Ok(()))
            }
        }
    }
}

/// CRC-16 with the polynomial 1021 and preset FFFF (ISO/IEC 13239), so that an erased area is no journal.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |mut crc: u16, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn sample() -> (Eeprom, Update, Vec<Vec<u8>>) {
        let mut memory = Eeprom::new();
        let account = memory.allocate(vec![0x11; 8]);
        let log = memory.allocate(vec![0x22; 12]);
        let mut update = Update::new();
        update.put(account, 2, &[1, 2, 3]).put(log, 0, &[9; 12]).put(account, 7, &[0xA5]);
        let mut after = memory.clone();
        after.commit(&update).unwrap();
        (memory, update, after.cells)
    }

    #[test]
    fn checksum_is_the_published_one() {
        assert_eq!(checksum(b"123456789"), 0x29B1);
    }

    #[test]
    fn every_byte_of_an_update_is_a_place_to_cut() {
        let (memory, update, _) = sample();
        let mut whole = memory.clone();
        whole.commit(&update).unwrap();
        assert_eq!(whole.programmed_bytes(), Eeprom::commit_bytes(&update) as u64);
        assert_eq!(whole.interrupted(), None);
    }

    #[test]
    fn a_cut_at_any_byte_leaves_all_or_nothing() {
        let (memory, update, after) = sample();
        for torn in [Torn::Old, Torn::Erased, Torn::Weak(0xA5), Torn::Weak(0x5A), Torn::Weak(0)] {
            let mut done_before = false;
            for at in 0..Eeprom::commit_bytes(&update) {
                let mut torn_memory = memory.clone();
                torn_memory.plan_cut(Some(PowerCut { after_bytes: at, torn }));
                assert_eq!(torn_memory.commit(&update), Err(EepromError::PowerLost));
                assert_eq!(torn_memory.commit(&update), Err(EepromError::PowerLost), "dark stays dark");
                // Power goes away in recovery, too, at every byte, and then comes back for good.
                for again in 0..=64 {
                    let mut memory_again = torn_memory.clone();
                    memory_again.plan_cut(Some(PowerCut { after_bytes: again, torn }));
                    let first = memory_again.recover();
                    memory_again.plan_cut(None);
                    if first.is_err() {
                        memory_again.recover().unwrap();
                    }
                    let done = memory_again.cells == after;
                    assert!(
                        done || memory_again.cells == memory.cells,
                        "cut at {at}, {again}: half an update"
                    );
                    assert_eq!(memory_again.interrupted(), None);
                    memory_again.commit(&update).unwrap();
                    assert_eq!(memory_again.cells, after);
                }
                torn_memory.recover().unwrap();
                let done = torn_memory.cells == after;
                assert!(done >= done_before, "a later cut never takes an update back");
                done_before = done;
            }
            assert!(done_before, "the last cut, at the clearing of the mark, leaves the update done");
        }
    }

    #[test]
    fn an_update_beyond_the_journal_is_refused_whole() {
        let mut memory = Eeprom::new();
        let cell = memory.allocate(vec![0; JOURNAL_BYTES_MAX]);
        let mut update = Update::new();
        update.put(cell, 0, &[1; JOURNAL_BYTES_MAX - ENTRY_HEADER_BYTES]);
        assert_eq!(memory.clone().commit(&update), Ok(()));
        update.put(cell, 0, &[]);
        assert_eq!(memory.commit(&update), Err(EepromError::Full { needed: JOURNAL_BYTES_MAX + 6 }));
        assert_eq!(memory.read(cell), &[0; JOURNAL_BYTES_MAX]);
    }

    proptest! {
        #[test]
        fn a_journal_survives_being_kept(at in 0usize..80, torn in any::<u8>()) {
            let (memory, update, after) = sample();
            let mut cut = memory.clone();
            cut.plan_cut(Some(PowerCut { after_bytes: at, torn: Torn::Weak(torn) }));
            let _ = cut.commit(&update);
            let mut kept = Eeprom::new();
            for cell in &cut.cells {
                kept.allocate(vec![0; cell.len()]);
            }
            match cut.interrupted() {
                Some(interrupted) => prop_assert!(kept.restore(&interrupted)),
                // The cut fell behind the update, or before its mark: the cells are as they are.
                None => kept.cells.clone_from(&cut.cells),
            }
            cut.recover().unwrap();
            kept.recover().unwrap();
            prop_assert_eq!(&kept.cells, &cut.cells);
            prop_assert!(kept.cells == after || kept.cells == memory.cells);
        }
    }
}

//! What the board must not forget about images: the rollback floor and the pending request.
//!
//! Two erase sectors; one is in use. Its first record is its head with a sequence number, written last when a
//! sector is begun; behind it records are appended. A record is whole or, by its checksum, not there, so a cut
//! of the power loses at most the record that was being written. The sector with the higher sequence counts.

use embedded_storage::nor_flash::NorFlash;

use crate::checksum::crc32;

/// Bytes of a record.
///
/// | bytes | what |
/// |---|---|
/// | 0..2 | "JR" |
/// | 2 | kind |
/// | 3 | detail |
/// | 4..8 | number |
/// | 8..16 | first bytes of the SHA-256 of the program that is meant |
/// | 16..28 | 0 |
/// | 28..32 | CRC-32 of bytes 0..28 |
///
/// | kind | detail | number |
/// |---|---|---|
/// | 1 head | 0 | sequence |
/// | 2 floor | 0 | lowest rollback counter that may run |
/// | 3 request | 0 | 0 |
/// | 4 outcome | 0 installed, else [`crate::RefusalKind`] | 0 |
pub const RECORD_BYTES: usize = 32;

const MARK: [u8; 2] = *b"JR";
const RECORD: u32 = RECORD_BYTES as u32;

/// The program that a request or an outcome is about, by the first bytes of its SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request(pub [u8; 8]);

impl Request {
    /// A request for the program with this digest.
    pub fn of(program_sha256: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *program_sha256;
        Self([a, b, c, d, e, f, g, h])
    }
}

/// What has become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which one.
    pub request: Request,
    /// 0 when the image was installed, else the number of a [`crate::RefusalKind`].
    pub detail: u8,
}

/// What the journal says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Lowest rollback counter that may run.
    pub floor: u32,
    /// The request that has no outcome yet.
    pub pending: Option<Request>,
    /// What became of the last one that has.
    pub outcome: Option<Outcome>,
}

/// Why the journal could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// The flash refuses, or does not hold what was written.
    Flash,
    /// The region is not two sectors.
    Size,
}

#[derive(Clone, Copy)]
enum Entry {
    Head { sequence: u32 },
    Floor(u32),
    Request(Request),
    Outcome(Outcome),
}

/// The journal in its region of flash.
#[derive(Debug)]
pub struct Journal<F> {
    flash: F,
    /// Offset of the sector in use.
    sector: u32,
    sequence: u32,
    /// Offset in the sector where the next record goes.
    free: u32,
    state: State,
}

impl<F: NorFlash> Journal<F> {
    /// Opens the journal in a region of two sectors, begins it when there is none.
    pub fn open(flash: F) -> Result<Self, JournalError> {
        let fits = flash.capacity() == 2 * F::ERASE_SIZE
            && F::ERASE_SIZE >= 8 * RECORD_BYTES
            && RECORD_BYTES.is_multiple_of(F::WRITE_SIZE)
            && RECORD_BYTES.is_multiple_of(F::READ_SIZE);
        if !fits {
            return Err(JournalError::Size);
        }
        let mut journal = Self { flash, sector: 0, sequence: 0, free: 0, state: State::default() };
        let heads = [journal.head(0), journal.head(F::ERASE_SIZE as u32)];
        let (sector, sequence) = match heads {
            [None, None] => {
                // The first sector's successor is the one at 0.
                journal.sector = F::ERASE_SIZE as u32;
                journal.renew()?;
                return Ok(journal);
            }
            [Some(first), Some(second)] if second > first => (F::ERASE_SIZE as u32, second),
            [Some(first), _] => (0, first),
            [None, Some(second)] => (F::ERASE_SIZE as u32, second),
        };
        journal.sector = sector;
        journal.sequence = sequence;
        journal.replay()?;
        Ok(journal)
    }

    /// What it says.
    pub fn state(&self) -> State {
        self.state
    }

    /// From now on nothing below this counter runs. Lowering changes nothing.
    pub fn raise_floor(&mut self, floor: u32) -> Result<(), JournalError> {
        if floor <= self.state.floor { Ok(()) } else { self.append(Entry::Floor(floor)) }
    }

    /// Asks for the staged image to be installed at the next start.
    pub fn request(&mut self, request: Request) -> Result<(), JournalError> {
        if self.state.pending == Some(request) { Ok(()) } else { self.append(Entry::Request(request)) }
    }

    /// Says what became of the pending request; it is pending no more.
    pub fn settle(&mut self, outcome: Outcome) -> Result<(), JournalError> {
        self.append(Entry::Outcome(outcome))
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn head(&mut self, sector: u32) -> Option<u32> {
        match self.read(sector).ok()?.as_ref().and_then(decode) {
            Some(Entry::Head { sequence }) => Some(sequence),
            _ => None,
        }
    }

    /// Reads all records of the sector in use.
    fn replay(&mut self) -> Result<(), JournalError> {
        self.free = RECORD;
        self.state = State::default();
        let mut at = RECORD;
        while at < F::ERASE_SIZE as u32 {
            if let Some(bytes) = self.read(self.sector.saturating_add(at))? {
                if let Some(entry) = decode(&bytes) {
                    self.state.take(entry);
                }
                // Whatever lies before a record, whole or torn, is not written again.
                self.free = at.saturating_add(RECORD);
            }
            at = at.saturating_add(RECORD);
        }
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        if self.free >= F::ERASE_SIZE as u32 {
            self.renew()?;
        }
        let at = self.sector.saturating_add(self.free);
        self.free = self.free.saturating_add(RECORD);
        self.write(at, entry)?;
        self.state.take(entry);
        Ok(())
    }

    /// Begins the other sector with what must be kept. Until its head is written, the sector in use counts.
    fn renew(&mut self) -> Result<(), JournalError> {
        let size = F::ERASE_SIZE as u32;
        let other = if self.sector == 0 { size } else { 0 };
        self.flash.erase(other, other.saturating_add(size)).map_err(|_| JournalError::Flash)?;
        let kept = [
            Some(Entry::Floor(self.state.floor)),
            self.state.outcome.map(Entry::Outcome),
            self.state.pending.map(Entry::Request),
        ];
        let mut free = RECORD;
        for entry in kept.into_iter().flatten() {
            self.write(other.saturating_add(free), entry)?;
            free = free.saturating_add(RECORD);
        }
        let sequence = self.sequence.saturating_add(1);
        self.write(other, Entry::Head { sequence })?;
        (self.sector, self.sequence, self.free) = (other, sequence, free);
        Ok(())
    }

    /// `None` for erased flash.
    fn read(&mut self, at: u32) -> Result<Option<[u8; RECORD_BYTES]>, JournalError> {
        let mut bytes = [0; RECORD_BYTES];
        self.flash.read(at, &mut bytes).map_err(|_| JournalError::Flash)?;
        Ok(bytes.iter().any(|byte| *byte != 0xFF).then_some(bytes))
    }

    fn write(&mut self, at: u32, entry: Entry) -> Result<(), JournalError> {
        let bytes = encode(entry);
        self.flash.write(at, &bytes).map_err(|_| JournalError::Flash)?;
        if self.read(at)? == Some(bytes) { Ok(()) } else { Err(JournalError::Flash) }
    }
}

impl State {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Head { .. } => {}
            Entry::Floor(floor) => self.floor = self.floor.max(floor),
            Entry::Request(request) => self.pending = Some(request),
            Entry::Outcome(outcome) => {
                self.pending = None;
                self.outcome = Some(outcome);
            }
        }
    }
}

fn encode(entry: Entry) -> [u8; RECORD_BYTES] {
    let (kind, detail, number, request) = match entry {
        Entry::Head { sequence } => (1, 0, sequence, Request::default()),
        Entry::Floor(floor) => (2, 0, floor, Request::default()),
        Entry::Request(request) => (3, 0, 0, request),
        Entry::Outcome(Outcome { request, detail }) => (4, detail, 0, request),
    };
    let mut bytes = [0; RECORD_BYTES];
    let fields = MARK.into_iter().chain([kind, detail]).chain(number.to_le_bytes()).chain(request.0);
    for (to, from) in bytes.iter_mut().zip(fields) {
        *to = from;
    }
    let crc = crc32(&bytes[..28]).to_le_bytes();
    bytes[28..].copy_from_slice(&crc);
    bytes
}

fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Entry> {
    let [m0, m1, kind, detail, n0, n1, n2, n3, r0, r1, r2, r3, r4, r5, r6, r7, ..] = *bytes;
    let crc = bytes.last_chunk().copied().map(u32::from_le_bytes)?;
    if [m0, m1] != MARK || crc32(&bytes[..28]) != crc {
        return None;
    }
    let number = u32::from_le_bytes([n0, n1, n2, n3]);
    let request = Request([r0, r1, r2, r3, r4, r5, r6, r7]);
    match kind {
        1 => Some(Entry::Head { sequence: number }),
        2 => Some(Entry::Floor(number)),
        3 => Some(Entry::Request(request)),
        4 => Some(Entry::Outcome(Outcome { request, detail })),
        _ => None,
    }
}

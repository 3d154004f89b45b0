//! What a start has come to, for whoever asks later: in a corner of memory that is not cleared, and in words.

use core::fmt;

use reader_protocol::image::Version;

use crate::{Decision, checksum::crc32, judgement::RefusalKind};

/// Bytes of a report.
///
/// | bytes | what |
/// |---|---|
/// | 0..4 | "JBRP" |
/// | 4 | 0 the application runs, else [`RefusalKind`] |
/// | 5 | 1 when an image was copied into place in this start, else 0 |
/// | 6 | 0 the staged image was not refused, else [`RefusalKind`] |
/// | 7 | 0 the journal is well, 1 it is not |
/// | 8..14 | version of the application: major, minor, patch; 0 when none runs |
/// | 14..16 | 0 |
/// | 16..20 | rollback counter of the application; 0 when none runs |
/// | 20..24 | rollback floor |
/// | 24..28 | 0 |
/// | 28..32 | CRC-32 of bytes 0..28 |
pub const REPORT_BYTES: usize = 32;

const MARK: [u8; 4] = *b"JBRP";

/// Whether the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Runs {
        /// Its version.
        version: Version,
        /// Its rollback counter.
        rollback: u32,
    },
    /// It does not, and why.
    Refused(RefusalKind),
}

/// What a start has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether the application runs.
    pub verdict: Verdict,
    /// Whether an image was copied into place in this start.
    pub is_installed: bool,
    /// Why the staged image was not taken, when it was looked at and refused.
    pub staged: Option<RefusalKind>,
    /// Whether the journal could be read and written.
    pub is_journal_well: bool,
    /// Lowest rollback counter that may run.
    pub floor: u32,
}

impl Report {
    /// Of this decision.
    pub fn of(decision: &Decision) -> Self {
        Self {
            verdict: match &decision.application {
                Ok(header) => Verdict::Runs { version: header.version, rollback: header.rollback },
                Err(refusal) => Verdict::Refused(refusal.kind()),
            },
            is_installed: decision.is_installed,
            staged: decision.staged.as_ref().map(crate::Refusal::kind),
            is_journal_well: decision.journal.is_some(),
            floor: decision.journal.map_or(0, |state| state.floor),
        }
    }

    /// As it lies in memory.
    pub fn to_bytes(&self) -> [u8; REPORT_BYTES] {
        let (refused, version, rollback) = match self.verdict {
            Verdict::Runs { version, rollback } => (0, version, rollback),
            Verdict::Refused(kind) => (kind as u8, Version::default(), 0),
        };
        let flags = [
            refused,
            u8::from(self.is_installed),
            self.staged.map_or(0, |kind| kind as u8),
            u8::from(!self.is_journal_well),
        ];
        let version = [version.major, version.minor, version.patch, 0];
        let numbers = [rollback, self.floor, 0];
        let fields = MARK
            .into_iter()
            .chain(flags)
            .chain(version.into_iter().flat_map(u16::to_le_bytes))
            .chain(numbers.into_iter().flat_map(u32::to_le_bytes));
        let mut bytes = [0; REPORT_BYTES];
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = from;
        }
        let crc = crc32(&bytes[..28]).to_le_bytes();
        bytes[28..].copy_from_slice(&crc);
        bytes
    }

    /// The report in these bytes; `None` when there is none: the board was started without the boot stage.
    pub fn from_bytes(bytes: &[u8; REPORT_BYTES]) -> Option<Self> {
        let half = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes);
        let word = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        if bytes[..4] != MARK || word(28)? != crc32(&bytes[..28]) {
            return None;
        }
        let verdict = match bytes[4] {
            0 => Verdict::Runs {
                version: Version { major: half(8)?, minor: half(10)?, patch: half(12)? },
                rollback: word(16)?,
            },
            kind => Verdict::Refused(RefusalKind::from_byte(kind)?),
        };
        let staged = match bytes[6] {
            0 => None,
            kind => Some(RefusalKind::from_byte(kind)?),
        };
        Some(Self {
            verdict,
            is_installed: bytes[5] != 0,
            staged,
            is_journal_well: bytes[7] == 0,
            floor: word(20)?,
        })
    }
}

impl fmt::Display for Decision {
    /// One line, for a person at the serial line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("jinbao boot: ")?;
        match &self.application {
            Ok(header) => write!(formatter, "runs {} (rollback {})", header.version, header.rollback)?,
            Err(refusal) => write!(formatter, "refused: {refusal}")?,
        }
        if self.is_installed {
            formatter.write_str("; installed in this start")?;
        }
        if let Some(refusal) = &self.staged {
            write!(formatter, "; staged image refused: {refusal}")?;
        }
        match &self.journal {
            Some(state) => write!(formatter, "; floor {}", state.floor),
            None => formatter.write_str("; journal broken"),
        }
    }
}

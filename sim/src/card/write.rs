//! UPDATE RECORD, APPEND RECORD and UPDATE BINARY.

use card_spec::{
    command::{BinaryReference, RecordReference},
    file::ShortFileId,
    status::StatusWord,
};

use super::{
    Answer, Card, Executed, Protected, Stop,
    layout::{Body, RING_HEAD_BYTES},
};
use crate::eeprom::{Cell, Update};

impl Card {
    /// By number, by tag, or the next place of a ring. A record keeps its length.
    pub(super) fn update_record(&mut self, record: RecordReference, command: &Protected<'_>) -> Executed {
        let at = self.file_meant(record.file())?;
        self.check_right_to_write(at)?;
        let file = self.file(at);
        match &file.body {
            Body::Ring { .. } => match record {
                // "Previous" is how a ring is written; some drivers name record 1 by number instead.
                RecordReference::Previous { .. } | RecordReference::Number { number: 1, .. } => {
                    self.check_mac_of_update(command, file.write_needs_mac)?;
                    self.append_to_ring(at, command.data)
                }
                _ => Err(StatusWord::WRONG_PARAMETERS.into()),
            },
            Body::Records { cell, lengths, tagged } => {
                let (cell, lengths, tagged) = (*cell, lengths.clone(), *tagged);
                let index = match record {
                    RecordReference::Number { number, .. } => {
                        usize::from(number).checked_sub(1).filter(|index| *index < lengths.len())
                    }
                    RecordReference::Tag { tag, .. } => {
                        file.records(&self.memory).position(|record| tagged && record.first() == Some(&tag))
                    }
                    _ => return Err(StatusWord::WRONG_PARAMETERS.into()),
                };
                let index = index.ok_or(StatusWord::RECORD_NOT_FOUND)?;
                let needs_mac = file.write_needs_mac || file.records_need_mac.contains(&(index as u8 + 1));
                self.check_mac_of_update(command, needs_mac)?;
                let start: usize = lengths[..index].iter().sum();
                let old = &self.memory.read(cell)[start..start + lengths[index]];
                if command.data.len() != old.len() {
                    return Err(StatusWord::WRONG_LENGTH.into());
                }
                if tagged && command.data.get(..2) != old.get(..2) {
                    return Err(StatusWord::WRONG_DATA.into());
                }
                self.write(cell, start, command.data)
            }
            Body::Transparent { .. } | Body::Internal => Err(StatusWord::WRONG_FILE_TYPE.into()),
        }
    }

    /// Linear files are made with all their records; only a ring takes one more.
    pub(super) fn append_record(&mut self, file: Option<ShortFileId>, command: &Protected<'_>) -> Executed {
        let at = self.file_meant(file)?;
        self.check_right_to_write(at)?;
        let file = self.file(at);
        match &file.body {
            Body::Ring { .. } => {
                self.check_mac_of_update(command, file.write_needs_mac)?;
                self.append_to_ring(at, command.data)
            }
            Body::Records { .. } => Err(StatusWord::NO_SPACE.into()),
            Body::Transparent { .. } | Body::Internal => Err(StatusWord::WRONG_FILE_TYPE.into()),
        }
    }

    /// Bytes from an offset; the file keeps its length.
    pub(super) fn update_binary(&mut self, at: BinaryReference, command: &Protected<'_>) -> Executed {
        let (at, offset) = self.binary_place(at)?;
        self.check_right_to_write(at)?;
        let file = self.file(at);
        let Body::Transparent { cell } = &file.body else {
            return Err(StatusWord::WRONG_FILE_TYPE.into());
        };
        let cell = *cell;
        self.check_mac_of_update(command, file.write_needs_mac)?;
        let bytes = self.memory.read(cell).len();
        if offset >= bytes {
            return Err(StatusWord::WRONG_OFFSET.into());
        }
        if offset + command.data.len() > bytes {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        self.write(cell, offset, command.data)
    }

    fn check_right_to_write(&self, file: usize) -> Result<(), Stop> {
        if self.file(file).write.allows(|right| self.has(right)) {
            Ok(())
        } else {
            Err(StatusWord::SECURITY_STATUS.into())
        }
    }

    /// A MAC is checked if there is one and demanded if there must be.
    fn check_mac_of_update(&mut self, command: &Protected<'_>, needs_mac: bool) -> Result<(), Stop> {
        match command.mac {
            Some(_) => self.check_mac(command).map(|_| ()),
            None if needs_mac => Err(StatusWord::MAC_MISSING.into()),
            None => Ok(()),
        }
    }

    fn write(&mut self, cell: Cell, offset: usize, data: &[u8]) -> Executed {
        let mut update = Update::new();
        update.put(cell, offset, data);
        self.commit(&update)?;
        Ok(Answer::Done)
    }

    fn append_to_ring(&mut self, file: usize, record: &[u8]) -> Executed {
        let mut update = Update::new();
        self.put_into_ring(&mut update, file, record)?;
        self.commit(&update)?;
        Ok(Answer::Done)
    }

    /// Adds one record to a ring as part of an update: the oldest goes when the ring is full.
    pub(super) fn put_into_ring(&self, update: &mut Update, file: usize, record: &[u8]) -> Result<(), Stop> {
        let Body::Ring { cell, record_bytes, records_max } = &self.file(file).body else {
            return Err(StatusWord::WRONG_FILE_TYPE.into());
        };
        if record.len() != *record_bytes {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let bytes = self.memory.read(*cell);
        let (newest, count) = (usize::from(bytes[0]), usize::from(bytes[1]));
        let next = if count == 0 { 0 } else { (newest + 1) % records_max };
        let count = (count + 1).min(*records_max);
        update.put(*cell, RING_HEAD_BYTES + next * record_bytes, record);
        update.put(*cell, 0, &[next as u8, count as u8]);
        Ok(())
    }
}

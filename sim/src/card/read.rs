//! READ RECORD and READ BINARY.

use card_spec::{
    apdu::ANSWER_DATA_BYTES_MAX,
    command::{BinaryReference, LE_ANY, RecordReference},
    file::ShortFileId,
    status::StatusWord,
};

use super::{
    Answer, Card, Executed, Stop,
    layout::{Body, File},
};

impl Card {
    /// The file that a command means, which is the selected one from then on.
    pub(super) fn file_meant(&mut self, short_id: Option<ShortFileId>) -> Result<usize, Stop> {
        let files = &self.layout.directories[self.session.directory].files;
        let file = match short_id {
            None => self.session.file.ok_or(StatusWord::NO_CURRENT_FILE)?,
            Some(short_id) => {
                let named = |file: &File| {
                    file.id & 0x1F == u16::from(short_id.value()) && !matches!(file.body, Body::Internal)
                };
                files.iter().position(named).ok_or(StatusWord::FILE_NOT_FOUND)?
            }
        };
        self.session.file = Some(file);
        Ok(file)
    }

    pub(super) fn file(&self, file: usize) -> &File {
        &self.layout.directories[self.session.directory].files[file]
    }

    /// One record by number or tag, or all from a number on.
    pub(super) fn read_record(&mut self, record: RecordReference, le: u8) -> Executed {
        let at = self.file_meant(record.file())?;
        let file = self.file(at);
        if !matches!(file.body, Body::Records { .. } | Body::Ring { .. }) {
            return Err(StatusWord::WRONG_FILE_TYPE.into());
        }
        if !file.read.allows(|right| self.has(right)) {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        let mut records = file.records(&self.memory);
        let index = |number: u8| usize::from(number).checked_sub(1).ok_or(StatusWord::RECORD_NOT_FOUND);
        match record {
            RecordReference::Number { number, .. } => {
                let record = records.nth(index(number)?).ok_or(StatusWord::RECORD_NOT_FOUND)?;
                Ok(Answer::Exact(record.to_vec()))
            }
            RecordReference::Tag { tag, .. } => {
                let tagged = matches!(file.body, Body::Records { tagged: true, .. });
                let found = records.find(|record| tagged && record.first() == Some(&tag));
                Ok(Answer::Exact(found.ok_or(StatusWord::RECORD_NOT_FOUND)?.to_vec()))
            }
            RecordReference::AllFrom { number, .. } => {
                let mut all: Vec<u8> = records.skip(index(number)?).flatten().copied().collect();
                if all.is_empty() {
                    return Err(StatusWord::RECORD_NOT_FOUND.into());
                }
                // Beyond one answer there is no way to ask for the rest.
                all.truncate(if le == LE_ANY { ANSWER_DATA_BYTES_MAX } else { usize::from(le) });
                Ok(Answer::Given(all, StatusWord::SUCCESS))
            }
            RecordReference::Previous { .. } => Err(StatusWord::WRONG_PARAMETERS.into()),
        }
    }

    /// Bytes from an offset.
    pub(super) fn read_binary(&mut self, at: BinaryReference, le: u8) -> Executed {
        let (at, offset) = self.binary_place(at)?;
        let file = self.file(at);
        let Body::Transparent { cell } = &file.body else {
            return Err(StatusWord::WRONG_FILE_TYPE.into());
        };
        if !file.read.allows(|right| self.has(right)) {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        let rest = self.memory.read(*cell).get(offset..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(StatusWord::WRONG_OFFSET)?;
        let wanted = if le == LE_ANY { rest.len().min(ANSWER_DATA_BYTES_MAX) } else { usize::from(le) };
        let bytes = rest.get(..wanted).ok_or(StatusWord::right_length(rest.len() as u16))?;
        Ok(Answer::Given(bytes.to_vec(), StatusWord::SUCCESS))
    }

    /// File and offset of READ BINARY and UPDATE BINARY.
    pub(super) fn binary_place(&mut self, at: BinaryReference) -> Result<(usize, usize), Stop> {
        Ok(match at {
            BinaryReference::Current { offset } => (self.file_meant(None)?, usize::from(offset)),
            BinaryReference::File { file, offset } => (self.file_meant(Some(file))?, usize::from(offset)),
        })
    }
}

//! Files of the open card beyond the holder's and the issuer's data.

use card_spec::{
    command::{BinaryReference, Body, Command, LE_ANY, RecordReference},
    file::{Access, File, Rule, Structure},
    status::StatusWord,
    tlv::{RECORD_VALUE_BYTES_MAX, Record},
};
use zeroize::Zeroizing;

use super::{
    Session,
    card::OpenCard,
    error::{Chip, SessionError, Step},
};
use crate::ports::Random;

/// Bytes of a transparent file that are read at once.
const CHUNK_BYTES: u8 = 0xF0;

/// One record of a file as it stands on the card. Wiped when dropped; `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Tag of a record that has one.
    pub tag: Option<u8>,
    /// Number of the record, from 1, in a file that is read by numbers; 0 in others.
    pub number: u8,
    /// The value without tag and length; `None` when the card lacks the record.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl Session {
    /// Reads a file of the card: the records with these tags, or all that the card has.
    ///
    /// The terminal proves itself with the key that the file's rule names, once; a rule that names the PIN
    /// asks for a verified holder. A transparent file is one record without tag.
    /// Errors: `CardFirst`, `PinFirst`, `NotAuthorised`, `KeyLocked`, `NoSuchKey`, the PSAM's,
    /// `NoMedicalAccount`, `Status`, `Data`, `Slot`. Nothing changes on the card.
    pub fn read_file(
        &mut self,
        file: &'static File,
        tags: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<FileRecord>, SessionError> {
        self.with_card(|session, card| {
            session.gain(card, file, &file.read, random)?;
            match file.structure {
                Structure::LinearTlv => session.read_by_tags(card, file, tags),
                Structure::LinearFixed { record_bytes, records }
                | Structure::Cyclic { record_bytes, records } => {
                    session.read_by_numbers(file, record_bytes, records)
                }
                Structure::Transparent { bytes } => session.read_bytes(file, bytes),
                Structure::Internal { .. } => Err(SessionError::Status {
                    chip: Chip::Card,
                    step: Step::ReadFile,
                    got: StatusWord::SECURITY_STATUS,
                }),
            }
        })
    }

    /// Writes the record with a tag. Sent once.
    ///
    /// `value` is as long as the table of files says; the caller has encoded and filled it up.
    /// Errors: as for [`Session::read_file`]. After `Slot` with an unknown outcome the record is either the old
    /// or the new one: read it again.
    pub fn write_record(
        &mut self,
        file: &'static File,
        tag: u8,
        value: &[u8],
        random: &mut dyn Random,
    ) -> Result<(), SessionError> {
        let step = Step::WriteFile;
        self.with_card(|session, card| {
            session.gain(card, file, &file.write, random)?;
            let length = u8::try_from(value.len())
                .ok()
                .filter(|length| usize::from(*length) <= RECORD_VALUE_BYTES_MAX);
            let length = length.ok_or(SessionError::Command {
                step,
                problem: card_spec::Error::TooLong {
                    part: card_spec::Part::Record,
                    max: RECORD_VALUE_BYTES_MAX,
                    got: value.len(),
                },
            })?;
            let mut data = Zeroizing::new(Vec::with_capacity(value.len() + 2));
            data.extend_from_slice(&[tag, length]);
            data.extend_from_slice(value);
            let record = RecordReference::Tag { file: file.short_id(), tag };
            let command = Command::UpdateRecord { record, data: Body(&data), mac: None };
            session.card_channel().expect(step, &command)?;
            Ok(())
        })
    }

    /// Selects the file's application and proves what its rule asks for.
    pub(super) fn gain(
        &mut self,
        card: &mut OpenCard,
        file: &'static File,
        rule: &Rule,
        random: &mut dyn Random,
    ) -> Result<(), SessionError> {
        self.select(card, file.application)?;
        let access = rule.of(card.generation());
        if access.needs_pin() && !card.is_verified() {
            return Err(SessionError::PinFirst);
        }
        match access {
            Access::Free | Access::Pin => Ok(()),
            Access::Never | Access::Transaction => Err(SessionError::Status {
                chip: Chip::Card,
                step: Step::ReadFile,
                got: StatusWord::SECURITY_STATUS,
            }),
            Access::PinOrKey(_) if card.is_verified() => Ok(()),
            Access::Key(key) | Access::EitherKey(key, _) | Access::PinAndKey(key) | Access::PinOrKey(key) => {
                self.authorise(card, key, random)
            }
        }
    }

    fn read_by_tags(
        &mut self,
        card: &OpenCard,
        file: &'static File,
        tags: &[u8],
    ) -> Result<Vec<FileRecord>, SessionError> {
        let step = Step::ReadFile;
        let all: Vec<u8> = file.items_of(card.generation()).filter_map(|item| item.tag).collect();
        let tags = if tags.is_empty() { &all } else { tags };
        let mut records = Vec::with_capacity(tags.len());
        for tag in tags {
            let bytes = file.item(card.generation(), *tag).map_or(0, |item| item.bytes);
            let le = if bytes == 0 { LE_ANY } else { bytes.saturating_add(2) };
            let record = RecordReference::Tag { file: file.short_id(), tag: *tag };
            let mut channel = self.card_channel();
            let answer = channel.command(step, &Command::ReadRecord { record, le })?;
            let value = match answer.status() {
                StatusWord::SUCCESS => {
                    let record =
                        Record::parse(answer.data()).map_err(|problem| channel.damaged(step, problem))?;
                    if record.tag != *tag {
                        let problem = card_spec::Error::Malformed { part: card_spec::Part::Record };
                        return Err(channel.damaged(step, problem));
                    }
                    Some(Zeroizing::new(record.value.to_vec()))
                }
                StatusWord::RECORD_NOT_FOUND => None,
                got => return Err(channel.refused(step, got)),
            };
            records.push(FileRecord { tag: Some(*tag), number: 0, value });
        }
        Ok(records)
    }

    fn read_by_numbers(
        &mut self,
        file: &'static File,
        record_bytes: u8,
        records_max: u8,
    ) -> Result<Vec<FileRecord>, SessionError> {
        let step = Step::ReadFile;
        let mut records = Vec::new();
        for number in 1..=records_max {
            let record = RecordReference::Number { file: file.short_id(), number };
            let mut channel = self.card_channel();
            let answer = channel.command(step, &Command::ReadRecord { record, le: record_bytes })?;
            match answer.status() {
                StatusWord::SUCCESS => {
                    let value = Some(Zeroizing::new(answer.data().to_vec()));
                    records.push(FileRecord { tag: None, number, value });
                }
                StatusWord::RECORD_NOT_FOUND => break,
                got => return Err(channel.refused(step, got)),
            }
        }
        Ok(records)
    }

    fn read_bytes(&mut self, file: &'static File, bytes: u16) -> Result<Vec<FileRecord>, SessionError> {
        let step = Step::ReadFile;
        let mut read = Zeroizing::new(Vec::with_capacity(usize::from(bytes)));
        while read.len() < usize::from(bytes) {
            let offset = read.len() as u16;
            // The first one names the file and makes it the current one.
            let at = match file.short_id() {
                Some(file) if offset == 0 => BinaryReference::File { file, offset: 0 },
                _ => BinaryReference::Current { offset },
            };
            let le = u8::try_from(bytes - offset).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let mut channel = self.card_channel();
            let answer = channel.command(step, &Command::ReadBinary { at, le })?;
            match answer.status() {
                StatusWord::SUCCESS if !answer.data().is_empty() => read.extend_from_slice(answer.data()),
                // A card whose file is shorter than the table's.
                StatusWord::SUCCESS | StatusWord::WRONG_OFFSET => break,
                got => return Err(channel.refused(step, got)),
            }
        }
        Ok(vec![FileRecord { tag: None, number: 0, value: Some(read) }])
    }
}

impl std::fmt::Debug for FileRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileRecord")
            .field("tag", &self.tag)
            .field("number", &self.number)
            .field("bytes", &self.value.as_ref().map(|value| value.len()))
            .finish()
    }
}

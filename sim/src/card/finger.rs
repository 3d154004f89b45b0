//! VERIFY with biometric data: match on card, with the templates of EF07.
//!
//! The card trusts its own file, which only holders of UKSSSE write: it asks for a whole content, not for its MAC.

use card_spec::{
    file::FileId,
    fingerprint::{Content, Position, Stored, Template},
    status::StatusWord,
};
use fingerprint::{
    matcher::{Level, Prepared, Workspace},
    template::{Reading, compact},
};

use super::{
    Answer, Card, Executed, Granted, Protected, Stop,
    layout::{Body, FingerPlace},
};
use crate::eeprom::Update;

/// The card does not know what the business is: the stricter level.
const LEVEL: Level = Level::Strict;
/// What a comparison with one template takes, in cipher blocks of the model of time.
const BLOCKS_OF_COMPARISON: u64 = 256;

impl Card {
    /// Compares with every impression of that finger. The try is taken off before; what cannot be compared costs
    /// none: 6A80 for minutiae that make no sense, 6A88 for a finger that is not there, 6984 for a file that is
    /// damaged or holds a template of another format only.
    pub(super) fn verify_finger(&mut self, position: Position, minutiae: &[u8]) -> Executed {
        let (directory, place) = self.finger_place()?;
        let stored = self.templates(directory, position)?;
        let probe = compact::read(minutiae, Reading::Strict).map_err(|_| StatusWord::WRONG_DATA)?;
        let left = self.memory.read(place.tries)[0];
        if left == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        let granted = Granted::Finger { directory };
        self.put_finger_tries(place, left - 1)?;
        self.session.rights.remove(&granted);
        self.blocks += BLOCKS_OF_COMPARISON * stored.len() as u64;
        let probe = Prepared::new(&probe);
        let mut workspace = Workspace::new();
        if !stored.iter().any(|stored| workspace.compare(&probe, stored).passes(LEVEL)) {
            return Err(StatusWord::tries(left - 1).into());
        }
        self.put_finger_tries(place, place.tries_max)?;
        self.session.rights.insert(granted);
        Ok(Answer::Done)
    }

    /// 9000 when verified, else 63Cx, 6983 when blocked; nothing is used up.
    pub(super) fn finger_tries(&mut self, position: Position) -> Executed {
        let (directory, place) = self.finger_place()?;
        self.templates(directory, position)?;
        match self.memory.read(place.tries)[0] {
            _ if self.session.rights.contains(&Granted::Finger { directory }) => Ok(Answer::Done),
            0 => Err(StatusWord::AUTHENTICATION_BLOCKED.into()),
            left => Err(StatusWord::tries(left).into()),
        }
    }

    /// After external authentication with PUK: gives the tries back.
    pub(super) fn unblock_finger(&mut self, command: &Protected<'_>) -> Executed {
        let (_, place) = self.finger_place()?;
        self.check_right_to_unblock()?;
        self.check_mac(command)?;
        self.put_finger_tries(place, place.tries_max)?;
        Ok(Answer::Done)
    }

    /// A card without the option does not know the instruction.
    fn finger_place(&self) -> Result<(usize, FingerPlace), Stop> {
        let directory = self.layout.environment_of(self.session.directory);
        let place = self.layout.directories[directory].finger;
        Ok((directory, place.ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?))
    }

    /// The impressions of a finger that can be compared, at least one.
    fn templates(&self, directory: usize, position: Position) -> Result<Vec<Prepared>, Stop> {
        let content = self.fingers(directory)?;
        let comparable: Vec<Prepared> = content
            .of(position)
            .filter_map(|entry| match entry.template {
                Template::Compact(bytes) => compact::read(bytes, Reading::Lenient).ok(),
                Template::Maker { .. } => None,
            })
            .map(|minutiae| Prepared::new(&minutiae))
            .collect();
        match (comparable.is_empty(), content.of(position).next()) {
            (false, _) => Ok(comparable),
            (true, Some(_)) => Err(StatusWord::DATA_INVALID.into()),
            (true, None) => Err(StatusWord::KEY_NOT_FOUND.into()),
        }
    }

    fn fingers(&self, directory: usize) -> Result<Content, Stop> {
        let files = &self.layout.directories[directory].files;
        let file = files.iter().find(|file| file.id == FileId::EF07.0);
        let Some(Body::Transparent { cell }) = file.map(|file| &file.body) else {
            return Err(StatusWord::KEY_NOT_FOUND.into());
        };
        match Stored::in_force(self.memory.read(*cell)) {
            Ok(Some((_, stored))) => Ok(stored.into_content()),
            Ok(None) => Err(StatusWord::KEY_NOT_FOUND.into()),
            Err(_) => Err(StatusWord::DATA_INVALID.into()),
        }
    }

    fn put_finger_tries(&mut self, place: FingerPlace, tries: u8) -> Result<(), Stop> {
        let mut update = Update::new();
        update.put(place.tries, 0, &[tries]);
        self.commit(&update)
    }
}

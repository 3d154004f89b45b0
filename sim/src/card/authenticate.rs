//! GET CHALLENGE, INTERNAL AUTHENTICATE, EXTERNAL AUTHENTICATE.

use card_spec::{
    command::LE_ANY,
    key::{Key128, KeyId},
    status::StatusWord,
};

use super::{Answer, Card, Executed, Granted, Stop, layout::Key};
use crate::{eeprom::Update, image::KeyUse};

impl Card {
    /// 4, 8 or 16 bytes. Two in a row leave the second as the one that counts.
    pub(super) fn get_challenge(&mut self, le: u8) -> Executed {
        match le {
            4 | 8 | 16 => {
                let challenge = self.random_bytes(usize::from(le));
                self.session.challenge = Some(challenge.clone());
                Ok(Answer::Exact(challenge))
            }
            LE_ANY => Err(StatusWord::right_length(8).into()),
            _ => Err(StatusWord::WRONG_LENGTH.into()),
        }
    }

    /// R1 makes the session key, R2 is enciphered under it.
    pub(super) fn internal_authenticate(
        &mut self,
        factor: &[u8; 8],
        data: &[u8; 8],
        version: Option<u8>,
    ) -> Executed {
        let suite = self.suite()?;
        let environment = self.layout.environment_of(self.session.directory);
        let key = self.layout.directories[environment].keys.iter().find(|key| key.usage == KeyUse::Internal);
        let key = key_version(key.ok_or(StatusWord::KEY_NOT_FOUND)?, version.unwrap_or(1))?;
        let answer = suite.session_key(key, factor).cryptogram(data);
        self.blocks += 4;
        Ok(Answer::Fetch(answer.to_vec()))
    }

    /// Checks the cryptogram over the last challenge. The try is taken off before the comparison, so that
    /// pulling the card gains nothing; a success gives all tries back.
    pub(super) fn external_authenticate(
        &mut self,
        key: KeyId,
        cryptogram: &[u8; 8],
        data: &[u8; 8],
        version: Option<u8>,
    ) -> Executed {
        let suite = self.suite()?;
        let (directory, at) = self.key_by_id(key.0).ok_or(StatusWord::KEY_NOT_FOUND)?;
        let granted = Granted::Key { directory, key: at };
        let key = &self.layout.directories[directory].keys[at];
        let (tries, tries_max) = (key.tries, key.tries_max);
        let secret = key_version(key, version.unwrap_or(1))?.clone();
        let left = key.tries_left(&self.memory);
        if left == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        let challenge = self.session.challenge.take().ok_or(StatusWord::DATA_INVALID)?;
        let challenge: [u8; 8] = challenge.try_into().map_err(|_| StatusWord::DATA_INVALID)?;

        let mut taken = Update::new();
        taken.put(tries, 0, &[left - 1]);
        self.commit(&taken)?;
        self.session.rights.remove(&granted);
        self.blocks += 4;
        if suite.session_key(&secret, &challenge).cryptogram(data) != *cryptogram {
            return Err(StatusWord::tries(left - 1).into());
        }
        let mut given_back = Update::new();
        given_back.put(tries, 0, &[tries_max]);
        self.commit(&given_back)?;
        self.session.rights.insert(granted);
        Ok(Answer::Done)
    }
}

/// That version of the key, counted from 1.
pub(super) fn key_version(key: &Key, version: u8) -> Result<&Key128, Stop> {
    let index = usize::from(version).checked_sub(1);
    index.and_then(|index| key.versions.get(index)).ok_or(Stop::Refused(StatusWord::KEY_NOT_FOUND))
}

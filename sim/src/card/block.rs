//! MACs of protected commands; CARD BLOCK, APPLICATION BLOCK, APPLICATION UNBLOCK.

use card_spec::{secure_messaging::MacKey, status::StatusWord, suite::SessionKey};

use super::{Answer, Card, Executed, Granted, Protected, Stop};
use crate::{
    eeprom::Update,
    image::{KeyUse, Unlock},
};

const ACTIVE: u8 = 0;
const BLOCKED: u8 = 1;
const TERMINATED: u8 = 2;

impl Card {
    /// Checks the MAC of a command and gives the session key; there is none after a challenge of four bytes.
    ///
    /// The challenge is used up whether the MAC is right or not. A wrong one costs a try of the key; with
    /// the last, the environment's key is locked, and an application is terminated.
    pub(super) fn check_mac(&mut self, command: &Protected<'_>) -> Result<Option<SessionKey>, Stop> {
        let suite = self.suite()?;
        let mac = &command.mac.ok_or(StatusWord::MAC_MISSING)?;
        let Protected { header, data, .. } = *command;
        let (directory, at) = self.secure_messaging_key().ok_or(StatusWord::KEY_NOT_FOUND)?;
        let key = &self.layout.directories[directory].keys[at];
        let (tries, tries_max, secret) = (key.tries, key.tries_max, key.versions[0].clone());
        let left = key.tries_left(&self.memory);
        if left == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        let challenge = self.session.challenge.take().ok_or(StatusWord::DATA_INVALID)?;
        self.blocks += 2 + data.len() as u64 / 8;
        let (right, session) = if let Ok(challenge) = challenge.as_slice().try_into() {
            let session = suite.session_key(&secret, challenge);
            let right = MacKey::Session(&session).verify_command(header, data, mac).is_ok();
            (right, Some(session))
        } else if let Ok(challenge) = challenge.as_slice().try_into() {
            let whole = MacKey::Whole { suite, key: &secret, challenge };
            (whole.verify_command(header, data, mac).is_ok(), None)
        } else {
            return Err(StatusWord::DATA_INVALID.into());
        };
        let mut update = Update::new();
        if right {
            if left != tries_max {
                update.put(tries, 0, &[tries_max]);
                self.commit(&update)?;
            }
            return Ok(session);
        }
        update.put(tries, 0, &[left - 1]);
        if left == 1 && directory != self.layout.environment_of(directory) {
            update.put(self.layout.directories[directory].life, 0, &[TERMINATED]);
        }
        self.commit(&update)?;
        Err(StatusWord::MAC_WRONG.into())
    }

    /// After external authentication with BK.
    pub(super) fn block_card(&mut self, command: &Protected<'_>) -> Executed {
        let environment = self.layout.environment_of(self.session.directory);
        self.check_block(command, environment, Unlock::CardBlock)?;
        let mut update = Update::new();
        update.put(self.layout.blocked, 0, &[BLOCKED]);
        self.commit(&update)?;
        self.session.rights.clear();
        Ok(Answer::Done)
    }

    /// After external authentication with LK: until unblocked, or for good.
    pub(super) fn block_application(&mut self, permanent: bool, command: &Protected<'_>) -> Executed {
        let here = self.session.directory;
        self.check_block(command, here, Unlock::ApplicationBlock)?;
        self.set_life(here, if permanent { TERMINATED } else { BLOCKED })
    }

    /// After external authentication with LK, inside the blocked application.
    pub(super) fn unblock_application(&mut self, command: &Protected<'_>) -> Executed {
        let here = self.session.directory;
        self.check_block(command, here, Unlock::ApplicationBlock)?;
        self.set_life(here, ACTIVE)
    }

    fn check_block(&mut self, command: &Protected<'_>, directory: usize, unlock: Unlock) -> Result<(), Stop> {
        if !self.may(directory, unlock) {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        self.check_mac(command).map(|_| ())
    }

    fn set_life(&mut self, directory: usize, life: u8) -> Executed {
        let mut update = Update::new();
        update.put(self.layout.directories[directory].life, 0, &[life]);
        self.commit(&update)?;
        self.session.rights.retain(|granted| granted.directory() != directory);
        Ok(Answer::Done)
    }

    /// Whether a key of that directory that opens these commands has been proved.
    pub(super) fn may(&self, directory: usize, unlock: Unlock) -> bool {
        self.session.rights.iter().any(|granted| match granted {
            Granted::Key { directory: of, key } if *of == directory => {
                self.layout.directories[*of].keys[*key].unlocks == Some(unlock)
            }
            _ => false,
        })
    }

    /// The directory's own key for secure messaging, or the environment's.
    fn secure_messaging_key(&self) -> Option<(usize, usize)> {
        let here = self.session.directory;
        [here, self.layout.environment_of(here)].into_iter().find_map(|directory| {
            let keys = &self.layout.directories[directory].keys;
            let key = keys.iter().position(|key| key.usage == KeyUse::SecureMessaging)?;
            Some((directory, key))
        })
    }
}

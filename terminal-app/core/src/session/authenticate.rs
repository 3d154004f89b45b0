//! Card and terminal prove to each other who they are.

use card_spec::{
    authentication,
    command::{Command, Selection},
    file::{Application, ApplicationName, FileId},
    key::{KeyName, card_key},
    status::StatusWord,
};

use super::{
    Session,
    attention::CardIdCheck,
    card::OpenCard,
    error::{Chip, SessionError, Step},
    refusals::Mark,
};
use crate::ports::Random;

impl Session {
    /// Internal authentication, and for cards that ask for it external authentication with RKSSSE.
    ///
    /// The environment is selected again first: issued cards of generation 3.0 expect it after EF05 was read.
    pub(super) fn authenticate(
        &mut self,
        card: &mut OpenCard,
        random: &mut dyn Random,
    ) -> Result<(), SessionError> {
        // The PSAM is looked at before the card's tries are: without it nothing is asked of the card.
        self.open_psam()?;
        self.card_channel()
            .expect(Step::Select, &Command::Select(Selection::ByName(ApplicationName::SSSE)))?;
        card.selected = Application::Ssse;
        card.pin_verified = false;
        self.prove_genuine(card, random)?;
        let personal = Application::Ssse.directory().file(FileId::EF06);
        if let Some(key) = personal.and_then(|file| file.read.of(card.generation).key()) {
            self.authorise(card, key, random)?;
        }
        Ok(())
    }

    /// Has the card prove that it holds the key of its city (内部认证).
    ///
    /// Both blocks are this terminal's chance and not the card's, so that an answer heard before is of no use
    /// to a forged card.
    fn prove_genuine(&mut self, card: &OpenCard, random: &mut dyn Random) -> Result<(), SessionError> {
        let (mut factor, mut data) = ([0; 8], [0; 8]);
        random.fill(&mut factor);
        random.fill(&mut data);
        let (algorithm, factors) = (card.algorithm, card.factors);
        let mut compute = || {
            self.with_psam(|psam, channel| {
                psam.cryptogram(channel, KeyName::IRK, algorithm, &factors, &factor, &data)
            })
        };
        let expected = match compute() {
            // It was there at the last card: taken up anew, it may have been put back or reset since.
            Err(SessionError::NoPsam | SessionError::Slot { chip: Chip::Psam, .. }) => compute()?,
            computed => computed?,
        };
        let step = Step::InternalAuthenticate;
        let mut channel = self.card_channel();
        let answer = channel.command(step, &Command::InternalAuthenticate { factor, data, version: None })?;
        match answer.status() {
            StatusWord::SUCCESS => {}
            StatusWord::AUTHENTICATION_BLOCKED => return Err(SessionError::KeyLocked),
            StatusWord::KEY_NOT_FOUND => return Err(SessionError::NoSuchKey),
            got => return Err(channel.refused(step, got)),
        }
        let got: [u8; 8] = answer.data().try_into().map_err(|_| {
            channel.damaged(
                step,
                card_spec::Error::Truncated {
                    part: card_spec::Part::Cryptogram,
                    expected: 8,
                    got: answer.data().len(),
                },
            )
        })?;
        authentication::compare(&expected, &got).map_err(|_| {
            // The card of a city whose key this security module may not hold looks just the same.
            if self.home == Some(card.issuer.card_id.city().city()) {
                SessionError::Forged
            } else {
                SessionError::CannotVerify
            }
        })
    }

    /// Proves to the card that this terminal holds one of its keys (外部认证).
    ///
    /// Sent once. A card that refused is remembered, and not asked again with the same PSAM, not by a later run
    /// either (see [`Session::refusals`]): each attempt costs a try of its key.
    pub(super) fn authorise(
        &mut self,
        card: &OpenCard,
        key: KeyName,
        random: &mut dyn Random,
    ) -> Result<(), SessionError> {
        let id = card_key(key).and_then(|row| row.id).ok_or(SessionError::NoSuchKey)?;
        self.open_psam()?;
        let psam = self.psam.as_ref().ok_or(SessionError::NoPsam)?;
        let mark = Mark::new(&psam.identity, card.historical.card_serial(), key);
        if let Some(refused) = self.refusals.of(mark) {
            return Err(refused);
        }
        let step = Step::Challenge;
        let mut channel = self.card_channel();
        let answer = channel.expect(step, &Command::GetChallenge { le: 8 })?;
        let challenge: [u8; 8] = answer.data().try_into().map_err(|_| {
            channel.damaged(
                step,
                card_spec::Error::Truncated {
                    part: card_spec::Part::ResponseApdu,
                    expected: 8,
                    got: answer.data().len(),
                },
            )
        })?;
        let mut data = [0; 8];
        random.fill(&mut data);
        let (algorithm, factors) = (card.algorithm, card.factors);
        let cryptogram = self.with_psam(|psam, channel| {
            psam.cryptogram(channel, key, algorithm, &factors, &challenge, &data)
        })?;
        let step = Step::ExternalAuthenticate;
        let command = Command::ExternalAuthenticate { key: id, cryptogram, data, version: None };
        let answer = self.card_channel().command(step, &command)?;
        let tries_left = match answer.status() {
            StatusWord::SUCCESS => return Ok(()),
            // These two cost no try.
            StatusWord::AUTHENTICATION_BLOCKED => return Err(SessionError::KeyLocked),
            StatusWord::KEY_NOT_FOUND => return Err(SessionError::NoSuchKey),
            StatusWord::AUTHENTICATION_FAILED => None,
            got => match got.tries_left() {
                Some(left) => Some(left),
                None => return Err(SessionError::Status { chip: Chip::Card, step, got }),
            },
        };
        self.refusals.remember(mark, tries_left);
        Err(SessionError::NotAuthorised { tries_left })
    }

    /// Whether the MAC in the card identification code is the issuer's; `None` when the PSAM cannot tell.
    ///
    /// Never a reason to refuse a card: issuers have made it in two ways, one of which cannot be checked.
    /// Errors: `CardFirst`.
    pub fn check_card_id(&mut self) -> Result<Option<CardIdCheck>, SessionError> {
        let card = self.card()?;
        if card.issuer.card_id.is_test() {
            return Ok(Some(CardIdCheck::Test));
        }
        let (algorithm, factors, id) = (card.algorithm, card.factors, card.issuer.card_id.to_bytes());
        let mac = self.with_psam(|psam, channel| {
            psam.static_mac(channel, KeyName::IRK, algorithm, &factors, &id[..12])
        });
        Ok(match mac {
            Ok(mac) if mac == id[12..] => Some(CardIdCheck::Right),
            Ok(_) => Some(CardIdCheck::Wrong),
            Err(_) => None,
        })
    }
}

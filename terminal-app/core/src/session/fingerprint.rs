//! The holder's fingers on the open card: read, written, compared by the card itself.
//!
//! Only the place of the file that is not in force is written, its header last; so a card that is pulled on the
//! way has the old fingers or the new ones, and the next write goes on from either. See
//! [`card_spec::fingerprint`].

use std::fmt;

use card_spec::{
    command::{BinaryReference, Body, Command},
    file::{Application, File, FileId},
    fingerprint::{
        Content, Header, Place, PlaceBytes, Position, Stored,
        stored::{MESSAGE_BYTES, UPDATE_BYTES_MAX},
    },
    key::KeyName,
    status::StatusWord,
    suite::Mac,
};
use hal::slot::Outcome;
use zeroize::Zeroizing;

use super::{
    Session,
    card::OpenCard,
    error::{Chip, SessionError, Step},
};
use crate::ports::Random;

/// What [`Session::write_fingerprints`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Written and read back.
    Now {
        /// Whether what was there before has been wiped; if not, the next write does it.
        old_wiped: bool,
    },
    /// The card held just this already: an earlier write had come through.
    Already,
}

/// What the card says of its counter of comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerTries {
    /// A finger has matched since the card was put in.
    Verified,
    /// So many comparisons may still fail.
    Left(u8),
    /// None is left: the card compares no more until it is unblocked.
    Blocked,
}

/// What stands in the file.
struct Found {
    headers: [Option<Header>; 2],
    /// A place whose header makes no sense.
    broken: [bool; 2],
    stored: Option<(Place, Stored)>,
}

impl Session {
    /// Reads the templates of the holder's fingers, and has the PSAM check that they are this card's and this
    /// holder's. `None` when nothing was ever written.
    ///
    /// Errors: `FingerprintsDamaged` when a content is there and none is whole, `FingerprintsForeign` when the
    /// MAC is wrong, `CardFirst`, `NotAuthorised`, `KeyLocked`, `NoSuchKey`, the PSAM's, `Status`, `Data`, `Slot`.
    /// Nothing changes on the card.
    pub fn read_fingerprints(&mut self, random: &mut dyn Random) -> Result<Option<Content>, SessionError> {
        self.with_card(|session, card| {
            let file = file()?;
            session.gain(card, file, &file.read, random)?;
            let found = session.find_fingerprints(file)?;
            let Some((_, stored)) = found.stored else {
                return if found.is_empty() { Ok(None) } else { Err(SessionError::FingerprintsDamaged) };
            };
            session.check_fingerprints(card, &stored)?;
            Ok(Some(stored.into_content()))
        })
    }

    /// Writes the templates of the holder's fingers, reads them back, and wipes those from before.
    ///
    /// May be called again with the same content after any error: it goes on from what the card has.
    /// Errors: `FingerprintsNotWritten` when contact was lost and the old content is in force for sure,
    /// `FingerprintsUnknown` when contact was lost at the last command, so that the old or the new one is;
    /// `Data` when what was read back is not what was written; the others as for
    /// [`Session::read_fingerprints`], with nothing changed.
    pub fn write_fingerprints(
        &mut self,
        content: &Content,
        random: &mut dyn Random,
    ) -> Result<Written, SessionError> {
        self.with_card(|session, card| {
            let file = file()?;
            session.gain(card, file, &file.read, random)?;
            session.gain(card, file, &file.write, random)?;
            let found = session.find_fingerprints(file)?;
            if let Some((place, stored)) = &found.stored
                && stored.content() == content
                && session.check_fingerprints(card, stored).is_ok()
            {
                // A card that was pulled while the old ones were wiped.
                session.wipe(&found, place.other());
                return Ok(Written::Already);
            }
            let place = found.stored.as_ref().map_or(Place::First, |(place, _)| place.other());
            let serial = found.next_serial()?;
            let holder = card.holder.as_ref().ok_or(SessionError::CardFirst)?;
            let message = content.message(serial, &card.issuer.card_id, &holder.person);
            let mac = session.fingerprint_mac(card, &message)?;
            let bytes = content.to_place(serial, mac);
            session.put_in_place(place, &bytes)?;
            session.read_back(place, &bytes)?;
            Ok(Written::Now { old_wiped: session.wipe(&found, place.other()) })
        })
    }

    /// Has the card compare a finger with the one it holds (match on card), given as minutiae in compact size, the
    /// best at most [`card_spec::fingerprint::MINUTIAE_MAX`]. Sent once, never again.
    ///
    /// Errors: `WrongFinger`, `FingerBlocked`, `FingerUnknown` when contact was lost on the way,
    /// `FingerNotOnCard`, `FingerprintsDamaged`, `NoMatchOnCard` for a card without the option, `Command` for
    /// minutiae that cannot be sent, `Status`, `Slot`, `CardFirst`.
    pub fn verify_finger_on_card(&mut self, position: Position, minutiae: &[u8]) -> Result<(), SessionError> {
        self.with_card(|session, _| {
            let step = Step::VerifyFinger;
            let command = Command::VerifyFinger { position, minutiae: Body(minutiae) };
            match session.card_channel().command(step, &command) {
                Ok(answer) => match answer.status() {
                    StatusWord::SUCCESS => Ok(()),
                    got => Err(match got.tries_left() {
                        Some(left) if left > 0 => SessionError::WrongFinger { tries_left: left },
                        _ => finger_refused(step, got),
                    }),
                },
                Err(SessionError::Slot { chip: Chip::Card, error, .. })
                    if error.outcome() == Outcome::Unknown =>
                {
                    Err(SessionError::FingerUnknown { error })
                }
                Err(other) => Err(other),
            }
        })
    }

    /// Asks the card how many comparisons may still fail; nothing is used up.
    ///
    /// Errors: `FingerNotOnCard`, `FingerprintsDamaged`, `NoMatchOnCard`, `Status`, `Slot`, `CardFirst`.
    pub fn finger_tries(&mut self, position: Position) -> Result<FingerTries, SessionError> {
        self.with_card(|session, _| {
            let step = Step::VerifyFinger;
            let answer = session.card_channel().command(step, &Command::FingerTries { position })?;
            match answer.status() {
                StatusWord::SUCCESS => Ok(FingerTries::Verified),
                got if got.is_locked() => Ok(FingerTries::Blocked),
                got => got.tries_left().map(FingerTries::Left).ok_or_else(|| finger_refused(step, got)),
            }
        })
    }

    /// Gives the card's comparisons their tries back, through the PSAM, as [`Session::unblock_pin`] does for the
    /// PIN.
    ///
    /// Errors: `NotAuthorised`, `KeyLocked`, the PSAM's, `NoMatchOnCard`, `Status`, `Slot`, `CardFirst`. After `Slot`
    /// with an unknown outcome ask for the tries.
    pub fn unblock_finger(&mut self, random: &mut dyn Random) -> Result<(), SessionError> {
        self.with_card(|session, card| {
            session.authorise_pin_change(card, random)?;
            let challenge = session.challenge()?;
            let mac = session.command_mac(card, &challenge, &Command::FingerUnblock { mac: [0; 4] })?;
            let step = Step::UnblockFinger;
            let answer = session.card_channel().command(step, &Command::FingerUnblock { mac })?;
            match answer.status() {
                StatusWord::SUCCESS => Ok(()),
                got => Err(finger_refused(step, got)),
            }
        })
    }

    /// Looks at both places; reads the whole one that is newer.
    fn find_fingerprints(&mut self, file: &'static File) -> Result<Found, SessionError> {
        let mut found = Found { headers: [None; 2], broken: [false; 2], stored: None };
        for place in Place::ALL {
            let at = match (place, file.short_id()) {
                // The first one names the file and makes it the current one.
                (Place::First, Some(file)) => BinaryReference::File { file, offset: 0 },
                _ => BinaryReference::Current { offset: place.offset() },
            };
            let bytes = self.read_piece(at, card_spec::fingerprint::HEADER_BYTES)?;
            match Header::parse(&bytes) {
                Ok(header) => found.headers[place as usize] = header,
                Err(_) => found.broken[place as usize] = true,
            }
        }
        let [first, second] = &found.headers;
        for place in Place::newest_first([first.as_ref(), second.as_ref()]) {
            let Some(header) = found.headers[place as usize] else { continue };
            let entries = self.read_entries(place, usize::from(header.entries_bytes()))?;
            if let Ok(stored) = Stored::parse(&header, &entries) {
                found.stored = Some((place, stored));
                break;
            }
        }
        Ok(found)
    }

    fn read_entries(&mut self, place: Place, bytes: usize) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        // Its full size at once, so that no copy stays behind.
        let mut read = Zeroizing::new(Vec::with_capacity(bytes));
        while read.len() < bytes {
            let offset = place.offset() + (card_spec::fingerprint::HEADER_BYTES + read.len()) as u16;
            let wanted = (bytes - read.len()).min(UPDATE_BYTES_MAX);
            let piece = self.read_piece(BinaryReference::Current { offset }, wanted)?;
            read.extend_from_slice(&piece);
            if piece.len() < wanted {
                break;
            }
        }
        Ok(read)
    }

    /// Reads so many bytes; fewer or none where the file ends.
    fn read_piece(&mut self, at: BinaryReference, bytes: usize) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        let step = Step::ReadFingerprints;
        let mut channel = self.card_channel();
        let answer = channel.command(step, &Command::ReadBinary { at, le: bytes as u8 })?;
        match answer.status() {
            StatusWord::SUCCESS if answer.data().len() <= bytes => Ok(Zeroizing::new(answer.data().to_vec())),
            StatusWord::SUCCESS => Err(channel.damaged(
                step,
                card_spec::Error::TooLong {
                    part: card_spec::Part::ResponseApdu,
                    max: bytes,
                    got: answer.data().len(),
                },
            )),
            StatusWord::WRONG_OFFSET => Ok(Zeroizing::new(Vec::new())),
            got => Err(channel.refused(step, got)),
        }
    }

    fn check_fingerprints(&mut self, card: &OpenCard, stored: &Stored) -> Result<(), SessionError> {
        let holder = card.holder.as_ref().ok_or(SessionError::CardFirst)?;
        let mac = self.fingerprint_mac(card, &stored.message(&card.issuer.card_id, &holder.person))?;
        stored.check(&mac).map_err(|_| SessionError::FingerprintsForeign)
    }

    fn fingerprint_mac(
        &mut self,
        card: &OpenCard,
        message: &[u8; MESSAGE_BYTES],
    ) -> Result<Mac, SessionError> {
        let (algorithm, factors) = (card.algorithm, card.factors);
        self.with_psam(|psam, channel| psam.static_mac(channel, KeyName::STK, algorithm, &factors, message))
    }

    /// Entries first, header last. What was lost before the header has changed nothing that counts.
    fn put_in_place(&mut self, place: Place, bytes: &PlaceBytes) -> Result<(), SessionError> {
        for (offset, piece) in bytes.updates(place) {
            let is_header = offset == place.offset();
            match self.update(offset, piece) {
                Ok(()) => {}
                Err(SessionError::Slot { chip: Chip::Card, error, .. }) => {
                    return Err(if is_header && error.outcome() != Outcome::NotDone {
                        SessionError::FingerprintsUnknown { error }
                    } else {
                        SessionError::FingerprintsNotWritten { error }
                    });
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn update(&mut self, offset: u16, piece: &[u8]) -> Result<(), SessionError> {
        let at = BinaryReference::Current { offset };
        let command = Command::UpdateBinary { at, data: Body(piece), mac: None };
        self.card_channel().expect(Step::WriteFingerprints, &command).map(|_| ())
    }

    fn read_back(&mut self, place: Place, written: &PlaceBytes) -> Result<(), SessionError> {
        let (header, entries) =
            written.as_bytes().split_at_checked(card_spec::fingerprint::HEADER_BYTES).unwrap_or_default();
        let at = BinaryReference::Current { offset: place.offset() };
        let same = *self.read_piece(at, header.len())? == *header
            && *self.read_entries(place, entries.len())? == *entries;
        if same {
            Ok(())
        } else {
            let part = card_spec::Part::Fingerprints;
            let problem = card_spec::Error::Malformed { part };
            Err(SessionError::Data { chip: Chip::Card, step: Step::WriteFingerprints, problem })
        }
    }

    /// Wipes a place that is not in force, entries first, so that what is left tells how much there is to wipe.
    /// Whether there is nothing left of it.
    fn wipe(&mut self, found: &Found, place: Place) -> bool {
        let entries = match found.headers[place as usize] {
            Some(header) => usize::from(header.entries_bytes()),
            None if found.broken[place as usize] => card_spec::fingerprint::ENTRIES_BYTES_MAX,
            None => return true,
        };
        let zeros = [0; UPDATE_BYTES_MAX];
        let start = usize::from(place.offset()) + card_spec::fingerprint::HEADER_BYTES;
        let mut at = 0;
        while at < entries {
            let piece = (entries - at).min(zeros.len());
            if self.update((start + at) as u16, &zeros[..piece]).is_err() {
                return false;
            }
            at += piece;
        }
        self.update(place.offset(), &zeros[..card_spec::fingerprint::HEADER_BYTES]).is_ok()
    }
}

impl Found {
    fn is_empty(&self) -> bool {
        self.headers == [None, None] && self.broken == [false, false]
    }

    /// One more than the largest there is, whole or not.
    fn next_serial(&self) -> Result<u32, SessionError> {
        let largest = self.headers.iter().flatten().map(Header::serial).max().unwrap_or(0);
        largest.checked_add(1).ok_or(SessionError::FingerprintsDamaged)
    }
}

fn file() -> Result<&'static File, SessionError> {
    let file = Application::Ssse.directory().file(FileId::EF07);
    file.ok_or(SessionError::Command {
        step: Step::ReadFingerprints,
        problem: card_spec::Error::Malformed { part: card_spec::Part::Fingerprints },
    })
}

/// What a status word that is no result of a comparison means.
fn finger_refused(step: Step, got: StatusWord) -> SessionError {
    match got {
        got if got.is_locked() => SessionError::FingerBlocked,
        StatusWord::KEY_NOT_FOUND if step == Step::VerifyFinger => SessionError::FingerNotOnCard,
        StatusWord::DATA_INVALID if step == Step::VerifyFinger => SessionError::FingerprintsDamaged,
        StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::NOT_SUPPORTED
        | StatusWord::WRONG_PARAMETERS => SessionError::NoMatchOnCard,
        got => SessionError::Status { chip: Chip::Card, step, got },
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("headers", &self.headers).finish_non_exhaustive()
    }
}

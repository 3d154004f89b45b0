//! The reader board under this terminal: may business be done over it?
//!
//! A board whose case was opened may hold somebody's microphone for PINs. So no card is asked for as long as
//! its latch is set, and a board that was paired has to prove each time that it is still the same one.

use hal::board::{Board, BoardError};
use protocol::{
    notice::{Found, Notice, PURPOSE},
    signature::Signed,
    timestamp::Timestamp,
};
use reader_protocol::escape::{CHALLENGE_BYTES, KEY_BYTES, Status};

use crate::{
    audit::{Actor, AuditEvent},
    error::Error,
    ledger::Ledger,
    ports::{CenterLink, Random},
};

/// What was last noted about the board, so that each opening stands in the audit once.
const NOTED: &str = "board_noted";

/// What the center was not told yet.
const UNTOLD: &str = "notices";

/// Notices that wait at most.
const UNTOLD_MAX: usize = 16;

/// Why no business is done over the board.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardTrouble {
    /// Its case was opened, and nobody with authority has cleared that yet.
    Tampered {
        /// It is open now.
        case_open: bool,
    },
    /// It is not the board that was paired with this terminal, or somebody sits in between.
    Replaced,
    /// It has lost its pairing: it was opened and cleared, or is a new one.
    Unpaired,
    /// It cannot be asked.
    Device(BoardError),
}

/// Asks the board whether business may be done over it.
///
/// `secret` is what it shares with this terminal, `None` while they are not paired: then only its latch is
/// looked at. What is found stands in the audit once.
/// Errors: `Board`, the ledger's.
pub fn require_sound(
    board: &Board,
    secret: Option<&[u8; KEY_BYTES]>,
    random: &mut dyn Random,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<(), Error> {
    let Err(trouble) = examine(board, secret, random) else {
        return note(ledger, now, "", None);
    };
    match &trouble {
        BoardTrouble::Tampered { .. } => {
            let count = board.tamper().map(|state| state.count).unwrap_or_default();
            let found = Some((AuditEvent::Tampered, Found::ReaderOpened { count }));
            note(ledger, now, &format!("tampered {count}"), found)?;
        }
        BoardTrouble::Replaced => {
            note(ledger, now, "replaced", Some((AuditEvent::BoardReplaced, Found::ReaderReplaced)))?;
        }
        BoardTrouble::Unpaired => {
            note(ledger, now, "unpaired", Some((AuditEvent::BoardReplaced, Found::ReaderReplaced)))?;
        }
        // A cable is no event of the audit.
        BoardTrouble::Device(_) => {}
    }
    Err(Error::Board(trouble))
}

/// The same without a ledger: nothing is noted.
///
/// Errors: what is wrong.
pub fn examine(
    board: &Board,
    secret: Option<&[u8; KEY_BYTES]>,
    random: &mut dyn Random,
) -> Result<(), BoardTrouble> {
    let state = match secret {
        Some(secret) => {
            let mut challenge = [0; CHALLENGE_BYTES];
            random.fill(&mut challenge);
            board.prove(secret, &challenge)
        }
        None => board.tamper(),
    };
    match state {
        Ok(state) if !state.is_latched && !state.is_open => Ok(()),
        Ok(state) => Err(BoardTrouble::Tampered { case_open: state.is_open }),
        Err(BoardError::Refused(Status::Tampered)) => {
            let case_open = board.tamper().is_ok_and(|state| state.is_open);
            Err(BoardTrouble::Tampered { case_open })
        }
        Err(BoardError::Refused(Status::NotPaired)) => Err(BoardTrouble::Unpaired),
        Err(BoardError::ProofWrong) => Err(BoardTrouble::Replaced),
        Err(error) => Err(BoardTrouble::Device(error)),
    }
}

/// Tells the center what it was not told yet; how many notices it has taken.
///
/// A line that is down is no error: they wait. Errors: the ledger's.
pub fn tell(ledger: &mut Ledger, link: &mut dyn CenterLink) -> Result<usize, Error> {
    let waiting = untold(ledger)?;
    let told = waiting.iter().take_while(|notice| link.notice(notice).is_ok()).count();
    if told > 0 {
        keep_untold(ledger, &waiting[told..])?;
    }
    Ok(told)
}

/// Notices that wait for the center, signed when they were found.
fn untold(ledger: &Ledger) -> Result<Vec<Signed>, Error> {
    let text = ledger.setting(UNTOLD)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn keep_untold(ledger: &mut Ledger, notices: &[Signed]) -> Result<(), Error> {
    Ok(ledger.set_setting(UNTOLD, &serde_json::to_string(notices).unwrap_or_default())?)
}

/// Writes down what is new: for the audit, and for the center.
fn note(
    ledger: &mut Ledger,
    now: Timestamp,
    found: &str,
    event: Option<(AuditEvent, Found)>,
) -> Result<(), Error> {
    let before = ledger.setting(NOTED)?.unwrap_or_default();
    if before == found {
        return Ok(());
    }
    if let Some((event, what)) = event {
        ledger.audit(now, Actor::default(), &event)?;
        let mut waiting = untold(ledger)?;
        let notice = Notice { terminal: ledger.terminal(), at: now, what };
        waiting.extend(ledger.signed(PURPOSE, &notice));
        // The first ones say when it began.
        waiting.truncate(UNTOLD_MAX);
        keep_untold(ledger, &waiting)?;
    }
    Ok(ledger.set_setting(NOTED, found)?)
}

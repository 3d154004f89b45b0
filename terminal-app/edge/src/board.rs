//! The reader board of the settings.

use hal::board::Board;
use terminal::board::require_sound;

use super::{random::SystemChance, terminal::Terminal};
use crate::{config::Config, failure::Failure, options::Options};

/// The board that the settings name; `None` when there is none, or cards are simulated in this process.
pub fn of(options: &Options, config: &Config) -> Option<Board> {
    config.board.as_ref().filter(|_| !options.is_simulated()).map(|settings| Board::new(&settings.reader))
}

/// Refuses business over a board that was opened, replaced, or cannot be asked, before any card is.
///
/// A terminal without a board in its settings has nothing to ask. Errors: `Board`, the ledger's.
pub fn require(options: &Options, terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(board) = of(options, &terminal.cabinet.config) else { return Ok(()) };
    let (now, cabinet) = (terminal.now(), &terminal.cabinet);
    let secret = cabinet.keys.board_secret();
    Ok(require_sound(&board, secret, &mut SystemChance::default(), &mut terminal.ledger, now)?)
}

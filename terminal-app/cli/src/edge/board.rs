//! The reader board of the settings.

use hal::board::Board;
use terminal::board::require_sound;

use super::{random::SystemChance, terminal::Terminal};
use crate::{command::Context, config::Config, failure::Failure};

/// The board that the settings name; `None` when there is none, or cards are simulated in this process.
pub(crate) fn of(context: &Context, config: &Config) -> Option<Board> {
    let is_simulated = context.global.reader.as_deref().is_some_and(|reader| reader.starts_with("sim:"));
    config.board.as_ref().filter(|_| !is_simulated).map(|settings| Board::new(&settings.reader))
}

/// Refuses business over a board that was opened, replaced, or cannot be asked, before any card is.
///
/// A terminal without a board in its settings has nothing to ask. Errors: `Board`, the ledger's.
pub(crate) fn require(context: &Context, terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(board) = of(context, &terminal.cabinet.config) else { return Ok(()) };
    let (now, cabinet) = (terminal.now(), &terminal.cabinet);
    let secret = cabinet.keys.board_secret();
    Ok(require_sound(&board, secret, &mut SystemChance::default(), &mut terminal.ledger, now)?)
}

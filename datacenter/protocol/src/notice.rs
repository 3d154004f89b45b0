//! What a terminal tells its center of itself, beside its books: the reader under it was opened, or is another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::TerminalId, timestamp::Timestamp};

/// Purpose under which a terminal's identity key signs a notice.
pub const PURPOSE: &str = "jinbao-terminal-notice-1";

/// One notice; it travels signed by the terminal's identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Who tells it.
    pub terminal: TerminalId,
    /// When it was found, by the terminal's clock.
    pub at: Timestamp,
    /// What was found.
    pub what: Found,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// The latch of the reader board is set: its case was opened.
    ReaderOpened {
        /// How often in its life, as the board counts.
        count: u16,
    },
    /// The board does not prove to be the paired one: another one, or one that has lost its pairing.
    ReaderReplaced,
}

/// The center has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Noted {
    /// The center's clock.
    pub at: Timestamp,
}

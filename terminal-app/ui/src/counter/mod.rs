//! The face for clerks.

pub mod entry;
pub mod facts;
pub mod keys;
pub mod state;
pub mod work;

use slint::{ComponentHandle, PlatformError};

use crate::{CounterWindow, Start};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = CounterWindow::new()?;
    start.dress(window.window())?;
    window.run()
}

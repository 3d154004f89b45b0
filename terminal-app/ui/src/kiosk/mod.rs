//! The face for cardholders.

use slint::{ComponentHandle, PlatformError};

use crate::{KioskWindow, Start};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = KioskWindow::new()?;
    start.dress(window.window())?;
    window.run()
}

//! The face for clerks.

use slint::{ComponentHandle, PlatformError};

use crate::{CounterWindow, Start};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = CounterWindow::new()?;
    start.dress(window.window())?;
    window.run()
}

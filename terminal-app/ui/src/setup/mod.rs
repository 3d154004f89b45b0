//! The face for installers.

use slint::{ComponentHandle, PlatformError};

use crate::{SetupWindow, Start};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = SetupWindow::new()?;
    start.dress(window.window())?;
    window.run()
}

//! The faces of a terminal: for cardholders at a kiosk, for clerks at a counter, for installers.
//!
//! A face shows and asks. What it shows is made of what its desk tells it ([`desk`]): the thread that owns the books and
//! the devices. Each face is a plain state machine without a screen, and a thin layer that puts its view on one.

pub mod counter;
pub mod desk;
pub mod ending;
pub mod kiosk;
pub mod locale;
mod screens;
pub mod setup;
pub mod trouble;
pub mod upkeep;

use std::cell::Cell;

use edge::options::Options;
use slint::{PlatformError, SelectBundledTranslationError, Window};

use self::locale::Locale;
pub use self::screens::*;

/// What a face is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Which terminal.
    pub options: Options,
    /// The first language.
    pub locale: Locale,
    /// Whether the window fills the screen.
    pub full_screen: bool,
    /// Whether it says on standard error which page it shows: for support, and for tests of the whole.
    pub tell_pages: bool,
}

impl Start {
    /// Puts the first language on, and fills the screen where that is wanted. The window's component exists already.
    pub fn dress(&self, window: &Window) -> Result<(), PlatformError> {
        window.set_fullscreen(self.full_screen);
        speak(self.locale).map_err(|error| PlatformError::Other(error.to_string()))
    }

    /// Who is told which page is shown.
    pub fn pages(&self) -> PageTeller {
        PageTeller { tells: self.tell_pages, last: Cell::new("") }
    }
}

/// Says on standard error which page a face shows, where that is wanted: a line for each change. Names are fixed, and say
/// nothing about whoever stands before the screen.
#[derive(Debug, Default)]
pub struct PageTeller {
    tells: bool,
    last: Cell<&'static str>,
}

impl PageTeller {
    /// This page is on the screen.
    pub fn at(&self, name: &'static str) {
        if self.last.replace(name) != name && self.tells {
            eprintln!("page {name}");
        }
    }
}

/// Switches every text of the screens to a language, at once.
pub fn speak(locale: Locale) -> Result<(), SelectBundledTranslationError> {
    slint::select_bundled_translation(locale.translation())
}

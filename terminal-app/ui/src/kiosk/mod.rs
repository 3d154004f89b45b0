//! The face for cardholders: large, calm, few steps, spoken.
//!
//! | file | what |
//! |---|---|
//! | `work` | the desk: card, center, paper, lamps |
//! | `ask` | what is asked for, and answered |
//! | `task`, `page` | what can be wanted, and the pages for it |
//! | `state`, `told`, `pressed` | the state machine, without a screen |
//! | `sheet` | what a page says: shown, printed, coded and read aloud from one text |
//! | `view`, `adapter` | the machine on the screen |

pub mod adapter;
pub mod ask;
pub mod content;
pub mod page;
pub mod paper;
mod pinyin;
mod pressed;
pub mod sheet;
pub mod state;
pub mod task;
mod told;
pub mod view;
pub mod voice;
pub mod work;

use std::rc::Rc;

use hal::clock::{Clock, SystemClock};
use protocol::timestamp::Timestamp;
use slint::{ComponentHandle, PlatformError};

use self::{adapter::Face, state::Machine, work::KioskWork};
use crate::{
    KioskWindow, Start,
    desk::{Desk, to_screen},
};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = KioskWindow::new()?;
    start.dress(window.window())?;
    let clock = SystemClock::start();
    let face = Face::new(
        window,
        Machine::new(start.locale),
        voice::choose(&start.options),
        Box::new(move || Timestamp(clock.unix_ms())),
    );
    face.tell_pages(start.pages());
    let told = Rc::downgrade(&face);
    let teller = to_screen(move |letter| {
        if let Some(face) = told.upgrade() {
            face.told(letter);
        }
    });
    let options = start.options.clone();
    face.plug(Box::new(Desk::start::<KioskWork, _>(teller, move |teller, pad, halt| {
        KioskWork::open(&options, teller, pad, halt)
    })));
    face.window().run()
}

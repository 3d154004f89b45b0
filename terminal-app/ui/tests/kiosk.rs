//! The kiosk, page by page, by its labels.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use ui::KioskWindow;

#[test]
fn smoke() {
    support::begin();
    let window = KioskWindow::new().unwrap();
    support::show(&window, 1080, 1920);
    let pictures = support::Pictures::of("kiosk");
    pictures.take_all(&window, "empty", |locale| ui::speak(locale).unwrap());
    pictures.compare();
}

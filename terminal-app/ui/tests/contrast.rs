//! Every pair of colours that meets on a screen can be told apart by weak eyes.
//! Source: WCAG 2.2 §1.4.3 (text), §1.4.6 (text of the kiosk), §1.4.11 (edges of what is pressed).
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use slint::{Color, ComponentHandle};
use ui::{KioskWindow, Theme};

/// Relative luminance. Source: WCAG 2.2, definition.
fn luminance(color: Color) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(color.red()) + 0.7152 * linear(color.green()) + 0.0722 * linear(color.blue())
}

fn ratio(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn colours_can_be_told_apart() {
    support::begin();
    let window = KioskWindow::new().unwrap();
    let theme = window.global::<Theme<'_>>();
    for high_contrast in [false, true] {
        theme.set_high_contrast(high_contrast);
        let text = if high_contrast { 10.0 } else { 7.0 };
        let pairs = [
            ("ink on paper", theme.get_ink(), theme.get_paper(), text),
            ("ink on card", theme.get_ink(), theme.get_card(), text),
            ("ink on a row", theme.get_ink(), theme.get_row_now(), text),
            ("ink on the head", theme.get_ink(), theme.get_head(), text),
            ("soft ink on paper", theme.get_ink_soft(), theme.get_paper(), 7.0),
            ("soft ink on card", theme.get_ink_soft(), theme.get_card(), 7.0),
            ("off ink on off", theme.get_ink_off(), theme.get_off(), 4.0),
            ("off ink on card", theme.get_ink_off(), theme.get_card(), 4.5),
            ("white on brand", theme.get_on_brand(), theme.get_brand(), 7.0),
            ("soft on brand", theme.get_on_brand_soft(), theme.get_brand(), 4.5),
            ("brand on card", theme.get_brand(), theme.get_card(), 7.0),
            ("brand on paper", theme.get_brand(), theme.get_paper(), 7.0),
            ("brand on its tint", theme.get_brand(), theme.get_brand_tint(), 4.5),
            ("warning on its tint", theme.get_warn(), theme.get_warn_tint(), 4.5),
            ("warning on card", theme.get_warn(), theme.get_card(), 4.5),
            ("care on its tint", theme.get_care(), theme.get_care_tint(), 4.5),
            ("ink on care", theme.get_ink(), theme.get_care_tint(), text),
            ("edge on card", theme.get_line(), theme.get_card(), 3.0),
            ("edge on paper", theme.get_line(), theme.get_paper(), 3.0),
            ("focus on paper", theme.get_focus(), theme.get_paper(), 3.0),
            ("focus on card", theme.get_focus(), theme.get_card(), 3.0),
            ("edge of care", theme.get_care_line(), theme.get_card(), 3.0),
        ];
        for (what, one, other, least) in pairs {
            let is = ratio(one, other);
            assert!(is >= least, "{what} is {is:.2}:1, not {least}:1 (high contrast: {high_contrast})");
        }
    }
}

#[test]
fn the_measure_is_the_one_of_the_standard() {
    let white = Color::from_rgb_u8(255, 255, 255);
    assert!((ratio(white, Color::from_rgb_u8(0, 0, 0)) - 21.0).abs() < 1e-9);
    // Known value: #767676 is the lightest grey that passes on white.
    assert!(ratio(white, Color::from_rgb_u8(0x76, 0x76, 0x76)) >= 4.5);
    assert!(ratio(white, Color::from_rgb_u8(0x77, 0x77, 0x77)) < 4.5);
}

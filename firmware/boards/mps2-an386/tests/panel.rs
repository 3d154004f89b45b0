//! The emulated panel, with somebody who plays it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod wire;

use std::cell::RefCell;

use embedded_hal::digital::{InputPin, OutputPin};
use emulated::panel::{Load, Output, Panel, Registers, Source, Switch};
use engine::trace::{Event, Trace};
use engine::vault::{Chance, ChanceError, Vault, VaultError};
use reader_protocol::emulated_panel as tag;
use reader_protocol::escape::Lamp;
use reader_protocol::vault::VAULT_BYTES;
use wire::Line;

fn begin() -> (Line, RefCell<Panel<Line>>) {
    let line = Line::default();
    let panel = RefCell::new(Panel::new(line.clone()));
    assert_eq!(line.said(), [tag::HELLO]);
    (line, panel)
}

#[test]
fn pins_are_tags() {
    let (line, panel) = begin();
    let mut fault = Output::new(&panel, Load::Lamp(Lamp::Fault));
    let mut buzzer = Output::new(&panel, Load::Buzzer);
    fault.set_high().unwrap();
    buzzer.set_high().unwrap();
    fault.set_low().unwrap();
    let lamp = Lamp::Fault.byte();
    assert_eq!(line.said(), [tag::LAMP, lamp, 1, tag::BUZZER, 1, tag::LAMP, lamp, 0]);
    let mut switch = Switch::new(&panel);
    assert!(switch.is_low().unwrap());
    line.hears(&[tag::SWITCH, 1]);
    assert!(switch.is_high().unwrap());
    line.hears(&[tag::SWITCH, 0]);
    assert!(switch.is_low().unwrap());
}

#[test]
fn the_stack_is_told_in_bytes() {
    let (line, panel) = begin();
    panel.borrow_mut().tell_stack(0x0B04, 0x0F00);
    assert_eq!(line.said(), [tag::STACK, 0x04, 0x0B, 0x00, 0x0F]);
}

#[test]
fn the_vault_is_not_ready_before_it_is_known() {
    let (line, panel) = begin();
    let mut vault = Registers::new(&panel);
    let mut bytes = [0xAA; VAULT_BYTES];
    assert_eq!(vault.read(&mut bytes), Err(VaultError::NotReady));
    assert_eq!(vault.write(&bytes), Err(VaultError::NotReady));
    let kept: [u8; VAULT_BYTES] = std::array::from_fn(|index| index as u8);
    for byte in [&[tag::VAULT][..], &kept].concat() {
        assert_eq!(vault.read(&mut bytes), Err(VaultError::NotReady));
        line.hears(&[byte]);
    }
    vault.read(&mut bytes).unwrap();
    assert_eq!(bytes, kept);
    vault.write(&[7; VAULT_BYTES]).unwrap();
    assert_eq!(line.said(), [&[tag::VAULT_STORE][..], &[7; VAULT_BYTES]].concat());
    vault.read(&mut bytes).unwrap();
    assert_eq!(bytes, [7; VAULT_BYTES]);
    // The panel loses it, as a battery does that is taken out.
    line.hears(&[&[tag::VAULT][..], &[0; VAULT_BYTES]].concat());
    vault.read(&mut bytes).unwrap();
    assert_eq!(bytes, [0; VAULT_BYTES]);
}

#[test]
fn no_random_byte_is_given_twice() {
    let (line, panel) = begin();
    let mut source = Source::new(&panel);
    let mut bytes = [0; 20];
    assert_eq!(source.fill(&mut bytes), Err(ChanceError::NotReady));
    assert_eq!(line.said(), [], "the first are on their way");
    let first: [u8; 32] = std::array::from_fn(|index| index as u8);
    line.hears(&[&[tag::CHANCE][..], &first].concat());
    source.fill(&mut bytes).unwrap();
    assert_eq!(bytes, first[12..]);
    assert_eq!(line.said(), [tag::CHANCE_WANTED]);
    assert_eq!(source.fill(&mut bytes), Err(ChanceError::NotReady), "12 are left");
    source.fill(&mut bytes[..12]).unwrap();
    assert_eq!(bytes[..12], first[..12]);
    assert_eq!(line.said(), [], "asked for already");
    line.hears(&[&[tag::CHANCE][..], &[9; 32]].concat());
    let mut all = [0; 32];
    source.fill(&mut all).unwrap();
    assert_eq!(all, [9; 32]);
    assert_eq!(source.fill(&mut [0; 33]), Err(ChanceError::Failed));
}

#[test]
fn counters_are_told_when_they_change() {
    let (line, panel) = begin();
    let (mut reader, mut desk) = (Trace::new(), Trace::new());
    panel.borrow_mut().tell([&reader, &desk]);
    assert_eq!(line.said(), []);
    reader.count(Event::Escape);
    desk.count(Event::Escape);
    desk.count(Event::Tampered);
    panel.borrow_mut().tell([&reader, &desk]);
    panel.borrow_mut().tell([&reader, &desk]);
    let counted = |event: Event, low| [tag::COUNTED, event.byte(), low, 0, 0, 0];
    assert_eq!(line.said(), [counted(Event::Escape, 2), counted(Event::Tampered, 1)].concat());
    for _ in 0..254 {
        reader.count(Event::Escape);
    }
    panel.borrow_mut().tell([&reader, &desk]);
    assert_eq!(line.said(), [tag::COUNTED, Event::Escape.byte(), 0, 1, 0, 0]);
}

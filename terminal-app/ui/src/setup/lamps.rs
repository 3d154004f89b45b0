//! Lamps and buzzer in the wizard: which line is what, one after the other tried and looked at.

use edge::indicator::Sign;
use terminal::setup::PinsChosen;

use super::{
    input::{Busy, Effect, Form, Input, Problem, Seen},
    state::Wizard,
    work::Command,
};

/// Lines of a Raspberry Pi that no other function claims by itself.
const USUAL: PinsChosen =
    PinsChosen { ready: Some(17), busy: Some(27), fault: Some(22), buzzer: Some(23), low: false };

fn place(sign: Sign) -> usize {
    Sign::ALL.iter().position(|known| *known == sign).unwrap_or_default()
}

impl Wizard {
    /// The lines that are chosen.
    pub fn pins(&self) -> PinsChosen {
        self.devices.pins.unwrap_or_default()
    }

    /// What was said of a lamp.
    pub fn seen(&self, sign: Sign) -> Seen {
        self.seen[place(sign)]
    }

    pub(super) fn set_seen(&mut self, sign: Sign, seen: Seen) {
        self.seen[place(sign)] = seen;
    }

    /// Whether everything that hangs on a line was seen to work.
    pub fn all_lit(&self) -> bool {
        let pins = self.pins();
        Sign::ALL
            .into_iter()
            .filter(|sign| sign.line(&pins).is_some())
            .all(|sign| self.seen(sign) == Seen::Lit)
    }

    pub(super) fn on_lamps(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Lamps => {
                self.is_at_lamps = true;
                self.trouble = None;
                vec![Effect::FillLines]
            }
            Input::TryLamp(sign, form) => {
                if !self.take_lines(&form) {
                    return Vec::new();
                }
                self.set_seen(sign, Seen::Untried);
                let command = Command::TryLamp { sign, pins: self.pins(), board: self.devices.board.clone() };
                self.ask(Busy::Lamp, command)
            }
            Input::Lit(lit) => {
                for seen in &mut self.seen {
                    if *seen == Seen::Asked {
                        *seen = if lit { Seen::Lit } else { Seen::Dark };
                    }
                }
                Vec::new()
            }
            Input::Low => {
                let mut pins = self.pins();
                pins.low = !pins.low;
                self.devices.pins = Some(pins);
                self.seen = [Seen::Untried; 4];
                Vec::new()
            }
            Input::UsualLines => {
                self.devices.pins = Some(PinsChosen { low: self.pins().low, ..USUAL });
                self.seen = [Seen::Untried; 4];
                self.problem = None;
                vec![Effect::FillLines]
            }
            _ => Vec::new(),
        }
    }

    /// Takes what stands in the fields; `false` when that is no number, or one number twice.
    pub(super) fn take_lines(&mut self, form: &Form) -> bool {
        let before = self.pins();
        let mut pins = PinsChosen { low: before.low, ..PinsChosen::default() };
        for (sign, typed) in Sign::ALL.into_iter().zip(&form.lines) {
            let typed = typed.trim();
            let line = match typed.parse::<u8>() {
                Ok(line) => Some(line),
                Err(_) if typed.is_empty() => None,
                Err(_) => {
                    self.problem = Some(Problem::Line);
                    return false;
                }
            };
            if line != sign.line(&before) {
                self.set_seen(sign, Seen::Untried);
            }
            sign.set_line(&mut pins, line);
        }
        if pins.twice().is_some() {
            self.problem = Some(Problem::Line);
            return false;
        }
        self.problem = None;
        self.devices.pins = (!pins.is_empty()).then_some(pins);
        true
    }

    pub(super) fn leave_lamps(&mut self) {
        self.is_at_lamps = false;
        self.trouble = None;
        self.problem = None;
        // One that nobody answered for was not seen.
        for seen in &mut self.seen {
            if *seen == Seen::Asked {
                *seen = Seen::Untried;
            }
        }
    }
}

//! Who stands at a bank's or a community's desk, and how the holder was known.

use protocol::policy::Purpose;
use terminal::{flows::FingerCheck, holder::finger::Rung, pension::PensionState};

use super::{
    acts::Act,
    entry::{Hidden, Typed},
    note::Said,
    state::{Effect, Key, Overlay, State},
    work::{Affairs, Command, PaidMonth},
};
use crate::trouble::Trouble;

/// What is known of a holder at a bank or a community desk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desk {
    /// How the pension stands.
    pub pension: Option<PensionState>,
    /// The last try with a finger.
    pub finger: Option<FingerCheck>,
    /// The policy wants a second clerk.
    pub second_clerk: bool,
    /// The holder is known well enough for this.
    pub proved: Option<Purpose>,
    /// What the proof is for.
    pub purpose: Option<Purpose>,
    /// What was paid.
    pub paid: Vec<PaidMonth>,
    /// Why the rest was not.
    pub stopped: Option<Trouble>,
    /// Certified up to this day.
    pub certified: Option<protocol::calendar::Day>,
    /// The holder is certified at home.
    pub at_home: bool,
    /// Affairs at the center.
    pub affairs: Option<Affairs>,
}

impl State {
    /// A finger was tried, and the ladder says that staff decides.
    pub(super) fn can_vouch(&self) -> bool {
        matches!(&self.desk.finger, Some(FingerCheck::Failed { next: Rung::Clerk { .. }, .. }))
            && self.desk.proved.is_none()
    }

    pub(super) fn with_card(&mut self, command: Command) -> Vec<Effect> {
        if self.serve.card.is_none() {
            return self.tap_by_key();
        }
        self.ask(command)
    }

    /// The holder is known first, by a finger; what it is for comes with the next press of the same key.
    pub(super) fn know_then(&mut self, purpose: Purpose, command: Command) -> Vec<Effect> {
        if self.serve.card.is_none() {
            return self.tap_by_key();
        }
        if self.desk.proved == Some(purpose) {
            return self.ask(command);
        }
        let effects = self.ask(Command::Finger { purpose });
        if !effects.is_empty() {
            self.desk.purpose = Some(purpose);
        }
        effects
    }

    pub(super) fn vouch(&mut self) -> Vec<Effect> {
        if self.desk.second_clerk {
            let (number, secret) = (Typed::default(), Hidden::default());
            return self.lay(Overlay::Second { number, secret, at_secret: false });
        }
        let purpose = self.desk.purpose.unwrap_or(Purpose::Certification);
        self.ask(Command::Vouch { purpose, second: None })
    }

    pub(super) fn second_key(&mut self, key: Key) -> Vec<Effect> {
        let Overlay::Second { number, secret, at_secret } = &mut self.overlay else { return Vec::new() };
        match key {
            Key::Char(letter) if *at_secret => secret.push(letter),
            Key::Char(letter) => number.push(letter),
            Key::Backspace if *at_secret => secret.pop(),
            Key::Backspace => {
                number.pop();
            }
            Key::Tab | Key::Up | Key::Down => *at_secret = !*at_secret,
            Key::Return if !*at_secret => *at_secret = true,
            Key::Return => return self.act(Act::Yes),
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn finger_was(&mut self, check: FingerCheck, second_clerk: bool) {
        self.desk.second_clerk = second_clerk;
        if matches!(check, FingerCheck::Proved(_)) {
            self.desk.proved = self.desk.purpose;
            self.say(Said::FingerRight);
        }
        self.desk.finger = Some(check);
    }
}

//! Characters in both directions: guard times, repetitions, deadlines.

use super::timing::{Speed, Timing};
use crate::{
    contacts::{Contacts, LineSettings, Parity},
    time::{Duration, Instant},
};

/// A character is repeated so often (T=0). Source: ISO/IEC 7816-3 §7.3.
pub(super) const REPEATS_MAX: u8 = 3;
/// So many characters that nobody has asked for are thrown away before we speak.
pub(super) const STALE_MAX: u16 = 300;
/// A character that we send is over after this time of the board, or the board is broken.
pub(super) const SENDING_MAX: Duration = Duration::from_millis(5_000);

/// What has happened on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing yet.
    Nothing {
        /// Time of the board until which nothing need be done.
        until: Instant,
    },
    /// Our character is over.
    Sent,
    /// A character of the card.
    Character {
        /// As it is meant, turned round for the inverse convention.
        byte: u8,
        /// Parity was wrong, also after all repetitions.
        is_broken: bool,
        /// When it had come, in time of the line.
        at: Instant,
    },
    /// Nothing in time.
    Silence,
    /// The card has refused our character once too often.
    Refused,
    /// The card does not stop talking.
    Babble,
    /// The board does not send.
    Stuck,
}

/// What the line is doing.
#[derive(Clone, Copy, Debug)]
enum State {
    Quiet,
    /// A character is to be sent once the guard time is over.
    Guarding {
        byte: u8,
    },
    Sending {
        byte: u8,
        /// Time of the board.
        give_up: Instant,
    },
    Listening {
        within: Duration,
        until: Instant,
    },
}

/// The line of one card.
#[derive(Debug)]
pub(super) struct Line {
    hertz: u32,
    settings: LineSettings,
    is_inverse: bool,
    turn: Duration,
    /// What our characters are apart beyond 12 units.
    extra_guard: Duration,
    /// When the last character was over, whoever sent it.
    last: Instant,
    was_received: bool,
    /// A character that was over before this cannot be the answer to ours.
    answers_from: Instant,
    state: State,
    refusals: u8,
    broken: u8,
    stale: u16,
    /// No listening goes beyond.
    limit: Option<Instant>,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self {
            hertz: 4_000_000,
            settings: Self::after_reset(),
            is_inverse: false,
            turn: Duration(0),
            extra_guard: Duration(0),
            last: Instant(0),
            was_received: false,
            answers_from: Instant(0),
            state: State::Quiet,
            refusals: 0,
            broken: 0,
            stale: 0,
            limit: None,
        }
    }

    const fn after_reset() -> LineSettings {
        LineSettings {
            cycles_per_etu: (372, 1),
            parity: Parity::Even,
            character_etu: 12,
            error_signal: false,
        }
    }

    /// As it is before TS has come: 372 cycles, convention unknown, no error signal.
    pub(super) fn reset<C: Contacts>(&mut self, contacts: &mut C) {
        *self = Self { hertz: contacts.clock_hertz(), ..Self::new() };
        contacts.set_line(&self.settings);
    }

    /// Takes the convention of TS; the error signal is used from here on.
    pub(super) fn set_convention<C: Contacts>(&mut self, contacts: &mut C, is_inverse: bool) {
        self.is_inverse = is_inverse;
        self.settings.parity = if is_inverse { Parity::Odd } else { Parity::Even };
        self.settings.error_signal = true;
        contacts.set_line(&self.settings);
    }

    /// Takes speed and guard times.
    pub(super) fn set_speed<C: Contacts>(
        &mut self,
        contacts: &mut C,
        speed: Speed,
        timing: &Timing,
        error_signal: bool,
    ) {
        self.settings.cycles_per_etu = (speed.f, speed.d);
        self.settings.character_etu = timing.character_etu;
        self.settings.error_signal = error_signal;
        self.turn = timing.turn;
        self.extra_guard = speed.etu(u32::from(timing.character_etu.saturating_sub(12)), self.hertz);
        contacts.set_line(&self.settings);
    }

    pub(super) fn hertz(&self) -> u32 {
        self.hertz
    }

    pub(super) fn is_inverse(&self) -> bool {
        self.is_inverse
    }

    /// When the last character was over.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// Waiting times count from here; before this nothing is sent for `guard` either.
    pub(super) fn count_from(&mut self, at: Instant) {
        self.last = at;
        self.was_received = true;
    }

    /// A new exchange begins: no listening goes beyond `limit`. What the card may have said late is not part of it.
    pub(super) fn begin(&mut self, limit: Option<Instant>) {
        self.limit = limit;
        self.was_received = true;
        self.stale = 0;
        self.refusals = 0;
        self.broken = 0;
        self.state = State::Quiet;
    }

    /// From now on no listening goes beyond `limit`.
    pub(super) fn set_limit(&mut self, limit: Instant) {
        self.limit = Some(limit);
    }

    /// Stops whatever goes on.
    pub(super) fn quiet<C: Contacts>(&mut self, contacts: &mut C) {
        if matches!(self.state, State::Listening { .. } | State::Guarding { .. }) {
            contacts.expect(None);
        }
        self.state = State::Quiet;
    }

    /// Sends a character, once the guard time after the card's last one is over.
    pub(super) fn send(&mut self, byte: u8) {
        let byte = if self.is_inverse { !byte.reverse_bits() } else { byte };
        self.refusals = 0;
        self.state = State::Guarding { byte };
    }

    /// Listens for `within` from the last character on.
    pub(super) fn listen<C: Contacts>(&mut self, contacts: &mut C, within: Duration) {
        let until = self.last + within;
        let until = self.limit.map_or(until, |limit| limit.min(until));
        self.state = State::Listening { within, until };
        contacts.expect(Some(until));
    }

    /// Goes on. `now` is time of the board.
    #[inline(never)]
    pub(super) fn poll<C: Contacts>(&mut self, contacts: &mut C, now: Instant) -> Heard {
        match self.state {
            State::Quiet => Heard::Nothing { until: now },
            State::Guarding { byte } => self.guard(contacts, byte, now),
            State::Sending { byte, give_up } => self.sending(contacts, byte, give_up, now),
            State::Listening { within, until } => self.listening(contacts, within, until, now),
        }
    }

    fn guard<C: Contacts>(&mut self, contacts: &mut C, byte: u8, now: Instant) -> Heard {
        if self.was_received {
            // What comes now nobody has asked for.
            while let Some(stale) = contacts.receive() {
                self.last = self.last.max(stale.at);
                self.stale = self.stale.saturating_add(1);
                if self.stale > STALE_MAX {
                    return Heard::Babble;
                }
            }
            let from = self.last + self.turn;
            let time = contacts.time(now);
            if time < from {
                contacts.expect(Some(from));
                return Heard::Nothing { until: now + (from - time) };
            }
            contacts.expect(None);
        }
        contacts.send(byte);
        self.state = State::Sending { byte, give_up: now + SENDING_MAX };
        self.sending(contacts, byte, now + SENDING_MAX, now)
    }

    fn sending<C: Contacts>(&mut self, contacts: &mut C, byte: u8, give_up: Instant, now: Instant) -> Heard {
        let Some(sent) = contacts.sent() else {
            if now >= give_up {
                self.state = State::Quiet;
                return Heard::Stuck;
            }
            return Heard::Nothing { until: give_up };
        };
        self.last = self.last.max(sent.at);
        self.was_received = false;
        self.answers_from = Instant(sent.at.0.saturating_sub(self.extra_guard.0));
        if sent.is_refused && self.settings.error_signal {
            self.refusals += 1;
            if self.refusals > REPEATS_MAX {
                self.state = State::Quiet;
                return Heard::Refused;
            }
            self.state = State::Guarding { byte };
            return Heard::Nothing { until: now };
        }
        self.state = State::Quiet;
        Heard::Sent
    }

    fn listening<C: Contacts>(
        &mut self,
        contacts: &mut C,
        within: Duration,
        until: Instant,
        now: Instant,
    ) -> Heard {
        let Some(character) = contacts.receive() else {
            let time = contacts.time(now);
            if time >= until {
                self.quiet(contacts);
                return Heard::Silence;
            }
            return Heard::Nothing { until: now + (until - time) };
        };
        if !self.was_received && character.at < self.answers_from {
            // It came while we were speaking.
            self.stale = self.stale.saturating_add(1);
            return if self.stale > STALE_MAX { Heard::Babble } else { Heard::Nothing { until: now } };
        }
        if character.at > until {
            self.quiet(contacts);
            return Heard::Silence;
        }
        self.last = self.last.max(character.at);
        self.was_received = true;
        let has_repetition = self.settings.error_signal && self.broken < REPEATS_MAX;
        if character.is_broken && has_repetition {
            self.broken += 1;
            self.listen(contacts, within);
            return Heard::Nothing { until: now };
        }
        self.broken = 0;
        let byte = if self.is_inverse { !character.byte.reverse_bits() } else { character.byte };
        Heard::Character { byte, is_broken: character.is_broken, at: character.at }
    }
}

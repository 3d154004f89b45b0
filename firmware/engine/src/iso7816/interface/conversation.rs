//! Polling: what the line has heard goes to the dialogue, what the dialogue wants goes to the line.
//!
//! The larger steps are not inlined: that takes less flash, and less stack at the deepest place.

use card_spec::{Error, atr::Atr};

use super::{
    super::{dialogue::Next, line::Heard, timing::EXCHANGE_MAX},
    AtrParameters, Card, CardError, Dialogue, Interface, Operation, Parameters, Pps, Progress, Protocol,
    STEPS_MAX, Speed, Timing,
    activation::Activation,
};
use crate::{contacts::Contacts, time::Instant};

impl Interface {
    /// Goes on as far as it can. Never blocks. `now` is time of the board.
    ///
    /// A card that has gone, or draws too much, loses its power here, whether anything is under way or not.
    #[inline(never)]
    pub fn poll<C: Contacts>(&mut self, contacts: &mut C, now: Instant) -> Progress {
        if let Some(error) = self.trouble(contacts) {
            let was_busy = self.is_busy();
            if self.has_supply {
                self.deactivate(contacts, now);
            }
            self.operation = Operation::None;
            self.wipe();
            return if was_busy { Progress::Failed(error) } else { Progress::Idle };
        }
        for _ in 0..STEPS_MAX {
            if let Some(progress) = self.step(contacts, now) {
                return progress;
            }
        }
        Progress::Busy { until: now }
    }

    fn trouble<C: Contacts>(&self, contacts: &mut C) -> Option<CardError> {
        if !contacts.is_present() {
            Some(CardError::Removed)
        } else if self.has_supply && contacts.is_overloaded() {
            Some(CardError::Overload)
        } else {
            None
        }
    }

    #[inline(never)]
    fn step<C: Contacts>(&mut self, contacts: &mut C, now: Instant) -> Option<Progress> {
        match self.operation {
            Operation::None => Some(Progress::Idle),
            Operation::Over => {
                if let Some(wanted) = self.wanted.take() {
                    self.apply(contacts, wanted);
                }
                Some(self.done(contacts, 0))
            }
            Operation::Activation(at) => self.activate(contacts, at, now),
            Operation::Exchange(dialogue) => self.begin(contacts, dialogue, now),
            Operation::Dialogue(dialogue) => match self.line.poll(contacts, now) {
                Heard::Nothing { until } if until > now => Some(Progress::Busy { until }),
                Heard::Nothing { .. } => None,
                heard => self.hear(contacts, dialogue, heard, now),
            },
        }
    }

    #[inline(never)]
    fn begin<C: Contacts>(&mut self, contacts: &mut C, dialogue: Dialogue, now: Instant) -> Option<Progress> {
        self.restart_clock(contacts, now);
        if let Some(card) = &mut self.card {
            card.is_fresh = false;
        }
        let limit = contacts.time(now) + EXCHANGE_MAX;
        let (next, limit) = match &dialogue {
            Dialogue::Atr(_) => return Some(self.fail(contacts, CardError::Mute, now)),
            Dialogue::Pps(pps) => {
                // No T=1 with its 11 units yet (§8.3).
                let timing = Timing { character_etu: self.timing.character_etu.max(12), ..self.timing };
                self.line.set_speed(contacts, Speed::DEFAULT, &timing, self.has_error_signal());
                (pps.begin(), Some(limit))
            }
            Dialogue::T0(tpdu) => (tpdu.begin(&self.buffer), Some(limit)),
            // BWT may be as long as the host allows.
            Dialogue::T1(block) => (block.begin(&self.buffer), None),
        };
        self.line.begin(limit);
        self.operation = Operation::Dialogue(dialogue);
        self.act(contacts, next, now)
    }

    #[inline(never)]
    fn hear<C: Contacts>(
        &mut self,
        contacts: &mut C,
        mut dialogue: Dialogue,
        heard: Heard,
        now: Instant,
    ) -> Option<Progress> {
        let next = match &mut dialogue {
            Dialogue::Atr(reception) => reception.hear(heard, &mut self.buffer),
            Dialogue::Pps(pps) => pps.hear(heard, &mut self.buffer, &self.timing),
            Dialogue::T0(tpdu) => tpdu.hear(heard, &mut self.buffer, &self.timing),
            Dialogue::T1(block) => {
                let had_begun = block.has_begun();
                let next = block.hear(heard, &mut self.buffer, &self.timing);
                if block.has_begun() && !had_begun {
                    self.line.set_limit(self.line.last() + EXCHANGE_MAX);
                }
                next
            }
        };
        self.operation = Operation::Dialogue(dialogue);
        self.act(contacts, next, now)
    }

    fn act<C: Contacts>(&mut self, contacts: &mut C, next: Next, now: Instant) -> Option<Progress> {
        match next {
            Next::Send(byte) => self.line.send(byte),
            Next::Listen(within) => self.line.listen(contacts, within),
            Next::Extend(within) => {
                self.line.listen(contacts, within);
                return Some(Progress::Extended);
            }
            Next::TakeConvention(is_inverse, within) => {
                self.line.set_convention(contacts, is_inverse);
                if let Some(etu) = self.limits.atr_etu_max {
                    let whole = Speed::DEFAULT.etu(etu, self.line.hertz());
                    self.line.set_limit(self.line.last() + whole);
                }
                self.line.listen(contacts, within);
            }
            Next::Done(bytes) => return Some(self.finish(contacts, bytes, now)),
            Next::Fail(error) => return self.fail_or_retry(contacts, error, now),
        }
        None
    }

    fn finish<C: Contacts>(&mut self, contacts: &mut C, bytes: usize, now: Instant) -> Progress {
        let result = match self.operation {
            Operation::Dialogue(Dialogue::Atr(_)) => self.take_atr(contacts, bytes),
            Operation::Dialogue(Dialogue::Pps(pps)) => self.take_pps(contacts, &pps, bytes),
            _ => Ok(bytes),
        };
        match result {
            Ok(bytes) => self.done(contacts, bytes),
            Err(error) => self.fail_or_retry(contacts, error, now).unwrap_or(Progress::Busy { until: now }),
        }
    }

    fn done<C: Contacts>(&mut self, contacts: &mut C, bytes: usize) -> Progress {
        self.line.quiet(contacts);
        self.answer_bytes = bytes as u16;
        self.buffer.wipe_from(bytes);
        self.operation = Operation::None;
        Progress::Done
    }

    /// Ends the operation, or begins it again with the next class of supply.
    fn fail_or_retry<C: Contacts>(
        &mut self,
        contacts: &mut C,
        error: CardError,
        now: Instant,
    ) -> Option<Progress> {
        if let (Operation::Dialogue(Dialogue::Atr(_)), [_, rest @ ..]) = (self.operation, self.supplies)
            && !rest.is_empty()
        {
            self.supplies = rest;
            self.deactivate(contacts, now);
            self.operation = Operation::Activation(Activation::Begin);
            return None;
        }
        Some(self.fail(contacts, error, now))
    }

    /// Ends the operation. Only a block of T=1 leaves the contacts on.
    pub(super) fn fail<C: Contacts>(&mut self, contacts: &mut C, error: CardError, now: Instant) -> Progress {
        // Silence may be what is left of a card that has gone meanwhile.
        let trouble = self.trouble(contacts);
        match self.operation {
            Operation::Dialogue(Dialogue::T1(_)) if trouble.is_none() => {
                self.line.quiet(contacts);
                self.wipe();
            }
            _ => self.deactivate(contacts, now),
        }
        self.operation = Operation::None;
        Progress::Failed(trouble.unwrap_or(error))
    }

    #[inline(never)]
    fn take_atr<C: Contacts>(&mut self, contacts: &mut C, bytes: usize) -> Result<usize, CardError> {
        let atr = Atr::parse(self.buffer.first(bytes)).map_err(|error| match error {
            Error::Check { .. } => CardError::Tck,
            Error::TooLong { .. } => CardError::Overrun,
            Error::Truncated { .. } => CardError::Mute,
            _ => CardError::Ts,
        })?;
        let atr = AtrParameters::of(&atr);
        if self.supplies.first().is_some_and(|supply| !atr.runs_with(*supply)) {
            return Err(CardError::ClassNotSupported);
        }
        let in_force = atr.in_force();
        let (protocol, speed) = in_force.unwrap_or((Protocol::T0, Speed::DEFAULT_BYTE));
        let parameters = Parameters::offered(&atr, protocol, speed, self.line.is_inverse());
        self.card = Some(Card {
            atr,
            is_understood: in_force.is_some(),
            parameters,
            is_fresh: true,
            is_clock_stopped: false,
        });
        self.apply(contacts, parameters);
        Ok(bytes)
    }

    #[inline(never)]
    fn take_pps<C: Contacts>(
        &mut self,
        contacts: &mut C,
        pps: &Pps,
        bytes: usize,
    ) -> Result<usize, CardError> {
        let agreed = pps.agreed(self.buffer.first(bytes));
        let Some(card) = self.card else { return Err(CardError::Inactive) };
        if let Some(mut wanted) = self.wanted.take() {
            wanted.speed = agreed.ok_or(CardError::PpsRefused)?.speed;
            self.apply(contacts, wanted);
            return Ok(0);
        }
        // The host sees the response and judges it as well.
        let is_inverse = card.parameters.is_inverse;
        let parameters = agreed.and_then(|agreed| {
            let protocol = Protocol::of(agreed.protocol)?;
            Some(Parameters::offered(&card.atr, protocol, agreed.speed, is_inverse))
        });
        self.apply(contacts, parameters.unwrap_or(card.parameters));
        Ok(bytes)
    }

    /// Puts parameters in force.
    fn apply<C: Contacts>(&mut self, contacts: &mut C, parameters: Parameters) {
        let Some(card) = &mut self.card else { return };
        card.parameters = parameters;
        let speed = Speed::of(parameters.speed).unwrap_or(Speed::DEFAULT);
        let offered = card.atr.speed.unwrap_or(Speed::DEFAULT);
        self.timing = Timing::new(&parameters, speed, offered, card.atr.has_global, self.line.hertz());
        let has_error_signal = self.has_error_signal();
        self.line.set_speed(contacts, speed, &self.timing, has_error_signal);
    }

    fn has_error_signal(&self) -> bool {
        self.card.is_some_and(|card| card.parameters.protocol == Protocol::T0)
    }
}

//! Power and reset, up to where the card answers. Source: ISO/IEC 7816-3 §6.2.

use super::{super::atr_reception::AtrReception, CardError, Dialogue, Interface, Operation, Progress};
use crate::{
    contacts::Contacts,
    iso7816::timing::{OFF, RESET_LOW_CYCLES, SUPPLY_SETTLED, cycles},
    time::Instant,
};

/// Characters of before the reset that are thrown away.
const STALE_MAX: usize = 64;

/// Where activation is. These times are the board's: nothing is said on the line yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activation {
    /// Everything has to be off first.
    Begin,
    /// The card stays, RST goes low.
    WarmBegin,
    /// Everything is off.
    Off { until: Instant },
    /// VCC rises.
    Rising { until: Instant },
    /// CLK runs, RST is low.
    ResetLow { until: Instant },
}

impl Interface {
    /// One step; `None` when the next may follow at once.
    #[inline(never)]
    pub(super) fn activate<C: Contacts>(
        &mut self,
        contacts: &mut C,
        at: Activation,
        now: Instant,
    ) -> Option<Progress> {
        let next = match at {
            Activation::Begin => {
                if self.has_supply {
                    self.deactivate(contacts, now);
                }
                Activation::Off { until: self.off_at.map_or(now, |off_at| off_at + OFF) }
            }
            Activation::Off { until } | Activation::Rising { until } | Activation::ResetLow { until }
                if now < until =>
            {
                return Some(Progress::Busy { until });
            }
            Activation::Off { .. } => {
                let Some(supply) = self.supplies.first() else {
                    return Some(self.fail(contacts, CardError::Mute, now));
                };
                contacts.set_reset(false);
                contacts.set_clock(false);
                contacts.set_supply(Some(*supply));
                self.has_supply = true;
                Activation::Rising { until: now + SUPPLY_SETTLED }
            }
            Activation::Rising { .. } => {
                self.line.reset(contacts);
                contacts.set_clock(true);
                self.reset_low(now)
            }
            Activation::WarmBegin => {
                self.line.quiet(contacts);
                contacts.set_reset(false);
                contacts.set_clock(true);
                self.line.reset(contacts);
                self.reset_low(now)
            }
            Activation::ResetLow { .. } => {
                self.reset_high(contacts, now);
                return None;
            }
        };
        self.operation = Operation::Activation(next);
        None
    }

    fn reset_low(&self, now: Instant) -> Activation {
        Activation::ResetLow { until: now + cycles(RESET_LOW_CYCLES, self.line.hertz()) }
    }

    fn reset_high<C: Contacts>(&mut self, contacts: &mut C, now: Instant) {
        for _ in 0..STALE_MAX {
            if contacts.receive().is_none() {
                break;
            }
        }
        let _ = contacts.sent();
        contacts.set_reset(true);
        let reset_at = contacts.time(now);
        self.line.begin(None);
        self.line.count_from(reset_at);
        let reception = AtrReception::new(reset_at, self.line.hertz());
        self.operation = Operation::Dialogue(Dialogue::Atr(reception));
        self.line.listen(contacts, reception.begin());
    }
}

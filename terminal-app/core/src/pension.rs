//! Whether a pension may be paid now, and for which months (养老金).
//!
//! Pure functions over what center or cache have told and what this terminal has done since.

use std::fmt;

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    pension::{Earlier, Pension, Schedule},
    record::RestsOn,
};

use crate::eligibility::Source;

/// How a pension stands, as far as this terminal knows; `Debug` leaves the person out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PensionState {
    /// The entry. Its amount is that of the months since the last change: see [`PensionState::amount`].
    pub pension: Pension,
    /// Amounts of months before that.
    pub earlier: Vec<Earlier>,
    /// Where it came from.
    pub source: Source,
    /// Certified up to this day, included: by the center, or here and not in the entry yet.
    pub certified_until: Option<Day>,
    /// The certification that a payment would rest on today; `None` when none holds.
    pub rests_on: Option<RestsOn>,
    /// Months that are due and not paid, the oldest first. Those that this terminal has paid are not among them.
    pub due: Vec<Period>,
    /// The first month that is neither paid nor due.
    pub next: Period,
}

/// Why no pension is paid. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PensionRefusal {
    /// The center pays no pension to this person.
    Unknown,
    /// Not certified, or not lately enough: payable with arrears after a certification.
    NotCertified {
        /// Last day of the last certification.
        until: Option<Day>,
    },
    /// Everything is paid.
    NothingDue {
        /// The next month that will be due.
        next: Period,
    },
    /// What was shown is not so any more: show it again.
    Changed,
}

impl fmt::Display for PensionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no pension is paid to this person"),
            Self::NotCertified { .. } => f.write_str("not certified within the last months"),
            Self::NothingDue { next } => write!(f, "everything is paid, {next} comes next"),
            Self::Changed => f.write_str("the pension has changed since it was shown"),
        }
    }
}

impl std::error::Error for PensionRefusal {}

impl PensionState {
    /// Puts together what is known.
    ///
    /// `own_paid` are months that this terminal has paid, `own_certified` its last certification of the person
    /// with the day up to which that holds.
    pub fn of(
        schedule: Schedule,
        source: Source,
        own_paid: &[Period],
        own_certified: Option<(RestsOn, Day)>,
        today: Day,
    ) -> Self {
        let Schedule { pension, earlier } = schedule;
        let center = pension.certified_until.map(|day| (RestsOn::Until { day }, day));
        // The longer one; the center's word when both say the same.
        let best = match (center, own_certified) {
            (Some(center), Some(own)) if own.1 > center.1 => Some(own),
            (None, own) => own,
            (center, _) => center,
        };
        let is_paid = |period: &Period| pension.paid(*period) || own_paid.contains(period);
        let mut next = pension.next_unpaid.max(today.period().next());
        // The calendar's last month follows upon itself.
        while is_paid(&next) && next.next() != next {
            next = next.next();
        }
        // What this copy cannot tell is not paid by it; the center says it when the line is up.
        let next = pension.untold_from().map_or(next, |untold| untold.min(next));
        PensionState {
            pension,
            earlier,
            source,
            certified_until: best.map(|(_, until)| until),
            rests_on: best.filter(|(_, until)| today <= *until).map(|(rests_on, _)| rests_on),
            due: pension.unpaid(today.period()).filter(|period| !own_paid.contains(period)).collect(),
            next,
        }
    }

    /// What the pension of a month is.
    pub fn amount(&self, period: Period) -> Fen {
        Schedule { pension: self.pension, earlier: self.earlier.clone() }.amount(period)
    }

    /// All that is due.
    pub fn due_amount(&self) -> Fen {
        self.due.iter().map(|period| self.amount(*period)).sum()
    }

    /// The certification that a payment rests on, or why there is none, or nothing to pay.
    ///
    /// Errors: `NotCertified`, `NothingDue`.
    pub fn payable(&self) -> Result<RestsOn, PensionRefusal> {
        let rests_on = self.rests_on.ok_or(PensionRefusal::NotCertified { until: self.certified_until })?;
        match self.due.is_empty() {
            true => Err(PensionRefusal::NothingDue { next: self.next }),
            false => Ok(rests_on),
        }
    }
}

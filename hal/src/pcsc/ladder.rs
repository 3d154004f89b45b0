//! What to do when a reader does not work, one rung after the other, each counted.
//!
//! A reader whose power dipped, a pcscd that hangs, a port that sleeps: each is cured by something that is
//! useless or harmful against the others, so the mild cures come first. The ladder decides; the terminal
//! does it and says how it went.

use std::{
    fmt,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use embedded_hal::digital::{OutputPin, PinState};
use serde::Serialize;

/// One cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Drop the handle and power the card on again.
    Reconnect,
    /// Drop the slot, list the readers anew, make the slot again.
    Reenumerate,
    /// Restart pcscd: [`restart_service`].
    RestartService,
    /// Take the power off the reader's port for a moment: [`PowerSwitch`].
    PowerCycle,
    /// Show that the terminal is out of service, and keep trying in the background.
    OutOfService,
}

/// Every rung, the mildest first.
pub const RUNGS: [Rung; 5] =
    [Rung::Reconnect, Rung::Reenumerate, Rung::RestartService, Rung::PowerCycle, Rung::OutOfService];

/// How often a rung is tried before the next, and how long it is given to work, in milliseconds.
const TRIES: [(u32, u64); 5] = [(2, 500), (2, 2_000), (1, 10_000), (1, 15_000), (1, 300_000)];

/// Which cures this terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cures {
    /// It may restart pcscd.
    pub restart_service: bool,
    /// It can switch the power of the reader's port.
    pub power_cycle: bool,
}

/// The ladder of one reader.
#[derive(Clone, Debug)]
pub struct Ladder {
    cures: Cures,
    at: usize,
    tries: u32,
    not_before_ms: u64,
    out_of_service: bool,
    counts: [u64; 5],
    recoveries: u64,
}

impl Ladder {
    /// At the bottom: nothing is wrong.
    pub fn new(cures: Cures) -> Self {
        Ladder {
            cures,
            at: 0,
            tries: 0,
            not_before_ms: 0,
            out_of_service: false,
            counts: [0; 5],
            recoveries: 0,
        }
    }

    /// The reader does not work. Gives what to do now; `None` while the last cure still has time to work.
    ///
    /// After `OutOfService` has had its time the ladder starts again at the strongest cure there is.
    pub fn failed(&mut self, monotonic_ms: u64) -> Option<Rung> {
        if monotonic_ms < self.not_before_ms {
            return None;
        }
        if self.tries >= TRIES[self.at].0 {
            self.tries = 0;
            self.at = if RUNGS[self.at] == Rung::OutOfService { self.strongest() } else { self.at + 1 };
        }
        while !self.has(RUNGS[self.at]) {
            self.at += 1;
        }
        self.tries += 1;
        self.counts[self.at] += 1;
        self.out_of_service |= RUNGS[self.at] == Rung::OutOfService;
        self.not_before_ms = monotonic_ms.saturating_add(TRIES[self.at].1);
        Some(RUNGS[self.at])
    }

    /// The reader works (again).
    pub fn works(&mut self) {
        if self.tries > 0 {
            self.recoveries += 1;
        }
        (self.at, self.tries, self.not_before_ms) = (0, 0, 0);
        self.out_of_service = false;
    }

    /// How often each rung was stepped on.
    pub fn counts(&self) -> [(Rung, u64); 5] {
        std::array::from_fn(|at| (RUNGS[at], self.counts[at]))
    }

    /// How often the reader worked again after a cure.
    pub fn recoveries(&self) -> u64 {
        self.recoveries
    }

    /// Whether the terminal is out of service for want of this reader.
    pub fn is_out_of_service(&self) -> bool {
        self.out_of_service
    }

    fn has(&self, rung: Rung) -> bool {
        match rung {
            Rung::RestartService => self.cures.restart_service,
            Rung::PowerCycle => self.cures.power_cycle,
            Rung::Reconnect | Rung::Reenumerate | Rung::OutOfService => true,
        }
    }

    fn strongest(&self) -> usize {
        (0..RUNGS.len() - 1).rev().find(|at| self.has(RUNGS[*at])).unwrap_or(0)
    }
}

/// Longest time for the system to restart pcscd.
pub const RESTART_TIMEOUT_MS: u64 = 20_000;

/// Restarts pcscd by systemd. Takes at most [`RESTART_TIMEOUT_MS`]; gives whether systemd says it is done.
pub fn restart_service() -> bool {
    run(Command::new("systemctl").args(["restart", "pcscd.socket", "pcscd.service"]), RESTART_TIMEOUT_MS)
}

fn run(command: &mut Command, timeout_ms: u64) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = quiet.spawn() else { return false };
    let end = Instant::now() + Duration::from_millis(timeout_ms);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// How long a reader is without power: its capacitors have to run down.
pub const POWER_OFF_MS: u64 = 2_000;

/// The pin that switches the power of the reader's port.
pub struct PowerSwitch<O> {
    pin: O,
    on: PinState,
}

impl<O: OutputPin> PowerSwitch<O> {
    /// A switch that lets power through at level `on`; the power is switched on.
    ///
    /// Errors: the pin's own.
    pub fn new(mut pin: O, on: PinState) -> Result<Self, O::Error> {
        pin.set_state(on)?;
        Ok(PowerSwitch { pin, on })
    }

    /// Takes the power away for [`POWER_OFF_MS`].
    ///
    /// Errors: the pin's own; the power may then be off.
    pub fn cycle(&mut self) -> Result<(), O::Error> {
        self.cycle_with(|| thread::sleep(Duration::from_millis(POWER_OFF_MS)))
    }

    fn cycle_with(&mut self, wait: impl FnOnce()) -> Result<(), O::Error> {
        self.pin.set_state(!self.on)?;
        wait();
        self.pin.set_state(self.on)
    }
}

impl<O> fmt::Debug for PowerSwitch<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PowerSwitch").field("on", &self.on).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    /// Fails once a second and gives what was done, with its second.
    fn climb(ladder: &mut Ladder, seconds: u64) -> Vec<(u64, Rung)> {
        (0..seconds).filter_map(|second| ladder.failed(1_000 * second).map(|rung| (second, rung))).collect()
    }

    #[test]
    fn from_mild_to_strong() {
        let mut ladder = Ladder::new(Cures { restart_service: true, power_cycle: true });
        let done = climb(&mut ladder, 400);
        let rungs: Vec<Rung> = done.iter().map(|(_, rung)| *rung).collect();
        assert_eq!(
            rungs,
            [
                Rung::Reconnect,
                Rung::Reconnect,
                Rung::Reenumerate,
                Rung::Reenumerate,
                Rung::RestartService,
                Rung::PowerCycle,
                Rung::OutOfService,
                Rung::PowerCycle,
                Rung::OutOfService,
            ]
        );
        assert!(done.windows(2).all(|pair| pair[0].0 < pair[1].0), "each has its time: {done:?}");
        assert!(ladder.is_out_of_service());
        assert_eq!(ladder.counts()[3], (Rung::PowerCycle, 2));
        ladder.works();
        assert!(!ladder.is_out_of_service());
        assert_eq!(ladder.recoveries(), 1);
        assert_eq!(ladder.failed(400_000), Some(Rung::Reconnect), "from the bottom again");
    }

    #[test]
    fn what_a_terminal_cannot_do_is_left_out() {
        let mut ladder = Ladder::new(Cures::default());
        let rungs: Vec<Rung> = climb(&mut ladder, 20).into_iter().map(|(_, rung)| rung).collect();
        assert_eq!(
            rungs,
            [Rung::Reconnect, Rung::Reconnect, Rung::Reenumerate, Rung::Reenumerate, Rung::OutOfService]
        );
        assert!(ladder.is_out_of_service());
        // It keeps trying.
        assert_eq!(ladder.failed(1_000_000), Some(Rung::Reenumerate));
        assert!(ladder.is_out_of_service());
    }

    #[test]
    fn a_reader_that_works_costs_nothing() {
        let mut ladder = Ladder::new(Cures::default());
        ladder.works();
        assert_eq!(ladder.recoveries(), 0);
        assert!(ladder.counts().iter().all(|(_, count)| *count == 0));
    }

    #[test]
    fn power_goes_off_and_on() {
        for (on, first, off) in
            [(PinState::High, State::High, State::Low), (PinState::Low, State::Low, State::High)]
        {
            let mut pin =
                Mock::new(&[Transaction::set(first), Transaction::set(off), Transaction::set(first)]);
            let mut switch = PowerSwitch::new(pin.clone(), on).unwrap();
            let mut waited = false;
            switch.cycle_with(|| waited = true).unwrap();
            assert!(waited);
            pin.done();
        }
    }

    #[test]
    fn commands_are_bounded() {
        assert!(run(&mut Command::new("true"), 5_000));
        assert!(!run(&mut Command::new("false"), 5_000));
        assert!(!run(&mut Command::new("/no/such/program"), 5_000));
        let start = Instant::now();
        assert!(!run(Command::new("sleep").arg("30"), 100));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

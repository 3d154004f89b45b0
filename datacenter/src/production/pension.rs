//! Pensions as terminals and staff ask for them.

use protocol::{
    id::TerminalId,
    pension::{PensionAnswer, PensionQuery, Schedule},
    problem::Problem,
};

use super::{Production, storage_problem};
use crate::{error::Error, storage::benefits::PlaceRow};

impl Production {
    /// How a person's pension stands now, and whether the card that is shown is blocked. Problems: `Storage`.
    pub fn pension(&self, query: &PensionQuery) -> Result<PensionAnswer, Problem> {
        // The clock first: an answer never claims to be newer than it is.
        let as_of = self.now();
        let key = query.person.key();
        let schedule = self.storage.schedule(key).map_err(storage_problem)?;
        let pension = schedule.as_ref().map(Schedule::as_one_amount);
        // Only where one amount does not say it all.
        let schedule = schedule.filter(|schedule| Some(schedule.pension) != pension);
        let state = self.storage.person(key).map_err(storage_problem)?.map(|person| person.state);
        let blocked = match query.card {
            Some(card) => self.storage.card_blocked(card).map_err(storage_problem)?,
            None => None,
        };
        Ok(PensionAnswer { pension, schedule, state, blocked, as_of })
    }

    /// Writes down where a terminal stands, in degrees, so that one person in two places can be noticed.
    ///
    /// Errors: `Input` for what is no place on earth, `Storage`.
    pub fn set_place(&self, terminal: TerminalId, latitude: f64, longitude: f64) -> Result<(), Error> {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(Error::input("a latitude is within 90 degrees, a longitude within 180"));
        }
        let millionths = |degrees: f64| (degrees * 1e6).round() as i32;
        Ok(self.storage.set_place(&PlaceRow {
            terminal,
            latitude_millionths: millionths(latitude),
            longitude_millionths: millionths(longitude),
        })?)
    }
}

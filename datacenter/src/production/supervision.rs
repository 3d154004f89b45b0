//! When a claim looks like a false one (冒领), as far as the center can tell by itself.
//!
//! These figures stay in the center: whoever knows them stays below.

use protocol::timestamp::Timestamp;

use crate::storage::{
    benefits::{ClaimRow, PlaceRow},
    rows::Kind,
};

/// So many comparisons that failed before a manual pass are an alarm.
pub(super) const NO_MATCHES_SUSPICIOUS: u8 = 3;

/// More manual passes of one clerk in a day are an alarm.
pub(super) const MANUAL_PASSES_DAY_MAX: u64 = 10;

/// Faster than any train or, with the ways to and from an airport, any flight inside a country.
const TRAVEL_KM_PER_HOUR_MAX: f64 = 400.0;

/// Nearer places are never too far apart: clocks differ, and places are written down roughly.
const DISTANCE_KM_MIN: f64 = 30.0;

/// A finger is fresh for so long after its enrolment.
const FRESH_MS_MAX: i64 = 7 * DAY_MS;

/// A card that the center has known for so long should have had its fingers enrolled before.
const OLD_CARD_MS_MIN: i64 = 365 * DAY_MS;

const DAY_MS: i64 = 24 * 3_600_000;

/// Whether nobody gets from one place to the other in the time between.
pub(super) fn too_far(here: &PlaceRow, there: &PlaceRow, at: Timestamp, other_at: Timestamp) -> bool {
    let distance = distance_km(here, there);
    let hours = at.0.abs_diff(other_at.0) as f64 / 3_600_000.0;
    distance >= DISTANCE_KM_MIN && distance > hours * TRAVEL_KM_PER_HOUR_MAX
}

/// Great-circle distance (haversine) on a sphere of 6371 km.
fn distance_km(a: &PlaceRow, b: &PlaceRow) -> f64 {
    let radians = |millionths: i32| (f64::from(millionths) / 1e6).to_radians();
    let (latitude_a, latitude_b) = (radians(a.latitude_millionths), radians(b.latitude_millionths));
    let north = latitude_b - latitude_a;
    let east = radians(b.longitude_millionths) - radians(a.longitude_millionths);
    let half_chord =
        (north / 2.0).sin().powi(2) + latitude_a.cos() * latitude_b.cos() * (east / 2.0).sin().powi(2);
    2.0 * 6_371.0 * half_chord.clamp(0.0, 1.0).sqrt().asin()
}

/// Whether this is the first claim by a finger that was enrolled just before, on a card that had long been
/// without. `earlier` are the person's claims so far, enrolments among them.
pub(super) fn fresh_finger(
    earlier: &[ClaimRow],
    card: Option<[u8; 12]>,
    card_since: Option<Timestamp>,
    at: Timestamp,
) -> bool {
    let (Some(card), Some(card_since)) = (card, card_since) else { return false };
    let claimed_before = earlier.iter().any(|claim| claim.kind != Kind::Enrolment && claim.at <= at);
    let of_card = |claim: &&ClaimRow| claim.kind == Kind::Enrolment && claim.card == Some(card);
    let enrolled = earlier.iter().filter(of_card).filter(|claim| claim.at <= at).map(|claim| claim.at).max();
    enrolled.is_some_and(|enrolled| {
        !claimed_before
            && enrolled.plus_ms(FRESH_MS_MAX) >= at
            && card_since.plus_ms(OLD_CARD_MS_MIN) <= enrolled
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use protocol::id::{TerminalId, TransactionId};

    use super::*;

    fn terminal() -> TerminalId {
        TerminalId::from_bcd([0; 6]).unwrap()
    }

    fn place(latitude_millionths: i32, longitude_millionths: i32) -> PlaceRow {
        PlaceRow { terminal: terminal(), latitude_millionths, longitude_millionths }
    }

    #[test]
    fn nobody_is_in_two_cities_within_an_hour() {
        // Changsha and Guangzhou, 563 km by the great circle.
        let (changsha, guangzhou) = (place(28_228_000, 112_939_000), place(23_129_000, 113_264_000));
        let distance = distance_km(&changsha, &guangzhou);
        assert!((560.0..575.0).contains(&distance), "{distance}");
        let hour = |hours: i64| Timestamp(hours * 3_600_000);
        assert!(too_far(&changsha, &guangzhou, hour(10), hour(11)));
        assert!(too_far(&changsha, &guangzhou, hour(11), hour(10)));
        assert!(!too_far(&changsha, &guangzhou, hour(10), hour(12)));
        // Across the town, at one moment by two clocks.
        assert!(!too_far(&changsha, &place(28_100_000, 112_939_000), hour(1), hour(1)));
        assert!(!too_far(&changsha, &changsha, hour(1), hour(1)));
    }

    #[test]
    fn a_finger_is_fresh_on_an_old_card_only() {
        let claim = |kind, day: i64| ClaimRow {
            id: TransactionId([1; 16]),
            person: 1,
            terminal: terminal(),
            kind,
            at: Timestamp(day * DAY_MS),
            card: Some([5; 12]),
            clerk: None,
            home: false,
        };
        let at = |day: i64| Timestamp(day * DAY_MS);
        let enrolled = [claim(Kind::Enrolment, 500)];
        let card = Some([5; 12]);
        assert!(fresh_finger(&enrolled, card, Some(at(0)), at(507)));
        assert!(!fresh_finger(&enrolled, card, Some(at(0)), at(508)));
        assert!(!fresh_finger(&enrolled, card, Some(at(200)), at(501)), "a new card");
        assert!(!fresh_finger(&enrolled, Some([6; 12]), Some(at(0)), at(501)), "another card");
        assert!(!fresh_finger(&enrolled, card, None, at(501)));
        let known = [claim(Kind::Certification, 300), claim(Kind::Enrolment, 500)];
        assert!(!fresh_finger(&known, card, Some(at(0)), at(501)), "not the first claim");
        assert!(!fresh_finger(&[], card, Some(at(0)), at(501)));
    }
}

//! What an alignment says for and against one finger.

use super::{
    LIKENESS_STEP, Prepared,
    align::{Alignment, Likeness},
    prepared::Point,
};
use crate::minutia::{Kind, MINUTIAE_MAX};

/// What a pair says for one finger, before anything is known of it.
const PAIR: f32 = 1.5;
/// What likeness of surroundings adds, and beyond which it adds no more.
const ALIKE: f32 = 0.35;
const ALIKE_ENOUGH: f32 = 6.0;
/// What being off takes away: in units of 6 pixels and of 0.2 radians, squared, at most three of each.
const OFF_PLACE: f32 = 0.35;
const OFF_PLACE_UNIT: f32 = 6.0;
const OFF_TURN: f32 = 0.6;
const OFF_TURN_UNIT: f32 = 0.2;
const OFF_ENOUGH: f32 = 3.0;
/// What the same kind adds and another takes away; ink and pressure turn endings into forks.
const KIND: f32 = 0.2;
/// What a minutia without a partner takes away.
const LONE: f32 = 0.35;
/// A place has been seen by the other impression when that has minutiae so near in three of four quarters.
const SEEN_REACH: f32 = 70.0;
const SEEN_QUARTERS: usize = 3;

/// The sum of what pairs and lone minutiae say.
pub(super) fn weigh(probe: &Prepared, gallery: &Prepared, likeness: &Likeness, alignment: &Alignment) -> f32 {
    let moved = alignment.moved(probe.points().len());
    let places = gallery.points();
    let (mut probe_paired, mut gallery_paired) = ([false; MINUTIAE_MAX], [false; MINUTIAE_MAX]);
    let mut sum = 0.0;
    for pair in alignment.pairs() {
        probe_paired[pair.probe] = true;
        gallery_paired[pair.gallery] = true;
        let place = (pair.dx * pair.dx + pair.dy * pair.dy) / (OFF_PLACE_UNIT * OFF_PLACE_UNIT);
        let turn = (pair.turn / OFF_TURN_UNIT) * (pair.turn / OFF_TURN_UNIT);
        let alike = f32::from(likeness[pair.probe][pair.gallery]) * LIKENESS_STEP;
        let kind = match (moved[pair.probe].kind, places[pair.gallery].kind) {
            (Kind::Other, _) | (_, Kind::Other) => 0.0,
            (one, two) if one == two => KIND,
            _ => -KIND,
        };
        sum += PAIR + ALIKE * least(alike, ALIKE_ENOUGH) + kind
            - OFF_PLACE * least(place, OFF_ENOUGH)
            - OFF_TURN * least(turn, OFF_ENOUGH);
    }
    let lone = |points: &[Point], is_paired: &[bool], others: &[Point]| {
        points.iter().zip(is_paired).filter(|(point, paired)| !**paired && is_seen(point, others)).count()
    };
    let lone = lone(moved, &probe_paired, places) + lone(places, &gallery_paired, moved);
    let score = sum - LONE * lone as f32;
    if score > 0.0 { score } else { 0.0 }
}

fn is_seen(point: &Point, others: &[Point]) -> bool {
    let mut quarters = [false; 4];
    for other in others {
        let (dx, dy) = (other.x - point.x, other.y - point.y);
        if dx * dx + dy * dy < SEEN_REACH * SEEN_REACH {
            quarters[usize::from(dx > 0.0) * 2 + usize::from(dy > 0.0)] = true;
        }
    }
    quarters.iter().filter(|is_set| **is_set).count() >= SEEN_QUARTERS
}

fn least(one: f32, two: f32) -> f32 {
    if one < two { one } else { two }
}

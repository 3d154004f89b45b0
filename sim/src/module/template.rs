//! Templates in the simulated maker's own format, and how alike two of them are.
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | `JSF1` |
//! | 4 | points, at most [`POINTS_MAX`] |
//! | 5 on | 4 bytes a point: x, y (in units of two pixels), angle, zero |
//! | last 2 | sum of all bytes before, most significant byte first |
//!
//! Only this module can read it, as it is with real ones.

use super::finger::Point;

/// Bytes of a template, as they are sent.
pub const TEMPLATE_BYTES: usize = 512;
/// Most points that fit.
const POINTS_MAX: usize = (TEMPLATE_BYTES - HEAD_BYTES - 2) / 4;
const MAGIC: [u8; 4] = *b"JSF1";
const HEAD_BYTES: usize = 5;
/// How far apart two points may be and still be the same: pixels, and 256ths of a circle.
const REACH: f32 = 9.0;
const TURN: u8 = 14;

/// A template, read.
#[derive(Clone, PartialEq)]
pub(super) struct Template {
    points: Vec<Point>,
}

impl Template {
    pub(super) fn new(points: Vec<Point>) -> Self {
        Self { points }
    }

    pub(super) fn points(&self) -> usize {
        self.points.len()
    }

    /// `None`: not of this maker, or damaged.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<2>()?;
        if bytes.len() != TEMPLATE_BYTES || sum_of(body).to_be_bytes() != *sum {
            return None;
        }
        let (count, points) = body.strip_prefix(&MAGIC)?.split_first()?;
        let points = points.as_chunks::<4>().0.get(..usize::from(*count))?;
        let point = |[x, y, angle, _]: &[u8; 4]| Point {
            x: f32::from(*x) * 2.0,
            y: f32::from(*y) * 2.0,
            angle: *angle,
        };
        Some(Self { points: points.iter().map(point).collect() })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let points = self.points.get(..self.points.len().min(POINTS_MAX)).unwrap_or_default();
        bytes.push(points.len() as u8);
        for point in points {
            // A pattern is smaller than 512 pixels each way.
            bytes.extend_from_slice(&[(point.x / 2.0) as u8, (point.y / 2.0) as u8, point.angle, 0]);
        }
        bytes.resize(TEMPLATE_BYTES - 2, 0);
        let sum = sum_of(&bytes).to_be_bytes();
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// How alike, 0 to 300; the same finger twice is above 100 as a rule, two fingers below 30.
    pub(super) fn score(&self, other: &Self) -> u16 {
        if self.points.is_empty() || other.points.is_empty() {
            return 0;
        }
        let mut free: Vec<&Point> = other.points.iter().collect();
        let mut pairs = 0.0_f32;
        for point in &self.points {
            let found = free.iter().position(|candidate| {
                let turned = point.angle.wrapping_sub(candidate.angle);
                (point.x - candidate.x).hypot(point.y - candidate.y) < REACH
                    && turned.min(turned.wrapping_neg()) < TURN
            });
            if let Some(found) = found {
                free.swap_remove(found);
                pairs += 1.0;
            }
        }
        let smaller = self.points.len().min(other.points.len()) as f32;
        // Few points that agree are worth less than many.
        (300.0 * pairs / smaller * (pairs / 20.0).min(1.0)) as u16
    }

    /// One template of two impressions; `None` when they are not of one finger.
    pub(super) fn combine(&self, other: &Self, threshold: u16) -> Option<Self> {
        if self.score(other) < threshold {
            return None;
        }
        let mut points = self.points.clone();
        for point in &other.points {
            let is_known = points.iter().any(|known| (known.x - point.x).hypot(known.y - point.y) < REACH);
            if !is_known && points.len() < POINTS_MAX {
                points.push(*point);
            }
        }
        Some(Self { points })
    }
}

fn sum_of(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{
        super::finger::{Condition, Finger},
        *,
    };

    fn template(person: u64, condition: &Condition, seed: u64) -> Template {
        Template::new(Finger::of_person(person, 1).points(condition, seed))
    }

    #[test]
    fn bytes_and_back() {
        let bytes = template(1, &Condition::default(), 1).to_bytes();
        assert_eq!(bytes.len(), TEMPLATE_BYTES);
        let read = Template::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        for at in 0..TEMPLATE_BYTES {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(Template::from_bytes(&damaged).is_none(), "byte {at}");
        }
        assert!(Template::from_bytes(&[]).is_none());
        assert!(Template::from_bytes(&[0; TEMPLATE_BYTES]).is_none());
    }

    #[test]
    fn one_finger_scores_high_and_two_do_not() {
        let good = Condition::default();
        for person in 0..60 {
            let first = template(person, &good, 1);
            let same = first.score(&template(person, &good, 2));
            let other = first.score(&template(person + 1, &good, 1));
            assert!(same > 100, "person {person}: {same}");
            assert!(other < 30, "person {person}: {other}");
            let rough = first.score(&template(person, &Condition::dry(), 3));
            assert!(rough < same, "person {person}: a dry finger scores {rough}, a good one {same}");
            let combined = first.combine(&template(person, &good, 2), 50).unwrap();
            assert!(combined.points() >= first.points());
            assert!(first.combine(&template(person + 1, &good, 1), 50).is_none());
        }
    }
}

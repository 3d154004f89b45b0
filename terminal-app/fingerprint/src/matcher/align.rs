//! Laying one impression on the other.

use super::{
    LIKENESS_STEP, MIDDLE, Prepared, SAME_PLACE, SAME_TURN,
    prepared::{Point, wrap},
};
use crate::minutia::MINUTIAE_MAX;

/// How far a partner may be, in pixels, round after round: skin is stretched, then the fit becomes better.
const REACH: [f32; 5] = [19.0, 18.0, 15.5, 13.0, 12.0];
/// How far its direction may be off.
const TURN_MAX: f32 = 0.45;
/// The first round that takes local stretch out.
const ELASTIC_FROM: usize = 2;
/// How far stretch is alike, in pixels.
const STRETCH_REACH: f32 = 45.0;
/// Weight of no stretch at all beside that of one near pair.
const STRETCH_REST: f32 = 0.6;
/// A direction counts in the fit like a second point so far away, in pixels.
const ARM: f32 = 30.0;
/// How much alike surroundings make a partner nearer.
const LIKENESS_SHARE: f32 = 0.05;
/// Likeness beyond which more says no more.
const LIKENESS_ENOUGH: f32 = 4.0;
/// Most pairs within reach that are looked at.
const CANDIDATES_MAX: usize = 1024;

/// Likeness of surroundings as the workspace keeps it.
pub(super) type Likeness = [[u8; MINUTIAE_MAX]; MINUTIAE_MAX];

/// A turn and a shift, in image axes with y down; the turn is counter-clockwise as seen.
#[derive(Clone, Copy)]
pub(super) struct Motion {
    turn: f32,
    cos: f32,
    sin: f32,
    x: f32,
    y: f32,
}

impl Motion {
    /// The motion that lays one minutia exactly on the other.
    pub(super) fn laying(probe: &Point, gallery: &Point) -> Self {
        let turn = wrap(gallery.angle - probe.angle);
        Self::about(turn, [probe.x, probe.y], [gallery.x, gallery.y])
    }

    /// A turn that takes one place to the other.
    fn about(turn: f32, from: [f32; 2], to: [f32; 2]) -> Self {
        let (sin, cos) = libm::sincosf(turn);
        let mut motion = Self { turn, cos, sin, x: 0.0, y: 0.0 };
        let [x, y] = motion.of(from);
        (motion.x, motion.y) = (to[0] - x, to[1] - y);
        motion
    }

    fn of(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.cos * x + self.sin * y + self.x, -self.sin * x + self.cos * y + self.y]
    }

    /// Whether two motions do the same with the middle of a finger.
    pub(super) fn is_near(&self, other: &Motion) -> bool {
        let [ax, ay] = self.of([MIDDLE, MIDDLE]);
        let [bx, by] = other.of([MIDDLE, MIDDLE]);
        let (dx, dy) = (ax - bx, ay - by);
        wrap(self.turn - other.turn).abs() < SAME_TURN && dx * dx + dy * dy < SAME_PLACE * SAME_PLACE
    }
}

/// Two minutiae that may be one.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) probe: usize,
    pub(super) gallery: usize,
    /// Pixels that are left between them.
    pub(super) dx: f32,
    pub(super) dy: f32,
    /// Radians that are left between their directions.
    pub(super) turn: f32,
}

#[derive(Clone, Copy)]
struct Candidate {
    cost: f32,
    pair: Pair,
}

/// One impression laid on the other.
pub(super) struct Alignment {
    /// The probe's minutiae as they come to lie.
    moved: [Point; MINUTIAE_MAX],
    pairs: heapless::Vec<Pair, MINUTIAE_MAX>,
    candidates: heapless::Vec<Candidate, CANDIDATES_MAX>,
}

impl Alignment {
    pub(super) const fn new() -> Self {
        const NOWHERE: Point = Point { x: 0.0, y: 0.0, angle: 0.0, kind: crate::minutia::Kind::Other };
        Self { moved: [NOWHERE; MINUTIAE_MAX], pairs: heapless::Vec::new(), candidates: heapless::Vec::new() }
    }

    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub(super) fn moved(&self, count: usize) -> &[Point] {
        &self.moved[..count]
    }

    /// Begins with a motion and betters it; `false` when fewer than two pairs are left.
    pub(super) fn find(
        &mut self,
        probe: &Prepared,
        gallery: &Prepared,
        likeness: &Likeness,
        first: Motion,
    ) -> bool {
        let mut motion = first;
        for (round, reach) in REACH.into_iter().enumerate() {
            self.lay(probe, motion);
            if round >= ELASTIC_FROM {
                self.stretch(gallery, probe.points().len());
            }
            self.pair_up(probe.points().len(), gallery, likeness, reach);
            if self.pairs.len() < 2 {
                return false;
            }
            if round + 1 < REACH.len() {
                motion = self.fit(probe, gallery);
                self.measure(probe, gallery, motion);
            }
        }
        true
    }

    fn lay(&mut self, probe: &Prepared, motion: Motion) {
        for (moved, point) in self.moved.iter_mut().zip(probe.points()) {
            let [x, y] = motion.of([point.x, point.y]);
            *moved = Point { x, y, angle: point.angle + motion.turn, kind: point.kind };
        }
    }

    /// Moves every minutia by what the pairs around it are off by.
    fn stretch(&mut self, gallery: &Prepared, count: usize) {
        for (at, moved) in self.moved[..count].iter_mut().enumerate() {
            let (mut x, mut y, mut weights) = (0.0, 0.0, STRETCH_REST);
            for pair in self.pairs.iter().filter(|pair| pair.probe != at) {
                let place = &gallery.points()[pair.gallery];
                let (dx, dy) = (place.x - moved.x, place.y - moved.y);
                let weight = libm::expf(-(dx * dx + dy * dy) / (2.0 * STRETCH_REACH * STRETCH_REACH));
                x += weight * pair.dx;
                y += weight * pair.dy;
                weights += weight;
            }
            moved.x += x / weights;
            moved.y += y / weights;
        }
    }

    /// Pairs what is within reach, the best first, each minutia once.
    fn pair_up(&mut self, count: usize, gallery: &Prepared, likeness: &Likeness, reach: f32) {
        self.candidates.clear();
        for (probe_at, moved) in self.moved[..count].iter().enumerate() {
            for (gallery_at, place) in gallery.points().iter().enumerate() {
                let (dx, dy) = (place.x - moved.x, place.y - moved.y);
                let distance = (dx * dx + dy * dy) / (reach * reach);
                if distance > 1.0 {
                    continue;
                }
                let turn = wrap(place.angle - moved.angle);
                if turn.abs() > TURN_MAX {
                    continue;
                }
                let alike = f32::from(likeness[probe_at][gallery_at]) * LIKENESS_STEP;
                let cost = distance + (turn / TURN_MAX) * (turn / TURN_MAX)
                    - LIKENESS_SHARE * if alike < LIKENESS_ENOUGH { alike } else { LIKENESS_ENOUGH };
                let pair = Pair { probe: probe_at, gallery: gallery_at, dx, dy, turn };
                // So many within reach are noise, of which a part is enough.
                let _ = self.candidates.push(Candidate { cost, pair });
            }
        }
        self.candidates.sort_unstable_by(|one, two| {
            one.cost
                .total_cmp(&two.cost)
                .then((one.pair.probe, one.pair.gallery).cmp(&(two.pair.probe, two.pair.gallery)))
        });
        let (mut probe_used, mut gallery_used) = ([false; MINUTIAE_MAX], [false; MINUTIAE_MAX]);
        self.pairs.clear();
        for Candidate { pair, .. } in &self.candidates {
            if !probe_used[pair.probe] && !gallery_used[pair.gallery] {
                probe_used[pair.probe] = true;
                gallery_used[pair.gallery] = true;
                // No more pairs than minutiae.
                let _ = self.pairs.push(*pair);
            }
        }
    }

    /// The motion that fits all pairs best, in least squares.
    fn fit(&self, probe: &Prepared, gallery: &Prepared) -> Motion {
        let points =
            || self.pairs.iter().map(|pair| (&probe.points()[pair.probe], &gallery.points()[pair.gallery]));
        let count = self.pairs.len() as f32;
        let mut from = [0.0; 2];
        let mut to = [0.0; 2];
        for (one, two) in points() {
            from = [from[0] + one.x / count, from[1] + one.y / count];
            to = [to[0] + two.x / count, to[1] + two.y / count];
        }
        let (mut sin, mut cos) = (0.0, 0.0);
        for (one, two) in points() {
            let (px, py, qx, qy) = (one.x - from[0], one.y - from[1], two.x - to[0], two.y - to[1]);
            let (arm_sin, arm_cos) = libm::sincosf(two.angle - one.angle);
            cos += px * qx + py * qy + ARM * ARM * arm_cos;
            sin += py * qx - px * qy + ARM * ARM * arm_sin;
        }
        Motion::about(libm::atan2f(sin, cos), from, to)
    }

    /// What the pairs are off by under the new motion.
    fn measure(&mut self, probe: &Prepared, gallery: &Prepared, motion: Motion) {
        for pair in &mut self.pairs {
            let (one, two) = (&probe.points()[pair.probe], &gallery.points()[pair.gallery]);
            let [x, y] = motion.of([one.x, one.y]);
            (pair.dx, pair.dy) = (two.x - x, two.y - y);
        }
    }
}

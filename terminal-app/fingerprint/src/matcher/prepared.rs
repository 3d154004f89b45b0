//! Minutiae with their surroundings.

use core::f32::consts::{PI, TAU};

use zeroize::Zeroize;

use crate::minutia::{Kind, MINUTIAE_MAX, Minutia, Minutiae};

/// Neighbours that describe a minutia.
pub(super) const NEIGHBOURS: usize = 10;

/// What a neighbour's distance may be off by, in pixels, and what more for each pixel of distance.
const DISTANCE_ROOM: f32 = 3.5;
const DISTANCE_ROOM_SHARE: f32 = 0.14;
/// What its bearing may be off by, in radians, and what more if it is near, in radians times pixels.
const BEARING_ROOM: f32 = 0.18;
const BEARING_ROOM_NEAR: f32 = 2.0;
/// What its direction may be off by, in radians.
const TURN_ROOM: f32 = 0.7;

/// Pixels of 500 dpi in a hundredth of a millimetre: the unit in which distances below were found.
const PIXELS: f32 = 500.0 / 2540.0;

/// One minutia, in pixels of 500 dpi and radians.
#[derive(Clone, Copy, Default)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) angle: f32,
    pub(super) kind: Kind,
}

/// Another minutia as seen from one.
#[derive(Clone, Copy, Default)]
pub(super) struct Neighbour {
    pub(super) distance: f32,
    /// Where it is, from our own direction.
    pub(super) bearing: f32,
    /// Its direction, from our own.
    pub(super) turn: f32,
}

/// Minutiae made ready for comparison. Wiped when dropped.
pub struct Prepared {
    count: usize,
    points: [Point; MINUTIAE_MAX],
    neighbours: [[Neighbour; NEIGHBOURS]; MINUTIAE_MAX],
    neighbour_count: usize,
}

impl Prepared {
    /// Makes minutiae ready.
    pub fn new(minutiae: &Minutiae) -> Self {
        let mut prepared = Self::empty();
        prepared.prepare(minutiae);
        prepared
    }

    /// Room for minutiae, with none in it; for memory that is kept and used again.
    pub const fn empty() -> Self {
        const NOWHERE: Point = Point { x: 0.0, y: 0.0, angle: 0.0, kind: Kind::Other };
        const NOBODY: Neighbour = Neighbour { distance: 0.0, bearing: 0.0, turn: 0.0 };
        Self {
            count: 0,
            points: [NOWHERE; MINUTIAE_MAX],
            neighbours: [[NOBODY; NEIGHBOURS]; MINUTIAE_MAX],
            neighbour_count: 0,
        }
    }

    /// Makes minutiae ready in this place; those of before are wiped. Needs no room for a second `Prepared`, which
    /// [`new`](Self::new) may take from the stack.
    pub fn prepare(&mut self, minutiae: &Minutiae) {
        self.wipe();
        self.count = minutiae.len();
        self.neighbour_count = NEIGHBOURS.min(minutiae.len().saturating_sub(1));
        for (point, minutia) in self.points.iter_mut().zip(minutiae.iter()) {
            *point = Point::from(minutia);
        }
        for at in 0..self.count {
            self.neighbours[at] = self.surroundings(at);
        }
    }

    fn wipe(&mut self) {
        for point in &mut self.points {
            point.x.zeroize();
            point.y.zeroize();
            point.angle.zeroize();
        }
        for neighbour in self.neighbours.iter_mut().flatten() {
            neighbour.distance.zeroize();
            neighbour.bearing.zeroize();
            neighbour.turn.zeroize();
        }
    }

    /// The minutiae.
    pub(super) fn points(&self) -> &[Point] {
        &self.points[..self.count]
    }

    /// What is near a minutia, the nearest first.
    pub(super) fn neighbours(&self, at: usize) -> &[Neighbour] {
        &self.neighbours[at][..self.neighbour_count]
    }

    fn surroundings(&self, at: usize) -> [Neighbour; NEIGHBOURS] {
        let own = self.points[at];
        let mut nearest = [Neighbour { distance: f32::MAX, ..Neighbour::default() }; NEIGHBOURS];
        for (other, point) in self.points().iter().enumerate() {
            if other == at {
                continue;
            }
            let (dx, dy) = (point.x - own.x, own.y - point.y);
            let distance = libm::sqrtf(dx * dx + dy * dy);
            let Some(place) = nearest.iter().position(|neighbour| distance < neighbour.distance) else {
                continue;
            };
            nearest.copy_within(place..NEIGHBOURS - 1, place + 1);
            nearest[place] = Neighbour {
                distance,
                bearing: wrap(libm::atan2f(dy, dx) - own.angle),
                turn: wrap(point.angle - own.angle),
            };
        }
        nearest
    }
}

impl From<&Minutia> for Point {
    fn from(minutia: &Minutia) -> Self {
        Self {
            x: f32::from(minutia.x) * PIXELS,
            y: f32::from(minutia.y) * PIXELS,
            angle: f32::from(minutia.angle) * (TAU / 256.0),
            kind: minutia.kind,
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The same angle between -π and π; takes angles up to five turns off.
pub(super) fn wrap(angle: f32) -> f32 {
    let mut angle = angle;
    while angle > PI {
        angle -= TAU;
    }
    while angle < -PI {
        angle += TAU;
    }
    angle
}

/// How alike two surroundings are: each neighbour of one finds at most one of the other, and what it adds,
/// at most 1, falls with what it is off by.
pub(super) fn likeness(one: &[Neighbour], two: &[Neighbour]) -> f32 {
    let mut is_used = [false; NEIGHBOURS];
    let mut sum = 0.0;
    for neighbour in one {
        let distance_room = DISTANCE_ROOM + DISTANCE_ROOM_SHARE * neighbour.distance;
        // A near neighbour's bearing hangs on a pixel.
        let near = if neighbour.distance > 8.0 { neighbour.distance } else { 8.0 };
        let bearing_room = BEARING_ROOM + BEARING_ROOM_NEAR / near;
        let mut best = (0.0, NEIGHBOURS);
        for (at, other) in two.iter().enumerate() {
            let distance = (neighbour.distance - other.distance).abs() / distance_room;
            if distance >= 1.0 || is_used[at] {
                continue;
            }
            let bearing = wrap(neighbour.bearing - other.bearing).abs() / bearing_room;
            let turn = wrap(neighbour.turn - other.turn).abs() / TURN_ROOM;
            if bearing >= 1.0 || turn >= 1.0 {
                continue;
            }
            let value = (1.0 - distance * distance) * (1.0 - bearing * bearing) * (1.0 - turn * turn);
            if value > best.0 {
                best = (value, at);
            }
        }
        if let Some(used) = is_used.get_mut(best.1) {
            *used = true;
            sum += best.0;
        }
    }
    sum
}

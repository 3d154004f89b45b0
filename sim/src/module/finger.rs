//! Fingers that never were: ridges grown from a seed, and what a sensor sees of them.
//!
//! A pattern is an orientation field of cores and deltas (zero-pole model of Sherlock and Monro) along which noise is
//! combed until it is ridges. One seed, one finger: the same in a sensor, at enrolment and on a card. They
//! exercise software; they say nothing about how well it recognises people.

use std::{
    f32::consts::PI,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Pixels in a row of an image.
pub const IMAGE_WIDTH: usize = 256;
/// Rows of an image.
pub const IMAGE_HEIGHT: usize = 288;

/// Size of the whole pattern, of which an image sees a part.
const MASTER_WIDTH: usize = 336;
const MASTER_HEIGHT: usize = 384;
/// How often noise is combed.
const ROUNDS: usize = 9;
/// Taps to either side across and along the ridges.
const ACROSS: i32 = 8;
const ALONG: i32 = 6;
/// Directions of half a turn.
const STEPS: u8 = 36;
/// Pixels around the pattern that filters may look at.
const MARGIN: usize = 9;
const PADDED: usize = MASTER_WIDTH + 2 * MARGIN;
/// Most patterns that are kept for the next image: 0.5 MB each.
const MASTERS_MAX: usize = 32;
/// Points of a finger that a module can find.
const POINTS: usize = 48;

/// Patterns grown lately, by seed.
type Masters = Vec<(u64, Arc<Master>)>;

static MASTERS: LazyLock<Mutex<Masters>> = LazyLock::new(Mutex::default);

/// Which finger of which made-up person.
///
/// Numbered as in ISO/IEC 19794-2: 1 is the right thumb, 6 the left one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Finger {
    seed: u64,
}

/// How a finger lies on the sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Turned by so many degrees, clockwise.
    pub rotation_deg: f32,
    /// Laid beside the middle, in pixels to the right and down.
    pub shift: (f32, f32),
    /// Part of the sensor that it covers, 1.0 for a well laid finger.
    pub cover: f32,
    /// 0.0 to 1.0: ridges fall apart.
    pub dryness: f32,
    /// 0.0 to 1.0: valleys run full.
    pub wetness: f32,
    /// 0.0 to 1.0: dirt and electronics.
    pub noise: f32,
    /// 0.0 to 1.0: patches without ridges, as on worn hands.
    pub wear: f32,
    /// It moves while the image is taken.
    pub is_moving: bool,
}

impl Default for Condition {
    /// Well laid.
    fn default() -> Self {
        Self {
            rotation_deg: 0.0,
            shift: (0.0, 0.0),
            cover: 1.0,
            dryness: 0.1,
            wetness: 0.1,
            noise: 0.05,
            wear: 0.0,
            is_moving: false,
        }
    }
}

impl Condition {
    /// Only a part of the finger.
    pub fn partial() -> Self {
        Self { cover: 0.35, shift: (40.0, 70.0), ..Self::default() }
    }

    /// Turned.
    pub fn rotated(degrees: f32) -> Self {
        Self { rotation_deg: degrees, ..Self::default() }
    }

    /// Dry skin.
    pub fn dry() -> Self {
        Self { dryness: 0.8, wetness: 0.0, ..Self::default() }
    }

    /// Wet skin.
    pub fn wet() -> Self {
        Self { wetness: 0.9, dryness: 0.0, ..Self::default() }
    }

    /// A dirty sensor.
    pub fn noisy() -> Self {
        Self { noise: 0.7, ..Self::default() }
    }

    /// A hand that has worked.
    pub fn worn() -> Self {
        Self { wear: 0.7, dryness: 0.5, ..Self::default() }
    }

    /// Moved too early.
    pub fn moving() -> Self {
        Self { is_moving: true, ..Self::default() }
    }

    /// 0 for a well laid finger, about 1 for one that is hardly of use.
    pub fn severity(&self) -> f32 {
        let skin = self.dryness * self.dryness + self.wetness * self.wetness;
        let laid = (self.rotation_deg.abs() / 60.0).powi(2) + (1.0 - self.cover).max(0.0);
        ((skin + self.noise * self.noise + self.wear * self.wear) * 0.5 + laid * 0.6).min(1.5)
    }
}

/// One point of a finger, in pixels of the pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
    /// Full circle is 256.
    pub(super) angle: u8,
}

impl Finger {
    /// The finger of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { seed }
    }

    /// This finger, 1 to 10, of the person with this number.
    pub fn of_person(person: u64, position: u8) -> Self {
        // Two numbers into one, so that neighbours have nothing in common.
        let mut rng = ChaCha8Rng::seed_from_u64(person);
        rng.set_stream(u64::from(position));
        Self { seed: rng.next_u64() }
    }

    /// What a sensor of 500 dpi sees: [`IMAGE_HEIGHT`] rows of [`IMAGE_WIDTH`] grey values, 0 black, cut to
    /// 16 levels as such sensors send them. `seed` is another for each time the finger is laid down.
    ///
    /// The pattern is grown at the first call for a finger, which takes half a second in an unoptimised build.
    pub fn image(&self, condition: &Condition, seed: u64) -> Vec<u8> {
        impression(&self.master(), condition, seed)
    }

    /// Grows the pattern, so that the next image takes no time.
    pub(super) fn prepare(&self) {
        self.master();
    }

    /// What a module finds of it: some points are missed, those found are a little off.
    pub(super) fn points(&self, condition: &Condition, seed: u64) -> Vec<Point> {
        let mut own = ChaCha8Rng::seed_from_u64(self.seed);
        own.set_stream(1);
        let mut now = ChaCha8Rng::seed_from_u64(self.seed ^ seed.rotate_left(32));
        now.set_stream(2);
        let severity = condition.severity();
        let (width, height) = (MASTER_WIDTH as f32, MASTER_HEIGHT as f32);
        let reach = condition.cover.clamp(0.0, 1.0).sqrt() * 0.5;
        let seen = |at: f32, size: f32, shift: f32| ((at - shift) / size - 0.5).abs() <= reach;
        let mut points = Vec::new();
        for _ in 0..POINTS {
            let mut point =
                Point { x: unit(&mut own) * width, y: unit(&mut own) * height, angle: own.next_u32() as u8 };
            let is_missed = unit(&mut now) < 0.05 + severity * 0.55;
            point.x += (unit(&mut now) - 0.5) * (2.0 + severity * 6.0);
            point.y += (unit(&mut now) - 0.5) * (2.0 + severity * 6.0);
            point.angle = point.angle.wrapping_add((now.next_u32() % 9) as u8).wrapping_sub(4);
            let is_seen = seen(point.x, width, condition.shift.0) && seen(point.y, height, condition.shift.1);
            if !is_missed && is_seen {
                points.push(point);
            }
        }
        // Dirt looks like points.
        for _ in 0..(severity * 8.0) as usize {
            points.push(Point {
                x: unit(&mut now) * width,
                y: unit(&mut now) * height,
                angle: now.next_u32() as u8,
            });
        }
        points
    }

    fn master(&self) -> Arc<Master> {
        let find = |masters: &[(u64, Arc<Master>)]| {
            masters.iter().find(|(seed, _)| *seed == self.seed).map(|(_, master)| Arc::clone(master))
        };
        if let Some(master) = find(&MASTERS.lock().unwrap_or_else(PoisonError::into_inner)) {
            return master;
        }
        let master = Arc::new(Master::grow(self.seed));
        let mut masters = MASTERS.lock().unwrap_or_else(PoisonError::into_inner);
        if masters.len() >= MASTERS_MAX {
            masters.remove(0);
        }
        masters.push((self.seed, Arc::clone(&master)));
        master
    }
}

impl fmt::Debug for Finger {
    /// Without the seed: it is the finger.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finger")
    }
}

/// The ridges of a whole finger: 1 on a ridge, -1 in a valley.
struct Master {
    ridges: Vec<f32>,
}

impl Master {
    fn grow(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let flow = Flow::new(&mut rng);
        let period = 8.2 + unit(&mut rng) * 1.6;
        // Directions in steps: a filter is the same for all pixels of one step.
        let mut steps = Vec::with_capacity(MASTER_WIDTH * MASTER_HEIGHT);
        for y in 0..MASTER_HEIGHT {
            for x in 0..MASTER_WIDTH {
                let half_turns = flow.direction(x as f32, y as f32) / PI;
                steps.push((half_turns.rem_euclid(1.0) * STEPS as f32) as u8 % STEPS);
            }
        }
        // Across the ridges a wave of their distance; flat areas are neither ridge nor valley.
        let wave = |at: f32| (-at * at / (2.0 * 3.4 * 3.4)).exp() * (2.0 * PI * at / period).cos();
        let mean = (-ACROSS..=ACROSS).map(|at| wave(at as f32)).sum::<f32>() / (2 * ACROSS + 1) as f32;
        let across = filters(ACROSS, |at| wave(at) - mean, |cos, sin| (-sin, cos));
        let along = filters(ALONG, |at| 0.35 * (-at * at / (2.0 * 2.8 * 2.8)).exp(), |cos, sin| (cos, sin));
        let mut ridges: Vec<f32> =
            (0..PADDED * (MASTER_HEIGHT + 2 * MARGIN)).map(|_| unit(&mut rng) - 0.5).collect();
        for _ in 0..ROUNDS {
            ridges = convolve(&ridges, &steps, &across);
            ridges = convolve(&ridges, &steps, &along);
        }
        Self { ridges }
    }

    /// Between pixels; outside of the pattern there is nothing.
    fn sample(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let at = |dx: f32, dy: f32| {
            let (x, y) = (left + dx, top + dy);
            if x < 0.0 || y < 0.0 || x >= MASTER_WIDTH as f32 || y >= MASTER_HEIGHT as f32 {
                return -1.0;
            }
            self.ridges.get(place(x as usize, y as usize)).copied().unwrap_or(-1.0)
        };
        (at(0.0, 0.0) * (1.0 - fx) + at(1.0, 0.0) * fx) * (1.0 - fy)
            + (at(0.0, 1.0) * (1.0 - fx) + at(1.0, 1.0) * fx) * fy
    }
}

/// Where a pixel is among those of a pattern with its margin.
fn place(x: usize, y: usize) -> usize {
    (y + MARGIN) * PADDED + x + MARGIN
}

/// For each step of direction the taps of a filter along `turn` of it: how far away in the pattern, and the weight.
fn filters(
    reach: i32,
    weight: impl Fn(f32) -> f32,
    turn: impl Fn(f32, f32) -> (f32, f32),
) -> Vec<Vec<(isize, f32)>> {
    let filter = |step: u8| {
        let (sin, cos) = ((f32::from(step) + 0.5) / f32::from(STEPS) * PI).sin_cos();
        let (dx, dy) = turn(cos, sin);
        let tap = |at: i32| {
            let at = at as f32;
            let (column, row) = ((dx * at).round() as isize, (dy * at).round() as isize);
            (row * PADDED as isize + column, weight(at))
        };
        (-reach..=reach).map(tap).collect()
    };
    (0..STEPS).map(filter).collect()
}

/// One pass of a filter in the direction of each pixel, then a soft limit. The margin stays as it is.
fn convolve(from: &[f32], steps: &[u8], filters: &[Vec<(isize, f32)>]) -> Vec<f32> {
    let mut to = from.to_vec();
    for (index, step) in steps.iter().enumerate() {
        let here = place(index % MASTER_WIDTH, index / MASTER_WIDTH);
        let mut sum = 0.0;
        for (away, weight) in &filters[usize::from(*step)] {
            // No tap reaches beyond the margin.
            sum += weight * from[here.wrapping_add_signed(*away)];
        }
        to[here] = sum.tanh();
    }
    to
}

/// Where ridges run: cores and deltas.
struct Flow {
    cores: Vec<(f32, f32)>,
    deltas: Vec<(f32, f32)>,
    /// Without either, an arch.
    arch: f32,
}

impl Flow {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let (width, height) = (MASTER_WIDTH as f32, MASTER_HEIGHT as f32);
        let mut near =
            |x: f32, y: f32| (width * x + (unit(rng) - 0.5) * 30.0, height * y + (unit(rng) - 0.5) * 30.0);
        let (upper, lower) = (near(0.5, 0.42), near(0.5, 0.55));
        let (left, right) = (near(0.14, 0.86), near(0.86, 0.86));
        // As often as in people, about: loops 65, whorls 30, arches 5 of 100.
        match rng.next_u32() % 20 {
            0 => Self { cores: Vec::new(), deltas: Vec::new(), arch: 0.9 + unit(rng) * 0.6 },
            1..=6 => Self { cores: vec![upper, lower], deltas: vec![left, right], arch: 0.0 },
            7..=13 => Self { cores: vec![upper], deltas: vec![left], arch: 0.0 },
            _ => Self { cores: vec![upper], deltas: vec![right], arch: 0.0 },
        }
    }

    /// Angle of the ridge through a point.
    fn direction(&self, x: f32, y: f32) -> f32 {
        if self.cores.is_empty() {
            let (width, height) = (MASTER_WIDTH as f32, MASTER_HEIGHT as f32);
            let height_part = (y / height * PI).sin().max(0.0);
            return (-self.arch * height_part * (x / width * 2.0 * PI).sin()).atan();
        }
        let around =
            |points: &[(f32, f32)]| -> f32 { points.iter().map(|(px, py)| (y - py).atan2(x - px)).sum() };
        // The constant lets ridges run across at the foot of the finger.
        0.5 * (around(&self.cores) - around(&self.deltas))
            + if self.cores.len() == self.deltas.len() { 0.0 } else { PI / 2.0 }
    }
}

fn impression(master: &Master, condition: &Condition, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (sin, cos) = condition.rotation_deg.to_radians().sin_cos();
    // Skin stretches: slow waves of one to three pixels.
    let waves: [(f32, f32, f32, f32); 4] = std::array::from_fn(|_| {
        let turn = || PI / 90.0;
        (
            (unit(&mut rng) - 0.5) * turn(),
            (unit(&mut rng) - 0.5) * turn(),
            unit(&mut rng) * 2.0 * PI,
            0.6 + unit(&mut rng) * 0.8,
        )
    });
    let spots = Spots::new(&mut rng);
    let (middle_x, middle_y) = (IMAGE_WIDTH as f32 / 2.0, IMAGE_HEIGHT as f32 / 2.0);
    let cover = condition.cover.clamp(0.05, 1.5).sqrt();
    let mut image = Vec::with_capacity(IMAGE_WIDTH * IMAGE_HEIGHT);
    for row in 0..IMAGE_HEIGHT {
        for column in 0..IMAGE_WIDTH {
            let (x, y) = (column as f32 - middle_x, row as f32 - middle_y);
            let (x, y) = (x - condition.shift.0, y - condition.shift.1);
            let (mut mx, mut my) = (x * cos + y * sin, y * cos - x * sin);
            let (flat_x, flat_y) = (mx / (118.0 * cover), my / (136.0 * cover));
            for (fx, fy, phase, size) in waves {
                let wave = (mx * fx + my * fy + phase).sin() * size;
                mx += wave;
                my -= wave * 0.7;
            }
            let blur = if condition.is_moving { 6.0 } else { 0.0 };
            let (sx, sy) = (mx + MASTER_WIDTH as f32 / 2.0, my + MASTER_HEIGHT as f32 / 2.0);
            let mut ridge = master.sample(sx, sy);
            if blur > 0.0 {
                ridge = (ridge + master.sample(sx + blur, sy) + master.sample(sx - blur, sy + blur)) / 3.0;
            }
            let texture = spots.at(sx, sy, 0.35);
            let patch = spots.at(sx, sy, 0.035);
            let mut dark = ridge + condition.wetness * (0.9 + 0.5 * patch) - condition.dryness * 0.5;
            dark -= condition.dryness * (texture * 1.1).max(0.0) * 1.6;
            if patch > 1.0 - condition.wear {
                dark = dark * 0.25 - 0.4;
            }
            dark += (unit(&mut rng) - 0.5) * condition.noise * 2.4;
            let edge = flat_x * flat_x + flat_y * flat_y + 0.12 * patch;
            let contact = ((1.0 - edge) * 9.0).clamp(0.0, 1.0);
            let grey = 225.0 - contact * (110.0 + 95.0 * (dark * 1.6).tanh());
            let grey = grey + (unit(&mut rng) - 0.5) * (6.0 + condition.noise * 40.0);
            image.push(grey.clamp(0.0, 255.0) as u8 / 17 * 17);
        }
    }
    image
}

/// Smooth chance over the plane.
struct Spots {
    values: Vec<f32>,
}

impl Spots {
    const SIDE: usize = 64;

    fn new(rng: &mut ChaCha8Rng) -> Self {
        Self { values: (0..Self::SIDE * Self::SIDE).map(|_| unit(rng) * 2.0 - 1.0).collect() }
    }

    /// -1 to 1; spots are about `1 / frequency` pixels wide.
    fn at(&self, x: f32, y: f32, frequency: f32) -> f32 {
        let (x, y) = ((x + 1_000.0) * frequency, (y + 1_000.0) * frequency);
        let (fx, fy) = (x.fract(), y.fract());
        let (column, row) = (x as usize, y as usize);
        let value = |dx: usize, dy: usize| {
            self.values[(row + dy) % Self::SIDE * Self::SIDE + (column + dx) % Self::SIDE]
        };
        let upper = value(0, 0) * (1.0 - fx) + value(1, 0) * fx;
        let lower = value(0, 1) * (1.0 - fx) + value(1, 1) * fx;
        upper * (1.0 - fy) + lower * fy
    }
}

/// 0.0 to 1.0.
fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_finger_and_images_differ() {
        let finger = Finger::of_person(7, 2);
        assert_eq!(finger, Finger::of_person(7, 2));
        assert_ne!(finger, Finger::of_person(7, 3));
        assert_ne!(finger, Finger::of_person(8, 2));
        let image = finger.image(&Condition::default(), 1);
        assert_eq!(image.len(), IMAGE_WIDTH * IMAGE_HEIGHT);
        assert_eq!(image, finger.image(&Condition::default(), 1));
        assert_ne!(image, finger.image(&Condition::default(), 2));
        assert!(image.iter().all(|grey| grey % 17 == 0), "16 levels");
    }

    /// Ridges have the distance that people's have: 7 to 12 pixels at 500 dpi, counted along all rows and
    /// columns of the middle, where a ridge that runs askew counts as wider.
    #[test]
    fn ridges_are_as_wide_as_peoples() {
        let image = Finger::of_person(1, 1).image(&Condition::default(), 3);
        let dark = |column: usize, row: usize| image[row * IMAGE_WIDTH + column] < 128;
        let mut changes = 0;
        for row in 94..194 {
            changes += (78..178).filter(|column| dark(*column, row) != dark(column + 1, row)).count();
        }
        for column in 78..178 {
            changes += (94..194).filter(|row| dark(column, *row) != dark(column, row + 1)).count();
        }
        // Rows and columns of 100 pixels, 100 of each: a pattern of period p crosses 2 x 100 / p edges along
        // its normal, and about 4/pi times that along rows and columns together.
        let period = 2.0 * 100.0 * 100.0 * (4.0 / PI) / changes as f32;
        assert!((6.0..13.0).contains(&period), "{period} pixels");
    }

    #[test]
    fn conditions_show() {
        let finger = Finger::of_person(2, 1);
        let mean = |condition: &Condition| {
            let image = finger.image(condition, 5);
            image.iter().map(|grey| u64::from(*grey)).sum::<u64>() / image.len() as u64
        };
        let good = mean(&Condition::default());
        assert!(mean(&Condition::wet()) + 20 < good, "wet is darker");
        assert!(mean(&Condition::dry()) > good + 5, "dry is lighter");
        assert!(mean(&Condition::partial()) > good + 20, "a part leaves white");
        assert!(Condition::default().severity() < 0.05);
        assert!(Condition::partial().severity() > 0.3);
    }
}

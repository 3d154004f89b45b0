//! Ridges made clear: at every place a wave of the ridge's own direction and distance (Gabor filter; Hong,
//! Wan, Jain 1998).

use std::f32::consts::PI;

use super::field::{Orientation, Period};
use crate::plane::Plane;

const RADIUS: usize = 11;
const SPAN: usize = 2 * RADIUS + 1;
const DIRECTIONS: usize = 32;
const PERIOD_STEPS: usize = 10;
const PERIOD_MIN: f32 = 4.6;
const PERIOD_MAX: f32 = 15.0;
/// Width of a filter across the ridges, in their distance.
const ACROSS: f32 = 0.34;
/// Share of ridges in what is seen, below which nothing is believed.
const RELIABILITY_MIN: f32 = 0.25;
/// The same for their direction.
const SURENESS_MIN: f32 = 0.25;

/// Answer of the filters: in step with the ridges and a quarter off.
pub(super) struct Enhanced {
    pub(super) even: Plane,
    pub(super) odd: Plane,
}

struct Kernel {
    even: [[f32; SPAN]; SPAN],
    odd: [[f32; SPAN]; SPAN],
}

impl Kernel {
    fn new(angle: f32, period: f32, along: f32) -> Self {
        let across = ACROSS * period;
        let mut even = [[0.0; SPAN]; SPAN];
        let mut odd = [[0.0; SPAN]; SPAN];
        let (nx, ny) = (-angle.sin(), angle.cos());
        let mut envelope = [[0.0; SPAN]; SPAN];
        let (mut sum, mut weight) = (0.0, 0.0);
        for y in 0..SPAN {
            for x in 0..SPAN {
                let (dx, dy) = (x as f32 - RADIUS as f32, y as f32 - RADIUS as f32);
                let (u, v) = (dx * nx + dy * ny, dx * ny - dy * nx);
                let gauss = (-0.5 * ((u / across).powi(2) + (v / along).powi(2))).exp();
                let phase = 2.0 * PI * u / period;
                envelope[y][x] = gauss;
                even[y][x] = gauss * phase.cos();
                odd[y][x] = gauss * phase.sin();
                sum += even[y][x];
                weight += gauss;
            }
        }
        // No answer to evenness, an answer of about one to a ridge pattern of one.
        let mut power = 0.0;
        for y in 0..SPAN {
            for x in 0..SPAN {
                even[y][x] -= envelope[y][x] * sum / weight;
                let (dx, dy) = (x as f32 - RADIUS as f32, y as f32 - RADIUS as f32);
                power += even[y][x] * (2.0 * PI * (dx * nx + dy * ny) / period).cos();
            }
        }
        for row in even.iter_mut().chain(odd.iter_mut()) {
            row.iter_mut().for_each(|value| *value /= power);
        }
        Self { even, odd }
    }
}

/// Filters the image where `mask` is set.
pub(super) fn enhance(
    image: &Plane,
    orientation: &Orientation,
    period: &Period,
    mask: &[bool],
    along: f32,
) -> Enhanced {
    let (width, height) = (image.width, image.height);
    let mut kernels: Vec<Option<Box<Kernel>>> = (0..DIRECTIONS * PERIOD_STEPS).map(|_| None).collect();
    let ratio = (PERIOD_MAX / PERIOD_MIN).ln() / (PERIOD_STEPS - 1) as f32;
    let (wide, tall) = (width + 2 * RADIUS, height + 2 * RADIUS);
    let mut padded = vec![0.0; wide * tall];
    for y in 0..tall {
        for x in 0..wide {
            padded[y * wide + x] = image.clamped(x as isize - RADIUS as isize, y as isize - RADIUS as isize);
        }
    }
    let mut even = Plane::new(width, height);
    let mut odd = Plane::new(width, height);
    for y in 0..height {
        for x in 0..width {
            let at = y * width + x;
            if !mask[at] {
                continue;
            }
            let direction = (orientation.angle(at) / PI * DIRECTIONS as f32).round() as usize % DIRECTIONS;
            let step = (period.at(x, y) / PERIOD_MIN).ln() / ratio;
            let step = step.round().clamp(0.0, (PERIOD_STEPS - 1) as f32) as usize;
            let kernel = kernels[direction * PERIOD_STEPS + step].get_or_insert_with(|| {
                Box::new(Kernel::new(
                    direction as f32 * PI / DIRECTIONS as f32,
                    PERIOD_MIN * (ratio * step as f32).exp(),
                    along,
                ))
            });
            let mut sums = [[0.0_f32; 2]; SPAN];
            for (row, (evens, odds)) in kernel.even.iter().zip(&kernel.odd).enumerate() {
                let from = (y + row) * wide + x;
                let pixels = &padded[from..from + SPAN];
                for column in 0..SPAN {
                    sums[column][0] += evens[column] * pixels[column];
                    sums[column][1] += odds[column] * pixels[column];
                }
            }
            even.values[at] = sums.iter().map(|sum| sum[0]).sum();
            odd.values[at] = sums.iter().map(|sum| sum[1]).sum();
        }
    }
    Enhanced { even, odd }
}

/// How much of the image around a place is explained by its ridges, 0 to 1.
pub(super) fn reliability(enhanced: &Enhanced, normal: &Plane) -> Plane {
    let power = enhanced.even.zip(&enhanced.odd, |even, odd| 0.5 * (even * even + odd * odd)).smooth(6.0);
    let total = normal.map(|value| value * value).smooth(6.0);
    power.zip(&total, |power, total| (power / (total + 0.05)).sqrt().min(1.0))
}

/// Where minutiae may be believed.
pub(super) fn usable(mask: &[bool], reliability: &Plane, orientation: &Orientation) -> Vec<bool> {
    let raw: Vec<f32> = mask
        .iter()
        .enumerate()
        .map(|(at, inside)| {
            if *inside && reliability.values[at] > RELIABILITY_MIN && orientation.sureness(at) > SURENESS_MIN
            {
                1.0
            } else {
                0.0
            }
        })
        .collect();
    let soft = Plane::from_values(reliability.width, reliability.height, raw).smooth(5.0);
    soft.values.iter().zip(mask).map(|(value, inside)| *inside && *value > 0.5).collect()
}

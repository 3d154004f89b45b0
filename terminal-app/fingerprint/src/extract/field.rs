//! Where the finger is, which way its ridges run, and how far apart they are.

use std::f32::consts::PI;

use crate::plane::Plane;

/// Local mean and contrast taken out (Hong, Wan, Jain 1998, with moving windows instead of the whole image).
/// Gives the normalised image and the contrast.
pub(super) fn normalise(raw: &Plane) -> (Plane, Plane) {
    const SIGMA: f32 = 12.0;
    /// Contrast below which noise must not be blown up.
    const FLOOR: f32 = 8.0;
    let mean = raw.smooth(SIGMA);
    let difference = raw.zip(&mean, |value, mean| value - mean);
    let contrast =
        difference.map(|value| value * value).smooth(SIGMA * 0.8).map(|value| value.max(0.0).sqrt());
    let normal = difference.zip(&contrast, |value, contrast| (value / (contrast + FLOOR)).clamp(-2.5, 2.5));
    (normal, contrast)
}

/// Where there is contrast.
pub(super) fn foreground(contrast: &Plane) -> Vec<bool> {
    let mut sorted = contrast.values.clone();
    sorted.sort_by(f32::total_cmp);
    let high = sorted[sorted.len() * 9 / 10];
    let limit = (0.30 * high).max(5.0);
    let soft = contrast.map(|value| if value > limit { 1.0 } else { 0.0 }).smooth(8.0);
    soft.values.iter().map(|value| *value > 0.5).collect()
}

/// Direction of ridges, as the vector of the doubled angle; its length says how sure it is.
pub(super) struct Orientation {
    pub(super) cos: Plane,
    pub(super) sin: Plane,
}

impl Orientation {
    /// From the gradients' tensor, then smoothed with the sure places counting more (Bazen, Gerez 2002).
    pub(super) fn of(image: &Plane, [before, sigma, after]: [f32; 3]) -> Self {
        let soft = image.smooth(before);
        let (width, height) = (image.width, image.height);
        let [mut xx, mut yy, mut xy] = std::array::from_fn(|_| Plane::new(width, height));
        for y in 0..height {
            for x in 0..width {
                let (ix, iy) = (x as isize, y as isize);
                let dx = soft.clamped(ix + 1, iy) - soft.clamped(ix - 1, iy);
                let dy = soft.clamped(ix, iy + 1) - soft.clamped(ix, iy - 1);
                let at = y * width + x;
                xx.values[at] = dx * dx;
                yy.values[at] = dy * dy;
                xy.values[at] = dx * dy;
            }
        }
        let (xx, yy, xy) = (xx.smooth(sigma), yy.smooth(sigma), xy.smooth(sigma));
        let mut cos = Plane::new(width, height);
        let mut sin = Plane::new(width, height);
        for at in 0..xx.values.len() {
            let sum = xx.values[at] + yy.values[at] + 1e-3;
            // Ridges run across the gradient: the doubled angle is turned by half.
            let (c, s) = ((yy.values[at] - xx.values[at]) / sum, -2.0 * xy.values[at] / sum);
            let weight = (c * c + s * s).sqrt();
            cos.values[at] = c * weight;
            sin.values[at] = s * weight;
        }
        let (cos, sin) = (cos.smooth(after), sin.smooth(after));
        Self { cos, sin }
    }

    /// Angle of the ridge in radians, 0 to π, in image axes (y down).
    pub(super) fn angle(&self, at: usize) -> f32 {
        let angle = 0.5 * self.sin.values[at].atan2(self.cos.values[at]);
        if angle < 0.0 { angle + PI } else { angle }
    }

    pub(super) fn sureness(&self, at: usize) -> f32 {
        (self.cos.values[at].powi(2) + self.sin.values[at].powi(2)).sqrt().sqrt()
    }
}

/// Distance of ridges in pixels.
pub(super) struct Period {
    cells: Plane,
}

const CELL: usize = 8;
const PERIODS: [f32; 7] = [4.8, 5.8, 7.0, 8.4, 10.1, 12.1, 14.6];

impl Period {
    /// From the strength of waves of seven lengths across the ridges, then smoothed.
    pub(super) fn of(image: &Plane, orientation: &Orientation, mask: &[bool]) -> Self {
        const RADIUS: isize = 14;
        const SIGMA: f32 = 6.5;
        let (columns, rows) = (image.width.div_ceil(CELL), image.height.div_ceil(CELL));
        let mut value = Plane::new(columns, rows);
        let mut weight = Plane::new(columns, rows);
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = (
                    (column * CELL + CELL / 2).min(image.width - 1),
                    (row * CELL + CELL / 2).min(image.height - 1),
                );
                let at = y * image.width + x;
                if !mask[at] {
                    continue;
                }
                let angle = orientation.angle(at);
                let (nx, ny) = (-angle.sin(), angle.cos());
                // The profile across the ridges, weighted along them.
                let mut profile = [0.0_f32; 2 * RADIUS as usize + 1];
                let mut weights = [1e-6_f32; 2 * RADIUS as usize + 1];
                for dy in -RADIUS..=RADIUS {
                    for dx in -RADIUS..=RADIUS {
                        let across = dx as f32 * nx + dy as f32 * ny;
                        let bin = across.round() as isize + RADIUS;
                        if !(0..=2 * RADIUS).contains(&bin) {
                            continue;
                        }
                        let along = dx as f32 * ny - dy as f32 * nx;
                        let w = (-0.5 * (along / 5.0).powi(2)).exp();
                        profile[bin as usize] += w * image.clamped(x as isize + dx, y as isize + dy);
                        weights[bin as usize] += w;
                    }
                }
                for (value, weight) in profile.iter_mut().zip(weights) {
                    *value /= weight;
                }
                let mut strength = [0.0_f32; PERIODS.len()];
                for (strength, period) in strength.iter_mut().zip(PERIODS) {
                    let (mut c, mut s, mut total) = (0.0, 0.0, 0.0);
                    let (mut mean, mut cc, mut ss) = (0.0, 0.0, 0.0);
                    for (bin, value) in profile.iter().enumerate() {
                        let t = bin as f32 - RADIUS as f32;
                        let w = (-0.5 * (t / SIGMA).powi(2)).exp();
                        let phase = 2.0 * PI * t / period;
                        c += w * value * phase.cos();
                        s += w * value * phase.sin();
                        cc += w * phase.cos();
                        ss += w * phase.sin();
                        mean += w * value;
                        total += w;
                    }
                    c -= cc * mean / total;
                    s -= ss * mean / total;
                    *strength = (c * c + s * s).sqrt() / total;
                }
                let best =
                    (0..PERIODS.len()).max_by(|a, b| strength[*a].total_cmp(&strength[*b])).unwrap_or(3);
                let mut log = PERIODS[best].ln();
                if (1..PERIODS.len() - 1).contains(&best) {
                    let (a, b, c) = (strength[best - 1], strength[best], strength[best + 1]);
                    let step = 0.5 * (a - c) / (a - 2.0 * b + c).min(-1e-6);
                    log += step.clamp(-0.5, 0.5) * (PERIODS[1] / PERIODS[0]).ln();
                }
                let sure = strength[best] * orientation.sureness(at);
                value.values[row * columns + column] = log * sure;
                weight.values[row * columns + column] = sure;
            }
        }
        let (value, weight) = (value.smooth(2.6), weight.smooth(2.6));
        // Where nothing is known, the finger's mean.
        let sum: f32 = weight.values.iter().sum();
        let mean = if sum > 1e-3 { value.values.iter().sum::<f32>() / sum } else { 9.0_f32.ln() };
        let cells = value.zip(&weight, |value, weight| ((value + 0.02 * mean) / (weight + 0.02)).exp());
        Self { cells }
    }

    pub(super) fn at(&self, x: usize, y: usize) -> f32 {
        let fx = x as f32 / CELL as f32 - 0.5;
        let fy = y as f32 / CELL as f32 - 0.5;
        self.cells.between(fx, fy)
    }
}

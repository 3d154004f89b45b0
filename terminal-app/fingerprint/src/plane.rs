//! A grid of numbers, and smoothing.

use zeroize::Zeroize;

/// `width` × `height` numbers, row by row.
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

impl Plane {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, values: vec![0.0; width * height] }
    }

    pub(crate) fn from_values(width: usize, height: usize, values: Vec<f32>) -> Self {
        debug_assert_eq!(values.len(), width * height);
        Self { width, height, values }
    }

    /// The value at the nearest place inside.
    pub(crate) fn clamped(&self, x: isize, y: isize) -> f32 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.values[y * self.width + x]
    }

    /// The value between pixels, linearly.
    pub(crate) fn between(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.clamp(0.0, (self.width - 1) as f32), y.clamp(0.0, (self.height - 1) as f32));
        let (left, above) = (x.floor(), y.floor());
        let (tx, ty) = (x - left, y - above);
        let value = |dx: isize, dy: isize| self.clamped(left as isize + dx, above as isize + dy);
        let top = value(0, 0) * (1.0 - tx) + value(1, 0) * tx;
        let bottom = value(0, 1) * (1.0 - tx) + value(1, 1) * tx;
        top * (1.0 - ty) + bottom * ty
    }

    pub(crate) fn map(&self, of: impl Fn(f32) -> f32) -> Plane {
        Plane::from_values(self.width, self.height, self.values.iter().map(|value| of(*value)).collect())
    }

    pub(crate) fn zip(&self, other: &Plane, of: impl Fn(f32, f32) -> f32) -> Plane {
        let values = self.values.iter().zip(&other.values).map(|(one, two)| of(*one, *two)).collect();
        Plane::from_values(self.width, self.height, values)
    }

    /// Gaussian smoothing; the border is repeated outwards.
    ///
    /// Three running means have the shape of a Gaussian closely enough and cost the same for every width
    /// (Wells 1986). Small ones are computed as they are.
    pub(crate) fn smooth(&self, sigma: f32) -> Plane {
        if sigma < 2.5 {
            return self.smooth_small(sigma);
        }
        let mut plane = self.clone();
        for radius in box_radii(sigma) {
            plane.mean_rows(radius);
        }
        let mut turned = plane.transposed();
        for radius in box_radii(sigma) {
            turned.mean_rows(radius);
        }
        turned.transposed()
    }

    fn smooth_small(&self, sigma: f32) -> Plane {
        let radius = (3.0 * sigma).ceil() as isize;
        let mut kernel: Vec<f32> =
            (-radius..=radius).map(|at| (-0.5 * (at as f32 / sigma).powi(2)).exp()).collect();
        let sum: f32 = kernel.iter().sum();
        kernel.iter_mut().for_each(|weight| *weight /= sum);
        let pass = |plane: &Plane| {
            let mut out = Plane::new(plane.width, plane.height);
            for y in 0..plane.height {
                for x in 0..plane.width {
                    out.values[y * plane.width + x] = kernel
                        .iter()
                        .enumerate()
                        .map(|(at, weight)| {
                            weight * plane.clamped(x as isize + at as isize - radius, y as isize)
                        })
                        .sum();
                }
            }
            out
        };
        pass(&pass(self).transposed()).transposed()
    }

    fn mean_rows(&mut self, radius: usize) {
        let width = self.width;
        let span = (2 * radius + 1) as f32;
        let mut row = vec![0.0; width];
        for line in self.values.chunks_exact_mut(width) {
            row.copy_from_slice(line);
            let at = |x: isize| row[x.clamp(0, width as isize - 1) as usize];
            let mut sum: f32 = (-(radius as isize)..=radius as isize).map(at).sum();
            for (x, value) in line.iter_mut().enumerate() {
                *value = sum / span;
                sum += at((x + radius + 1) as isize) - at(x as isize - radius as isize);
            }
        }
    }

    fn transposed(&self) -> Plane {
        let mut out = Plane::new(self.height, self.width);
        for y in 0..self.height {
            for x in 0..self.width {
                out.values[x * self.height + y] = self.values[y * self.width + x];
            }
        }
        out
    }
}

/// Radii of three running means whose variances sum to that of the Gaussian.
fn box_radii(sigma: f32) -> [usize; 3] {
    let ideal = (4.0 * sigma * sigma + 1.0).sqrt();
    let low = ((ideal - 1.0) / 2.0).floor() as usize;
    let (small, large) = ((2 * low + 1) as f32, (2 * low + 3) as f32);
    let count = ((12.0 * sigma * sigma - 3.0 * large * large) / (small * small - large * large)).round();
    std::array::from_fn(|at| if (at as f32) < count { low } else { low + 1 })
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

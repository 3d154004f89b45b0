//! Minutiae from an image.
//!
//! 1. Local mean and contrast are taken out, and the finger is told from the background.
//! 2. The direction of the ridges comes from the gradients' structure tensor, smoothed with sure places counting
//!    more (Bazen, Gerez 2002); their distance from waves across them.
//! 3. Every place is filtered with a wave of its own direction and distance (Gabor; Hong, Wan, Jain 1998), twice: the
//!    second time with the directions of the first result, which are those of ridges and not of dirt.
//! 4. Ridges are thinned to lines (Zhang, Suen 1984); bridges, hairs, gaps and islands are mended (Maio, Maltoni
//!    1997); where lines end or fork are the minutiae, with the direction of the field and the way the
//!    line goes.
//!
//! The same image gives the same minutiae on the same machine. Between machines the last digit of a sine may differ.

mod field;
mod filter;
mod skeleton;

use std::{error::Error, fmt};

use zeroize::Zeroize;

use crate::{minutia::Minutiae, plane::Plane};

/// Fewest and most pixels of a side.
pub const SIDE_PIXELS_MIN: usize = 64;
/// Most pixels of a side.
pub const SIDE_PIXELS_MAX: usize = 1000;
/// Resolutions that are taken, in dots per inch; ridges must be a few pixels wide.
pub const DPI_MIN: u16 = 300;
/// Highest resolution that is taken.
pub const DPI_MAX: u16 = 1000;
/// The resolution that everything in here is measured in.
const DPI: f32 = 500.0;

/// Quality from which a minutia is one to count on.
pub const GOOD_QUALITY: u8 = 40;
/// Good minutiae of a finger that is fit for enrolment.
pub const FIT_COUNT: usize = 13;
/// Good minutiae below which a finger is not to be enrolled; between the two it is weak.
pub const WEAK_COUNT: usize = 9;

/// A grey image, dark ridges on a light ground, row by row.
pub struct Grey<'a> {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Dots per inch.
    pub dpi: u16,
    /// `width` × `height` grey values.
    pub pixels: &'a [u8],
}

/// Why an image is none of a finger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// Sides, resolution or number of pixels are not those of a fingerprint.
    Shape,
    /// Hardly anything but background.
    Empty,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("size or resolution of the image is not that of a fingerprint"),
            Self::Empty => f.write_str("there is no finger in the image"),
        }
    }
}

impl Error for ImageError {}

/// How fit an impression is for enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fitness {
    /// Not to be enrolled; another finger.
    Unfit,
    /// Worn: can be enrolled when no other finger is better.
    Weak,
    /// Good.
    Fit,
}

/// How fit these minutiae are, by how many of them are good.
pub fn fitness(minutiae: &Minutiae) -> Fitness {
    match minutiae.iter().filter(|minutia| minutia.quality >= GOOD_QUALITY).count() {
        FIT_COUNT.. => Fitness::Fit,
        WEAK_COUNT.. => Fitness::Weak,
        _ => Fitness::Unfit,
    }
}

/// Smoothing of the first field of directions: the gradients', and the directions' themselves.
const FIRST_FIELD: [f32; 3] = [1.0, 10.0, 6.0];
/// The same for the second, which is made from cleaner ridges.
const SECOND_FIELD: [f32; 3] = [0.8, 5.0, 4.0];
/// Length of the filters along the ridges.
const FIRST_ALONG: f32 = 3.5;
const SECOND_ALONG: f32 = 4.5;
/// Share of the image that must be finger.
const FINGER_SHARE_MIN: f32 = 0.06;

/// What the extractor has seen on its way, for pictures.
pub struct Sight {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Ridges made clear: above 0 ridge, below valley.
    pub ridges: Vec<f32>,
    /// The lines they were thinned to.
    pub lines: Vec<bool>,
    /// Where it was believed.
    pub usable: Vec<bool>,
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.ridges.zeroize();
        self.lines.zeroize();
    }
}

/// The minutiae of an image.
///
/// Errors: [`ImageError`].
pub fn extract(image: &Grey<'_>) -> Result<Minutiae, ImageError> {
    Ok(look(image)?.0)
}

/// The same, with what was seen on the way, at 500 dpi.
///
/// Errors: as [`extract`].
pub fn look(image: &Grey<'_>) -> Result<(Minutiae, Sight), ImageError> {
    let raw = at_500_dpi(image)?;
    let (normal, contrast) = field::normalise(&raw);
    let mask = field::foreground(&contrast);
    let finger = mask.iter().filter(|is_finger| **is_finger).count();
    if (finger as f32) < FINGER_SHARE_MIN * mask.len() as f32 {
        return Err(ImageError::Empty);
    }
    let first = field::Orientation::of(&normal, FIRST_FIELD);
    let period = field::Period::of(&normal, &first, &mask);
    let enhanced = filter::enhance(&normal, &first, &period, &mask, FIRST_ALONG);
    let second = field::Orientation::of(&enhanced.even, SECOND_FIELD);
    let period = field::Period::of(&normal, &second, &mask);
    let enhanced = filter::enhance(&normal, &second, &period, &mask, SECOND_ALONG);
    let reliability = filter::reliability(&enhanced, &normal);
    let usable = filter::usable(&mask, &reliability, &second);
    let ridge: Vec<bool> =
        enhanced.even.values.iter().zip(&usable).map(|(value, inside)| *inside && *value > 0.0).collect();
    let skeleton = skeleton::Skeleton::of(ridge, &usable, raw.width, raw.height, &second);
    let minutiae = skeleton.minutiae(&reliability, &second);
    let sight = Sight {
        width: raw.width,
        height: raw.height,
        ridges: enhanced.even.values.clone(),
        lines: skeleton.into_pixels(),
        usable,
    };
    Ok((minutiae, sight))
}

/// Ridges bright, in pixels of 500 dpi.
fn at_500_dpi(image: &Grey<'_>) -> Result<Plane, ImageError> {
    let sides = SIDE_PIXELS_MIN..=SIDE_PIXELS_MAX;
    let has_shape = sides.contains(&image.width)
        && sides.contains(&image.height)
        && image.pixels.len() == image.width * image.height
        && (DPI_MIN..=DPI_MAX).contains(&image.dpi);
    if !has_shape {
        return Err(ImageError::Shape);
    }
    let values = image.pixels.iter().map(|pixel| 255.0 - f32::from(*pixel)).collect();
    let plane = Plane::from_values(image.width, image.height, values);
    let scale = DPI / f32::from(image.dpi);
    if (scale - 1.0).abs() < 0.02 {
        return Ok(plane);
    }
    // What is thinner than a new pixel is smoothed away before.
    let source = if scale < 1.0 { plane.smooth(0.5 / scale) } else { plane };
    let side = |pixels: usize| ((pixels as f32 * scale).round() as usize).max(1);
    let mut scaled = Plane::new(side(image.width), side(image.height));
    for y in 0..scaled.height {
        for x in 0..scaled.width {
            let at = y * scaled.width + x;
            scaled.values[at] =
                source.between((x as f32 + 0.5) / scale - 0.5, (y as f32 + 0.5) / scale - 0.5);
        }
    }
    Ok(scaled)
}

//! Minutiae from an image.

mod field;
mod filter;
mod skeleton;

use crate::{minutia::Minutia, plane::Plane};

/// Grey image of 500 dpi, dark ridges.
pub struct Grey<'a> {
    pub width: usize,
    pub height: usize,
    pub pixels: &'a [u8],
}

pub struct Debug {
    pub width: usize,
    pub height: usize,
    pub enhanced: Vec<f32>,
    pub skeleton: Vec<bool>,
    pub mask: Vec<bool>,
}

pub fn extract(image: &Grey<'_>) -> Vec<Minutia> {
    extract_debug(image).0
}

pub fn extract_debug(image: &Grey<'_>) -> (Vec<Minutia>, Debug) {
    let raw = Plane::from_values(
        image.width,
        image.height,
        image.pixels.iter().map(|pixel| 255.0 - f32::from(*pixel)).collect(),
    );
    let (normal, contrast) = field::normalise(&raw);
    let mask = field::foreground(&contrast);
    let first = field::Orientation::of(&normal, 1.0, crate::tune(10, 7.0), crate::tune(11, 6.0));
    let period = field::Period::of(&normal, &first, &mask);
    let enhanced = filter::enhance(&normal, &first, &period, &mask, crate::tune(8, 4.0));
    let second = field::Orientation::of(&enhanced.even, 0.8, crate::tune(12, 5.0), crate::tune(13, 4.0));
    let period = field::Period::of(&normal, &second, &mask);
    let enhanced = filter::enhance(&normal, &second, &period, &mask, crate::tune(9, 4.5));
    let reliability = filter::reliability(&enhanced, &normal);
    let mask = filter::usable(&mask, &reliability, &second);
    let ridge: Vec<bool> =
        enhanced.even.values.iter().zip(&mask).map(|(value, inside)| *inside && *value > 0.0).collect();
    let skeleton = skeleton::Skeleton::of(&ridge, &mask, image.width, image.height, &second);
    let minutiae = skeleton.minutiae(&reliability, &second);
    let debug = Debug {
        width: image.width,
        height: image.height,
        enhanced: enhanced.even.values,
        skeleton: skeleton.pixels,
        mask,
    };
    (minutiae, debug)
}

//! Fingerprint sensors: they give an image; making and matching minutiae is not theirs.

use std::fmt;

/// Most pixels of one image, 640 × 640.
pub const IMAGE_PIXELS_MAX: usize = 640 * 640;

/// A grey image, row by row, 0 black.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Pixels per centimetre, 197 for 500 dpi.
    pub pixels_per_cm: u16,
    /// `width` × `height` grey values.
    pub pixels: Vec<u8>,
}

/// A sensor for one finger.
pub trait FingerprintSensor {
    /// Waits at most `timeout_ms` for a finger and gives its image.
    ///
    /// Errors: `NoFinger` when the time is over, `Quality` for a smear, `Device`.
    fn capture(&mut self, timeout_ms: u32) -> Result<Image, FingerprintError>;
}

/// Why there is no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerprintError {
    /// No finger in time. For the cardholder.
    NoFinger,
    /// Too dry, too wet or moved. For the cardholder.
    Quality,
    /// The sensor does not answer. For the installer.
    Device,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} × {})", self.width, self.height)
    }
}

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFinger => f.write_str("no finger on the sensor"),
            Self::Quality => f.write_str("the fingerprint is not clear"),
            Self::Device => f.write_str("the fingerprint sensor does not answer"),
        }
    }
}

impl std::error::Error for FingerprintError {}

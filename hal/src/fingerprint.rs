//! Fingerprint sensors: they give images and templates; making and matching minutiae is not theirs.
//!
//! A serial module of the `EF01` family is one piece of work ([`sensor::ModuleSensor`]) over two ways to it:
//! a serial line of its own ([`serial::SerialModule`]), or the reader board that it hangs on
//! ([`board::BoardModule`]).
//!
//! Images and templates are sensitive personal information: they are wiped when dropped, and neither `Debug`
//! nor an error shows a byte of them.

pub mod board;
pub mod module;
pub mod sensor;
pub mod serial;

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::board::BoardError;

/// Most pixels of one image, 640 × 640.
pub const IMAGE_PIXELS_MAX: usize = 640 * 640;

/// Most bytes of a module's template; the common ones have 512 for two impressions.
pub const TEMPLATE_BYTES_MAX: usize = 2_048;

/// A grey image, row by row, 0 black. Wiped when dropped.
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

/// A template in the form of the module's maker. Only modules of the same family can compare it. Wiped when
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Zeroizing<Vec<u8>>);

impl Template {
    /// A template that was read from a card or module.
    ///
    /// Errors: `Template` when it is empty or longer than [`TEMPLATE_BYTES_MAX`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, FingerprintError> {
        let bytes = Zeroizing::new(bytes);
        if bytes.is_empty() || bytes.len() > TEMPLATE_BYTES_MAX {
            return Err(FingerprintError::Template);
        }
        Ok(Template(bytes))
    }

    /// The maker's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Maker's number of the model.
    pub model: u16,
    /// Templates it has room for.
    pub capacity: u16,
    /// Templates it keeps; `None` for a module that does not tell.
    pub kept: Option<u16>,
    /// How strictly it compares, 1 to 5.
    pub security_level: u16,
    /// Its serial number, where it tells one.
    pub serial: Option<String>,
    /// Baud rate of its line; `None` when it hangs on a board.
    pub baud: Option<u32>,
}

/// What the person at the sensor is to do, or sees happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guide {
    /// Put the finger on the window.
    PlaceFinger,
    /// Take it off, to put it on once more.
    LiftFinger,
    /// It was not clear: put it on again, more firmly or cleaner.
    Again,
    /// The finger is taken; the image comes.
    Reading {
        /// Bytes that have come.
        done_bytes: usize,
        /// Bytes of the whole, as far as it is known.
        total_bytes: usize,
    },
}

/// What the one who is told a [`Guide`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// End it: the person has gone, or the terminal has something else to do.
    Cancel,
}

/// Is told what happens, over and over while a finger is waited for, and may end it.
pub type Guidance<'a> = &'a mut dyn FnMut(Guide) -> Wish;

/// How a finger and a template compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether the module takes them for one finger, at its security level.
    pub same: bool,
    /// The module's own score; its scale is the maker's. Not for the eyes of whoever could use it to climb.
    pub score: u16,
}

/// Light around the sensor's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Dark.
    Off,
    /// Breathes blue: put a finger here.
    Waiting,
    /// Blue: leave the finger there.
    Reading,
    /// Purple: taken.
    Good,
    /// Blinks red, three times.
    Bad,
}

/// A sensor for one finger. Every call is bounded in time.
pub trait FingerprintSensor {
    /// Asks the module how it is: a module that does not answer is never called healthy.
    ///
    /// Errors: `Silent`, `Password`, `Line`, `Unplugged`, `Board`.
    fn probe(&mut self) -> Result<Health, FingerprintError>;

    /// Waits at most `timeout_ms` for a finger and gives its image.
    ///
    /// Errors: `NoFinger` when the time is over, `Quality` for a smear, `Cancelled`, the device's.
    fn capture(&mut self, timeout_ms: u32, guide: Guidance<'_>) -> Result<Image, FingerprintError>;

    /// Waits for a finger, twice, at most `timeout_ms` each, and gives the module's template of both
    /// impressions.
    ///
    /// Errors: as [`FingerprintSensor::capture`], and `Differ` when they are not of one finger.
    fn capture_template(
        &mut self,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Template, FingerprintError>;

    /// Waits at most `timeout_ms` for a finger and lets the module compare it with a template, which is
    /// given to the module for that and stays in its working memory until the next work.
    ///
    /// A finger that does not fit is no error. Errors: as [`FingerprintSensor::capture`], and `Template` when
    /// the module does not take the template.
    fn compare(
        &mut self,
        template: &Template,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Comparison, FingerprintError>;

    /// Waits at most `timeout_ms` until nothing lies on the window, and says whether that is so. What the module
    /// was working on is lost.
    ///
    /// Errors: `Cancelled`, the device's.
    fn wait_lifted(&mut self, timeout_ms: u32, guide: Guidance<'_>) -> Result<bool, FingerprintError>;

    /// Keeps a template in the module, at a place from 0 on. Errors: `Place`, `Memory`, `Template`.
    fn store(&mut self, place: u16, template: &Template) -> Result<(), FingerprintError>;

    /// Gives the template that is kept at a place. Errors: `Place`, also when there is none.
    fn load(&mut self, place: u16) -> Result<Template, FingerprintError>;

    /// Deletes what is kept at a place; nothing there is no error. Errors: `Place`, `Memory`.
    fn delete(&mut self, place: u16) -> Result<(), FingerprintError>;

    /// How many templates are kept.
    fn count(&mut self) -> Result<u16, FingerprintError>;

    /// Sets the light around the window; a module without one takes no notice.
    fn ring(&mut self, ring: Ring) -> Result<(), FingerprintError>;

    /// Ends whatever the module is still doing, and wipes what it holds for the host where it can.
    fn cancel(&mut self) -> Result<(), FingerprintError>;
}

/// What was wrong with what came over a module's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// A packet whose sum is wrong.
    Checksum,
    /// A packet of a length that it cannot have.
    Length,
    /// A packet of another address.
    Address,
    /// A packet that does not belong here.
    Unexpected,
    /// A packet that broke off.
    Cut,
    /// The module says that what it received was broken.
    Refused,
}

/// Why a fingerprint sensor did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerprintError {
    /// No finger in time. For the cardholder.
    NoFinger,
    /// Too dry, too wet, too few points, or moved. For the cardholder.
    Quality,
    /// Two impressions are not of one finger. For the cardholder.
    Differ,
    /// It was ended by whoever was being guided.
    Cancelled,
    /// What is given as a template is none, or the module does not take it.
    Template,
    /// There is no such place in the module, or nothing in it.
    Place,
    /// The module's memory is worn out. For the installer.
    Memory,
    /// The module does not answer, at any baud rate. For the installer.
    Silent,
    /// The module's password is another one. For the installer.
    Password,
    /// The line to the module spoils what is said, even twice. For the installer.
    Line(LineFault),
    /// The module's line is gone. For the installer.
    Unplugged,
    /// The module has refused, by this code of its own. For the installer.
    Refused {
        /// The module's code.
        code: u8,
    },
    /// The image is of another size than any that this program knows. For us.
    ImageSize {
        /// Bytes that came.
        bytes: usize,
    },
    /// The board that the module hangs on. For the installer.
    Board(BoardError),
}

impl Drop for Image {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} × {})", self.width, self.height)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} bytes)", self.0.len())
    }
}

impl From<BoardError> for FingerprintError {
    fn from(error: BoardError) -> Self {
        Self::Board(error)
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checksum => "wrong sums",
            Self::Length => "wrong lengths",
            Self::Address => "a foreign address",
            Self::Unexpected => "packets out of place",
            Self::Cut => "packets that break off",
            Self::Refused => "the module receives broken packets",
        })
    }
}

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFinger => f.write_str("no finger on the sensor"),
            Self::Quality => f.write_str("the fingerprint is not clear"),
            Self::Differ => f.write_str("the two impressions are not of one finger"),
            Self::Cancelled => f.write_str("ended before a finger was taken"),
            Self::Template => f.write_str("this is no template of the sensor's kind"),
            Self::Place => f.write_str("no such place in the sensor, or nothing in it"),
            Self::Memory => f.write_str("the sensor's memory does not take it"),
            Self::Silent => f.write_str("the fingerprint sensor does not answer"),
            Self::Password => f.write_str("the fingerprint sensor has another password"),
            Self::Line(fault) => write!(f, "the line to the fingerprint sensor: {fault}"),
            Self::Unplugged => f.write_str("the line to the fingerprint sensor is gone"),
            Self::Refused { code } => write!(f, "the fingerprint sensor has refused by code {code:02X}"),
            Self::ImageSize { bytes } => write!(f, "an image of {bytes} bytes is of no known sensor"),
            Self::Board(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FingerprintError {}

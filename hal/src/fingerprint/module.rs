//! What a module of the `EF01` family does, whatever carries its instructions.

use reader_protocol::{ef01::Confirmation, escape::Aura};
use zeroize::Zeroizing;

use super::{FingerprintError, Guidance, LineFault, Ring};

/// One of a module's two working buffers for features and templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// The first.
    One,
    /// The second.
    Two,
}

/// A module's own parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Maker's number of the model.
    pub model: u16,
    /// Templates it has room for.
    pub capacity: u16,
    /// How strictly it compares, 1 to 5.
    pub security_level: u16,
    /// Baud rate of its line, when the host holds the line itself.
    pub baud: Option<u32>,
    /// Its serial number, where it tells one.
    pub serial: Option<String>,
}

/// A module and the way to it. Every call is bounded in time.
///
/// Errors are those of [`FingerprintError`] that each call names, and the way's own: `Silent`, `Password`,
/// `Line`, `Unplugged`, `Board`, `Refused`.
pub trait Module {
    /// The module's parameters; this is also how a module proves that it is alive.
    fn parameters(&mut self) -> Result<Parameters, FingerprintError>;

    /// Waits at most `timeout_ms` for a finger and gives its image, two pixels to a byte, the left one in the
    /// high half. Tells `PlaceFinger` and `Reading`.
    ///
    /// Errors: `NoFinger`, `Quality`, `Cancelled`.
    fn take_image(
        &mut self,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError>;

    /// Waits at most `timeout_ms` for a finger and makes its features in a buffer. Tells `PlaceFinger`.
    ///
    /// Errors: `NoFinger`, `Quality`, `Cancelled`.
    fn take_features(
        &mut self,
        buffer: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<(), FingerprintError>;

    /// Waits at most `timeout_ms` until no finger is on the window. Tells `LiftFinger`. What is in the buffer
    /// `scratch` may be lost by this.
    ///
    /// Gives whether it is so; a finger that stays is no error. Errors: `Cancelled`.
    fn wait_lifted(
        &mut self,
        scratch: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<bool, FingerprintError>;

    /// Makes one template of both buffers, in both. Errors: `Differ`.
    fn combine(&mut self) -> Result<(), FingerprintError>;

    /// Brings the template of a buffer. Errors: `Template` when there is none.
    fn read_template(&mut self, buffer: Buffer) -> Result<Zeroizing<Vec<u8>>, FingerprintError>;

    /// Puts a template into a buffer. Errors: `Template` when the module does not take it.
    fn write_template(&mut self, buffer: Buffer, template: &[u8]) -> Result<(), FingerprintError>;

    /// Compares both buffers: whether they are of one finger, and the module's score.
    fn match_buffers(&mut self) -> Result<(bool, u16), FingerprintError>;

    /// Keeps a buffer's template at a place. Errors: `Place`, `Memory`.
    fn store(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError>;

    /// Loads what is kept at a place into a buffer. Errors: `Place`.
    fn load(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError>;

    /// Deletes what is kept at a place. Errors: `Place`, `Memory`.
    fn delete(&mut self, place: u16) -> Result<(), FingerprintError>;

    /// How many templates are kept.
    fn count(&mut self) -> Result<u16, FingerprintError>;

    /// Sets the light around the window. A module that has none is left in peace.
    fn ring(&mut self, ring: Ring) -> Result<(), FingerprintError>;

    /// Ends what is under way.
    fn cancel(&mut self) -> Result<(), FingerprintError>;
}

impl Buffer {
    /// Its number on the wire.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// The code by which a module says that two buffers are not of one finger.
pub(super) const NO_MATCH: u8 = Confirmation::NoMatch.byte();

/// What a module's refusal means.
pub(super) fn refusal(confirmation: Confirmation) -> FingerprintError {
    match confirmation {
        Confirmation::NoFinger => FingerprintError::NoFinger,
        Confirmation::ImageFailed
        | Confirmation::TooMessy
        | Confirmation::TooFewPoints
        | Confirmation::NoImage => FingerprintError::Quality,
        Confirmation::CombineFailed => FingerprintError::Differ,
        Confirmation::PageOutOfRange | Confirmation::TemplateUnreadable => FingerprintError::Place,
        Confirmation::UploadFailed | Confirmation::DownloadFailed => FingerprintError::Template,
        Confirmation::DeleteFailed | Confirmation::EmptyFailed | Confirmation::FlashFailed => {
            FingerprintError::Memory
        }
        Confirmation::WrongPassword | Confirmation::PasswordDue => FingerprintError::Password,
        Confirmation::PacketBroken => FingerprintError::Line(LineFault::Refused),
        other => FingerprintError::Refused { code: other.byte() },
    }
}

/// The light of a ring. Source: Grow R503 manual, AuraLedConfig.
pub(super) fn aura(ring: Ring) -> Aura {
    const BREATHING: u8 = 1;
    const FLASHING: u8 = 2;
    const ON: u8 = 3;
    const OFF: u8 = 4;
    const RED: u8 = 1;
    const BLUE: u8 = 2;
    const PURPLE: u8 = 3;
    let (control, speed, colour, count) = match ring {
        Ring::Off => (OFF, 0, BLUE, 0),
        Ring::Waiting => (BREATHING, 0x80, BLUE, 0),
        Ring::Reading => (ON, 0, BLUE, 0),
        Ring::Good => (ON, 0, PURPLE, 0),
        Ring::Bad => (FLASHING, 0x40, RED, 3),
    };
    Aura { control, speed, colour, count }
}

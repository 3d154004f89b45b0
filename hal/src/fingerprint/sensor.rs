//! The work of a module, the same on every way to it.

use std::time::{Duration, Instant};

use super::{
    Comparison, FingerprintError, FingerprintSensor, Guidance, Guide, Health, Image, LineFault, Ring,
    Template, Wish,
    module::{Buffer, Module},
};

/// Sizes of the images that modules of this family send, in pixels; each byte holds two.
const IMAGE_SIZES: [(u16, u16); 2] = [(256, 288), (192, 192)];

/// How often a template is read until two readings agree.
const READINGS_MAX: u32 = 4;

/// 500 dots per inch in pixels per centimetre.
const PIXELS_PER_CM: u16 = 197;

/// How often an impression that is not clear is asked for again within one call, however long its limit.
pub const IMPRESSIONS_MAX: u32 = 5;

/// How long a finger that was taken is given to be lifted.
pub const LIFT_TIMEOUT_MS: u32 = 5_000;

/// A sensor that is a module of the `EF01` family.
#[derive(Debug)]
pub struct ModuleSensor<M> {
    module: M,
}

impl<M: Module> ModuleSensor<M> {
    /// The sensor of a module. Nothing is sent yet.
    pub fn new(module: M) -> Self {
        ModuleSensor { module }
    }

    /// The module itself.
    pub fn module(&mut self) -> &mut M {
        &mut self.module
    }

    /// Reads a template until two readings agree: a packet that gets lost whole leaves no trace in the protocol.
    fn read_template(&mut self, buffer: Buffer) -> Result<Template, FingerprintError> {
        let mut before = self.module.read_template(buffer)?;
        for _ in 1..READINGS_MAX {
            let again = self.module.read_template(buffer)?;
            if before == again {
                return Template::new(again.to_vec());
            }
            before = again;
        }
        Err(FingerprintError::Line(LineFault::Cut))
    }

    /// Repeats an impression that is not clear, within the time.
    fn impression<T>(
        &mut self,
        scratch: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
        take: impl Fn(&mut M, u32, Guidance<'_>) -> Result<T, FingerprintError>,
    ) -> Result<T, FingerprintError> {
        let end = Instant::now() + Duration::from_millis(timeout_ms.into());
        for _ in 1..IMPRESSIONS_MAX {
            let rest_ms = millis(end.saturating_duration_since(Instant::now()));
            match take(&mut self.module, rest_ms, guide) {
                Err(FingerprintError::Quality) if Instant::now() < end => {
                    tell(guide, Guide::Again)?;
                    let rest_ms = millis(end.saturating_duration_since(Instant::now()));
                    self.module.wait_lifted(scratch, rest_ms.min(LIFT_TIMEOUT_MS), guide)?;
                }
                result => return result,
            }
        }
        take(&mut self.module, millis(end.saturating_duration_since(Instant::now())), guide)
    }
}

impl<M: Module> FingerprintSensor for ModuleSensor<M> {
    fn probe(&mut self) -> Result<Health, FingerprintError> {
        let parameters = self.module.parameters()?;
        let kept = match self.module.count() {
            Ok(kept) => Some(kept),
            // Old modules do not know the question.
            Err(FingerprintError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Health {
            model: parameters.model,
            capacity: parameters.capacity,
            kept,
            security_level: parameters.security_level,
            serial: parameters.serial,
            baud: parameters.baud,
        })
    }

    fn capture(&mut self, timeout_ms: u32, guide: Guidance<'_>) -> Result<Image, FingerprintError> {
        let halves = self.impression(Buffer::One, timeout_ms, guide, M::take_image)?;
        expand(&halves)
    }

    fn capture_template(
        &mut self,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Template, FingerprintError> {
        self.impression(Buffer::One, timeout_ms, guide, |module, rest_ms, guide| {
            module.take_features(Buffer::One, rest_ms, guide)
        })?;
        self.module.wait_lifted(Buffer::Two, LIFT_TIMEOUT_MS, guide)?;
        self.impression(Buffer::Two, timeout_ms, guide, |module, rest_ms, guide| {
            module.take_features(Buffer::Two, rest_ms, guide)
        })?;
        self.module.combine()?;
        self.read_template(Buffer::One)
    }

    fn compare(
        &mut self,
        template: &Template,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Comparison, FingerprintError> {
        // The template first: a module that does not take it must not let somebody put a finger on in vain.
        self.module.write_template(Buffer::Two, template.bytes())?;
        self.impression(Buffer::One, timeout_ms, guide, |module, rest_ms, guide| {
            module.take_features(Buffer::One, rest_ms, guide)
        })?;
        let (same, score) = self.module.match_buffers()?;
        Ok(Comparison { same, score })
    }

    fn wait_lifted(&mut self, timeout_ms: u32, guide: Guidance<'_>) -> Result<bool, FingerprintError> {
        self.module.wait_lifted(Buffer::One, timeout_ms, guide)
    }

    fn store(&mut self, place: u16, template: &Template) -> Result<(), FingerprintError> {
        self.module.write_template(Buffer::One, template.bytes())?;
        self.module.store(Buffer::One, place)
    }

    fn load(&mut self, place: u16) -> Result<Template, FingerprintError> {
        self.module.load(Buffer::One, place)?;
        self.read_template(Buffer::One)
    }

    fn delete(&mut self, place: u16) -> Result<(), FingerprintError> {
        self.module.delete(place)
    }

    fn count(&mut self) -> Result<u16, FingerprintError> {
        self.module.count()
    }

    fn ring(&mut self, ring: Ring) -> Result<(), FingerprintError> {
        self.module.ring(ring)
    }

    fn cancel(&mut self) -> Result<(), FingerprintError> {
        self.module.cancel()
    }
}

/// Tells something; `Cancelled` when that is the wish.
pub(super) fn tell(guide: Guidance<'_>, what: Guide) -> Result<(), FingerprintError> {
    match guide(what) {
        Wish::GoOn => Ok(()),
        Wish::Cancel => Err(FingerprintError::Cancelled),
    }
}

/// Size in pixels of an image of so many bytes, two pixels each; `None` for what no module sends.
pub(super) fn image_size(bytes: usize) -> Option<(u16, u16)> {
    IMAGE_SIZES.into_iter().find(|(width, height)| usize::from(*width) * usize::from(*height) == bytes * 2)
}

/// Sixteen greys become 256: the darkest is 0 and the lightest 255.
fn expand(halves: &[u8]) -> Result<Image, FingerprintError> {
    let pixels = halves.len() * 2;
    let (width, height) =
        image_size(halves.len()).ok_or(FingerprintError::ImageSize { bytes: halves.len() })?;
    // Room for all, so that no half-grown copy is left behind.
    let mut image = Image { width, height, pixels_per_cm: PIXELS_PER_CM, pixels: Vec::with_capacity(pixels) };
    image.pixels.extend(halves.iter().flat_map(|byte| [(byte >> 4) * 17, (byte & 0x0F) * 17]));
    Ok(image)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn four_bits_become_eight() {
        let mut halves = vec![0xFF; 36_864];
        halves[0] = 0x0F;
        halves[128] = 0x81;
        let image = expand(&halves).unwrap();
        assert_eq!((image.width, image.height, image.pixels_per_cm), (256, 288, 197));
        assert_eq!(image.pixels.len(), 256 * 288);
        assert_eq!(image.pixels[..4], [0, 255, 255, 255]);
        assert_eq!(image.pixels[256..258], [136, 17], "row by row");
        for bytes in [0, 1, 36_863, 36_865, 18_431] {
            assert_eq!(expand(&vec![0; bytes]), Err(FingerprintError::ImageSize { bytes }));
        }
        assert_eq!(expand(&vec![0; 192 * 96]).unwrap().height, 192);
    }

    #[test]
    fn nothing_of_a_finger_is_shown() {
        let image = expand(&vec![0x5A; 36_864]).unwrap();
        let template = Template::new(vec![0x5A; 512]).unwrap();
        assert_eq!(format!("{image:?} {template:?}"), "Image(256 × 288) Template(512 bytes)");
    }
}

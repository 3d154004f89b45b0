//! The sensor at the counter: bound to this terminal, watched for replays, and guiding whoever stands there.

use std::fmt;

use fingerprint::{
    extract::{self, Fitness, Grey},
    matcher::{self, Prepared, Workspace},
    minutia::Minutiae,
    template::{Reading, compact},
};
use hal::fingerprint::{
    FingerprintError, FingerprintSensor, Guide, Health, Image, Ring, Template as MakerTemplate, Wish,
};
use protocol::{
    evidence::{Band, FingerPosition},
    timestamp::Timestamp,
};

use super::{
    finger::{Advice, FingerFailure},
    kept::Seen,
};
use crate::progress::Progress;

/// How long a finger is waited for, unless set otherwise.
pub const FINGER_TIMEOUT_MS: u32 = 20_000;
/// How long a finger that lies on the window beforehand is given to be lifted.
pub const LIFT_TIMEOUT_MS: u32 = 10_000;

/// Minutiae from which the same ones again are a copy.
const COPY_MINUTIAE_MIN: usize = 12;

/// Pixels of a side of the squares by which an image is judged.
const SQUARE: usize = 16;
/// Contrast from which a square is finger.
const FINGER_CONTRAST: u8 = 60;
/// Share of the squares that a well laid finger covers.
const COVER_MIN: f32 = 0.35;
/// Mean grey of a finger: lighter is dry, darker is wet.
const DRY_GREY: f32 = 160.0;
const WET_GREY: f32 = 95.0;

/// Somebody's finger as it was just seen. Wiped when dropped.
pub(crate) struct Impression {
    /// What is left of it.
    pub(crate) minutiae: Minutiae,
    /// How fit it is.
    pub(crate) fitness: Fitness,
    /// What would make it better.
    pub(crate) advice: Advice,
    /// The window was empty before.
    pub(crate) lifted: bool,
}

/// The sensor, if there is one.
pub(crate) struct Desk {
    sensor: Option<Box<dyn FingerprintSensor + Send>>,
    wish: Box<dyn FnMut() -> Wish + Send>,
    pub(crate) timeout_ms: u32,
    pub(crate) lift_timeout_ms: u32,
}

impl Default for Desk {
    fn default() -> Self {
        Desk {
            sensor: None,
            wish: Box::new(|| Wish::GoOn),
            timeout_ms: FINGER_TIMEOUT_MS,
            lift_timeout_ms: LIFT_TIMEOUT_MS,
        }
    }
}

impl Desk {
    pub(crate) fn put(&mut self, sensor: Box<dyn FingerprintSensor + Send>) {
        self.sensor = Some(sensor);
    }

    pub(crate) fn ask_wish(&mut self, wish: Box<dyn FnMut() -> Wish + Send>) {
        self.wish = wish;
    }

    /// What the sensor says of itself.
    pub(crate) fn probe(&mut self) -> Result<Health, FingerFailure> {
        self.sensor.as_mut().ok_or(FingerFailure::NoSensor)?.probe().map_err(failure)
    }

    /// The sensor's name, when it is the bound one.
    pub(crate) fn bound(&mut self, bound: Option<&str>) -> Result<String, FingerFailure> {
        let name = sensor_name(&self.probe()?);
        match bound {
            None => Err(FingerFailure::SensorUnbound),
            Some(bound) if bound != name => Err(FingerFailure::SensorChanged),
            Some(_) => Ok(name),
        }
    }

    /// Takes one impression, with guidance: the window is empty first, then a finger comes.
    ///
    /// Errors: all but those of the card.
    pub(crate) fn take(
        &mut self,
        position: Option<FingerPosition>,
        (seen, at): (&mut Seen, Timestamp),
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Impression, FingerFailure> {
        let Desk { sensor, wish, timeout_ms, lift_timeout_ms } = self;
        let sensor = sensor.as_mut().ok_or(FingerFailure::NoSensor)?;
        let taken = look(sensor.as_mut(), wish, (*timeout_ms, *lift_timeout_ms), position, (seen, at), tell);
        let ring = match &taken {
            Ok(_) => Ring::Good,
            Err(FingerFailure::Cancelled | FingerFailure::NoFinger) => Ring::Off,
            Err(_) => Ring::Bad,
        };
        // A module without a ring, or one that has just gone.
        let _ = sensor.ring(ring);
        taken
    }

    /// Has the module compare a finger with a template of its own maker's form. `Ok(true)` when it takes them for
    /// one; with it whether the window was empty before.
    pub(crate) fn compare_in_module(
        &mut self,
        template: &[u8],
        position: FingerPosition,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(bool, bool), FingerFailure> {
        let Desk { sensor, wish, timeout_ms, lift_timeout_ms } = self;
        let sensor = sensor.as_mut().ok_or(FingerFailure::NoSensor)?;
        let template = MakerTemplate::new(template.to_vec()).map_err(|_| FingerFailure::TemplateBroken)?;
        let lifted = lift(sensor.as_mut(), wish, *lift_timeout_ms, tell)?;
        let mut guide = guide(wish, Some(position), tell);
        let same = sensor.compare(&template, *timeout_ms, &mut guide).map_err(failure)?.same;
        Ok((same, lifted))
    }
}

fn look(
    sensor: &mut (dyn FingerprintSensor + Send),
    wish: &mut (dyn FnMut() -> Wish + Send),
    (timeout_ms, lift_timeout_ms): (u32, u32),
    position: Option<FingerPosition>,
    (seen, at): (&mut Seen, Timestamp),
    tell: &mut dyn FnMut(Progress),
) -> Result<Impression, FingerFailure> {
    let lifted = lift(sensor, wish, lift_timeout_ms, tell)?;
    let _ = sensor.ring(Ring::Waiting);
    let image = {
        let mut guide = guide(wish, position, tell);
        sensor.capture(timeout_ms, &mut guide).map_err(failure)?
    };
    if !seen.is_new(&image.pixels, at) {
        return Err(FingerFailure::Replayed);
    }
    tell(Progress::ComparingFinger);
    let advice = advice(&image);
    let grey = Grey {
        width: usize::from(image.width),
        height: usize::from(image.height),
        dpi: dpi(image.pixels_per_cm),
        pixels: &image.pixels,
    };
    let minutiae = extract::extract(&grey).map_err(|_| FingerFailure::PoorImage(advice))?;
    // Of a few minutiae two impressions may have the same; of a whole finger they never do.
    if minutiae.len() >= COPY_MINUTIAE_MIN && !seen.is_new(&compact_of(&minutiae, usize::MAX), at) {
        return Err(FingerFailure::Replayed);
    }
    let fitness = extract::fitness(&minutiae);
    Ok(Impression { minutiae, fitness, advice, lifted })
}

/// Waits for the window to be empty. A finger that stays there for good is no fresh one.
fn lift(
    sensor: &mut (dyn FingerprintSensor + Send),
    wish: &mut (dyn FnMut() -> Wish + Send),
    timeout_ms: u32,
    tell: &mut dyn FnMut(Progress),
) -> Result<bool, FingerFailure> {
    let mut guide = guide(wish, None, tell);
    match sensor.wait_lifted(timeout_ms, &mut guide) {
        Ok(true) => Ok(true),
        Ok(false) => Err(FingerFailure::PoorImage(Advice::Lift)),
        Err(error) => Err(failure(error)),
    }
}

/// Makes of the sensor's guidance what a screen shows; the same twice in a row is told once.
fn guide<'a>(
    wish: &'a mut (dyn FnMut() -> Wish + Send),
    position: Option<FingerPosition>,
    tell: &'a mut dyn FnMut(Progress),
) -> impl FnMut(Guide) -> Wish + 'a {
    let mut last = None;
    move |guide| {
        let progress = match guide {
            Guide::PlaceFinger => Progress::PlaceFinger { position },
            Guide::LiftFinger => Progress::LiftFinger,
            Guide::Again => Progress::FingerAgain(Advice::Again),
            Guide::Reading { .. } => Progress::ReadingFinger,
            _ => return wish(),
        };
        if last != Some(progress) {
            last = Some(progress);
            tell(progress);
        }
        wish()
    }
}

/// How the evidence names a sensor: its serial number, else its model.
pub(crate) fn sensor_name(health: &Health) -> String {
    let serial = health.serial.as_deref().map(str::trim).filter(|serial| !serial.is_empty());
    let name: String = match serial {
        Some(serial) => serial.chars().filter(char::is_ascii_graphic).collect(),
        None => String::new(),
    };
    if name.is_empty() { format!("model-{:04X}", health.model) } else { cut(name) }
}

fn cut(mut name: String) -> String {
    name.truncate(protocol::evidence::NAME_BYTES_MAX);
    name
}

/// Compares a fresh impression with templates in compact size: the clearest counts.
///
/// `None` when none of them can be read.
pub(crate) fn compare<'a>(
    probe: &Minutiae,
    gallery: impl Iterator<Item = &'a [u8]>,
) -> Option<matcher::Score> {
    let mut workspace = Box::new(Workspace::new());
    let probe = Box::new(Prepared::new(probe));
    let mut best: Option<matcher::Score> = None;
    for template in gallery {
        let Ok(stored) = compact::read(template, Reading::Lenient) else { continue };
        let score = workspace.compare(&probe, &Prepared::new(&stored));
        if best.is_none_or(|best| score > best) {
            best = Some(score);
        }
    }
    best
}

/// How clear a score is; `None` when it is no match at all.
pub(crate) fn band_of(score: matcher::Score) -> Option<Band> {
    match score.band() {
        matcher::Band::No => None,
        matcher::Band::Ordinary => Some(Band::Ordinary),
        matcher::Band::Strict => Some(Band::Strict),
        matcher::Band::Clear => Some(Band::Clear),
    }
}

/// Minutiae in compact size, the best `count_max` of them; no copy stays behind.
pub(crate) fn compact_of(minutiae: &Minutiae, count_max: usize) -> zeroize::Zeroizing<Vec<u8>> {
    let mut bytes = compact::write(minutiae, count_max);
    let kept = zeroize::Zeroizing::new(bytes.to_vec());
    zeroize::Zeroize::zeroize(bytes.as_mut_slice());
    kept
}

/// Whether these are the very minutiae of a stored template: no finger gives those twice.
pub(crate) fn is_copy(probe: &Minutiae, template: &[u8]) -> bool {
    let count = template.len() / compact::COMPACT_BYTES;
    compact_of(probe, count).as_slice() == template
}

/// Good minutiae of an impression.
pub(crate) fn good_count(minutiae: &Minutiae) -> usize {
    minutiae.iter().filter(|minutia| minutia.quality >= extract::GOOD_QUALITY).count()
}

fn dpi(pixels_per_cm: u16) -> u16 {
    u16::try_from(u32::from(pixels_per_cm) * 254 / 100).unwrap_or(u16::MAX)
}

/// What would make an image better: squares with contrast are finger; how many there are and how dark they are
/// tells the rest.
fn advice(image: &Image) -> Advice {
    let (width, height) = (usize::from(image.width), usize::from(image.height));
    let (mut squares, mut finger, mut sum) = (0_u32, 0_u32, 0_f32);
    for top in (0..height.saturating_sub(SQUARE - 1)).step_by(SQUARE) {
        for left in (0..width.saturating_sub(SQUARE - 1)).step_by(SQUARE) {
            let rows = (top..top + SQUARE).filter_map(|y| {
                let from = y * width + left;
                image.pixels.get(from..from + SQUARE)
            });
            let (mut least, mut most, mut total) = (u8::MAX, 0, 0_u32);
            for pixel in rows.flatten() {
                least = least.min(*pixel);
                most = most.max(*pixel);
                total += u32::from(*pixel);
            }
            squares += 1;
            if most.saturating_sub(least) >= FINGER_CONTRAST {
                finger += 1;
                sum += total as f32 / (SQUARE * SQUARE) as f32;
            }
        }
    }
    if squares == 0 || (finger as f32) < COVER_MIN * squares as f32 {
        return Advice::Middle;
    }
    match sum / finger as f32 {
        grey if grey > DRY_GREY => Advice::Moister,
        grey if grey < WET_GREY => Advice::Drier,
        _ => Advice::Again,
    }
}

fn failure(error: FingerprintError) -> FingerFailure {
    match error {
        FingerprintError::NoFinger => FingerFailure::NoFinger,
        FingerprintError::Quality | FingerprintError::Differ => FingerFailure::PoorImage(Advice::Again),
        FingerprintError::Cancelled => FingerFailure::Cancelled,
        FingerprintError::Template => FingerFailure::TemplateBroken,
        _ => FingerFailure::NoSensor,
    }
}

impl fmt::Debug for Impression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Impression").field("fitness", &self.fitness).finish_non_exhaustive()
    }
}

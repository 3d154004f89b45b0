//! A sensor on which the test lays fingers, one after the other.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use hal::fingerprint::{
    Comparison, FingerprintError, FingerprintSensor, Guidance, Guide, Health, Image, Ring, Template, Wish,
};
use sim::module::{Condition, Finger, IMAGE_HEIGHT, IMAGE_WIDTH};

/// What happens at the next capture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Laid {
    /// This finger, laid down for the time with this seed.
    Finger(Finger, Condition, u64),
    /// The very image of before.
    Same,
    /// An image with nothing on it.
    Blank,
    /// Nobody comes.
    Nobody,
    /// The module cannot make sense of it.
    Smear,
    /// The cable is out.
    Unplugged,
}

struct State {
    laid: VecDeque<Laid>,
    last: Option<Laid>,
    serial: Option<String>,
    stays: bool,
    captures: u32,
    /// What the module says of a finger and a template of its maker.
    compares: Option<bool>,
}

#[derive(Clone)]
pub(crate) struct TestSensor(Arc<Mutex<State>>);

impl Default for TestSensor {
    fn default() -> Self {
        TestSensor(Arc::new(Mutex::new(State {
            laid: VecDeque::new(),
            last: None,
            serial: Some("F0001".into()),
            stays: false,
            captures: 0,
            compares: None,
        })))
    }
}

impl TestSensor {
    pub(crate) fn lay(&self, laid: Laid) {
        self.0.lock().unwrap().laid.push_back(laid);
    }

    /// A well laid finger; each seed is another impression.
    pub(crate) fn finger(&self, finger: Finger, seed: u64) {
        self.lay(Laid::Finger(finger, Condition::default(), seed));
    }

    pub(crate) fn swap(&self, serial: &str) {
        self.0.lock().unwrap().serial = Some(serial.into());
    }

    /// The finger is not lifted from now on.
    pub(crate) fn keep_on(&self, stays: bool) {
        self.0.lock().unwrap().stays = stays;
    }

    /// The module compares by itself from now on, and says this.
    pub(crate) fn compares(&self, same: bool) {
        self.0.lock().unwrap().compares = Some(same);
    }

    pub(crate) fn captures(&self) -> u32 {
        self.0.lock().unwrap().captures
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().laid.is_empty()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().laid.clear();
    }
}

/// Images that were made before: many tests lay the same fingers down.
fn image(finger: Finger, condition: Condition, seed: u64) -> Vec<u8> {
    type Made = HashMap<(Finger, u64), Vec<u8>>;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    if condition != Condition::default() {
        return finger.image(&condition, seed);
    }
    let made = MADE.lock().unwrap_or_else(PoisonError::into_inner).get(&(finger, seed)).cloned();
    made.unwrap_or_else(|| {
        let image = finger.image(&condition, seed);
        MADE.lock().unwrap_or_else(PoisonError::into_inner).insert((finger, seed), image.clone());
        image
    })
}

impl FingerprintSensor for TestSensor {
    fn probe(&mut self) -> Result<Health, FingerprintError> {
        let state = self.0.lock().unwrap();
        if matches!(state.laid.front(), Some(Laid::Unplugged)) {
            return Err(FingerprintError::Silent);
        }
        Ok(Health {
            model: 9,
            capacity: 100,
            kept: Some(0),
            security_level: 3,
            serial: state.serial.clone(),
            baud: Some(115_200),
        })
    }

    fn capture(&mut self, _: u32, guide: Guidance<'_>) -> Result<Image, FingerprintError> {
        if guide(Guide::PlaceFinger) == Wish::Cancel {
            return Err(FingerprintError::Cancelled);
        }
        let mut state = self.0.lock().unwrap();
        state.captures += 1;
        let laid = match state.laid.pop_front() {
            Some(Laid::Same) => state.last.expect("an image before"),
            Some(laid) => laid,
            None => Laid::Nobody,
        };
        let pixels = match laid {
            Laid::Finger(finger, condition, seed) => image(finger, condition, seed),
            Laid::Blank => vec![255; IMAGE_WIDTH * IMAGE_HEIGHT],
            Laid::Smear => return Err(FingerprintError::Quality),
            Laid::Nobody | Laid::Same => return Err(FingerprintError::NoFinger),
            Laid::Unplugged => return Err(FingerprintError::Unplugged),
        };
        state.last = Some(laid);
        Ok(Image { width: IMAGE_WIDTH as u16, height: IMAGE_HEIGHT as u16, pixels_per_cm: 197, pixels })
    }

    fn capture_template(&mut self, _: u32, _: Guidance<'_>) -> Result<Template, FingerprintError> {
        Err(FingerprintError::Memory)
    }

    fn compare(&mut self, _: &Template, _: u32, _: Guidance<'_>) -> Result<Comparison, FingerprintError> {
        let mut state = self.0.lock().unwrap();
        state.captures += 1;
        let same = state.compares.ok_or(FingerprintError::Template)?;
        Ok(Comparison { same, score: if same { u16::MAX } else { 0 } })
    }

    fn wait_lifted(&mut self, _: u32, guide: Guidance<'_>) -> Result<bool, FingerprintError> {
        if !self.0.lock().unwrap().stays {
            return Ok(true);
        }
        match guide(Guide::LiftFinger) {
            Wish::GoOn => Ok(false),
            Wish::Cancel => Err(FingerprintError::Cancelled),
        }
    }

    fn store(&mut self, _: u16, _: &Template) -> Result<(), FingerprintError> {
        Err(FingerprintError::Memory)
    }

    fn load(&mut self, _: u16) -> Result<Template, FingerprintError> {
        Err(FingerprintError::Place)
    }

    fn delete(&mut self, _: u16) -> Result<(), FingerprintError> {
        Ok(())
    }

    fn count(&mut self) -> Result<u16, FingerprintError> {
        Ok(0)
    }

    fn ring(&mut self, _: Ring) -> Result<(), FingerprintError> {
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), FingerprintError> {
        Ok(())
    }
}

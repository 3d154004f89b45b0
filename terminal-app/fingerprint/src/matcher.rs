//! Comparison of two impressions by their minutiae: are they of one finger?
//!
//! Fixed memory, no allocation, and the same answer on every machine. Three steps:
//!
//! 1. **Alike surroundings.** Each minutia is described by its nearest neighbours, seen from its own direction, so
//!    that turning and moving the finger changes nothing; pairs of minutiae with alike neighbours are where
//!    one impression may lie on the other (nearest-neighbour structures; Jiang, Yau 2000).
//! 2. **Alignment.** From each of the best pairs one impression is laid on the other, pairs within reach are
//!    taken, the motion is fitted anew to all of them by least squares (Umeyama 1991), and at last what near
//!    pairs are off by is taken out locally, since skin is elastic (as in Bazen, Gerez 2003).
//! 3. **Evidence.** Every pair speaks for one finger, the more the better it fits; every minutia that finds no
//!    partner where the other impression has been seen too speaks against it. The sum is the score.
//!
//! A score means nothing outside of this engine: [`Score::passes`] and [`Score::band`] say what it does.

mod align;
mod evidence;
mod prepared;

use core::fmt;

pub use prepared::Prepared;

use crate::minutia::MINUTIAE_MAX;

/// Name and version of this engine: scores of another are another scale.
pub const ENGINE: &str = "jinbao-1";

/// Pairs of minutiae from which an alignment is begun.
const SEEDS_MAX: usize = 28;
/// Least likeness of surroundings of such a pair.
const SEED_LIKENESS_MIN: f32 = 0.5;
/// Alignments nearer to each other than this, in radians and in pixels in the middle of the finger, are one.
const SAME_TURN: f32 = 0.12;
const SAME_PLACE: f32 = 10.0;
/// About the middle of a finger, in pixels.
const MIDDLE: f32 = 150.0;
/// Likeness is kept in steps of this much.
const LIKENESS_STEP: f32 = 1.0 / 24.0;

/// How much two impressions speak for one finger; at least 0.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Score(f32);

/// Memory that a comparison needs; to be kept and used again.
pub struct Workspace {
    /// Likeness of surroundings, in `LIKENESS_STEP`.
    likeness: [[u8; MINUTIAE_MAX]; MINUTIAE_MAX],
    seeds: heapless::Vec<Seed, SEEDS_MAX>,
    tried: heapless::Vec<align::Motion, SEEDS_MAX>,
    alignment: align::Alignment,
}

/// A pair of minutiae with alike surroundings.
#[derive(Clone, Copy)]
struct Seed {
    likeness: u8,
    probe: u8,
    gallery: u8,
}

impl Workspace {
    /// Memory for one comparison at a time.
    pub const fn new() -> Self {
        Self {
            likeness: [[0; MINUTIAE_MAX]; MINUTIAE_MAX],
            seeds: heapless::Vec::new(),
            tried: heapless::Vec::new(),
            alignment: align::Alignment::new(),
        }
    }

    /// Compares a fresh impression with a stored one.
    ///
    /// Zero when there are fewer than three minutiae on a side.
    pub fn compare(&mut self, probe: &Prepared, gallery: &Prepared) -> Score {
        if probe.points().len() < 3 || gallery.points().len() < 3 {
            return Score(0.0);
        }
        self.find_seeds(probe, gallery);
        self.tried.clear();
        let mut best = 0.0;
        for seed in self.seeds.clone() {
            let (probe_at, gallery_at) = (usize::from(seed.probe), usize::from(seed.gallery));
            let motion = align::Motion::laying(&probe.points()[probe_at], &gallery.points()[gallery_at]);
            if self.tried.iter().any(|tried| tried.is_near(&motion)) {
                continue;
            }
            // There is room for every seed.
            let _ = self.tried.push(motion);
            if self.alignment.find(probe, gallery, &self.likeness, motion) {
                let score = evidence::weigh(probe, gallery, &self.likeness, &self.alignment);
                best = if score > best { score } else { best };
            }
        }
        Score(best)
    }

    fn find_seeds(&mut self, probe: &Prepared, gallery: &Prepared) {
        self.seeds.clear();
        for one in 0..probe.points().len() {
            for two in 0..gallery.points().len() {
                let value = prepared::likeness(probe.neighbours(one), gallery.neighbours(two));
                let steps = (value / LIKENESS_STEP + 0.5) as u8;
                self.likeness[one][two] = steps;
                if value <= SEED_LIKENESS_MIN {
                    continue;
                }
                let seed = Seed { likeness: steps, probe: one as u8, gallery: two as u8 };
                let place = self.seeds.iter().position(|other| seed.likeness > other.likeness);
                if self.seeds.is_full() && place.is_some() {
                    self.seeds.pop();
                }
                // Full of better ones, if it does not go in.
                let _ = self.seeds.insert(place.unwrap_or(self.seeds.len()), seed);
            }
        }
    }
}

/// How rarely another's finger may pass, per try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Once in a thousand: reminders, small amounts, questions about oneself.
    Ordinary,
    /// Once in ten thousand: money and certification.
    Strict,
}

/// How clear a comparison was, in four steps: all that leaves the terminal of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// More than one other finger in a thousand would do as well.
    No,
    /// Fewer than one in a thousand.
    Ordinary,
    /// Fewer than one in ten thousand.
    Strict,
    /// Far fewer.
    Clear,
}

/// Scores that one other finger in a thousand, in ten thousand, and in far more reaches.
///
/// Measured on impostors of three public sets, at one threshold for all; beyond 1e-3 continued along the
/// exponential tail that they show.
const ORDINARY: f32 = 10.5;
const STRICT: f32 = 13.5;
const CLEAR: f32 = 20.0;

impl Score {
    /// Whether this is one finger, at this level.
    pub fn passes(self, level: Level) -> bool {
        self.0
            >= match level {
                Level::Ordinary => ORDINARY,
                Level::Strict => STRICT,
            }
    }

    /// How clear it was.
    pub fn band(self) -> Band {
        match self.0 {
            CLEAR.. => Band::Clear,
            STRICT.. => Band::Strict,
            ORDINARY.. => Band::Ordinary,
            _ => Band::No,
        }
    }

    /// The number itself, to be measured.
    #[cfg(feature = "std")]
    pub(crate) fn value(self) -> f32 {
        self.0
    }
}

impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Score({:?})", self.band())
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

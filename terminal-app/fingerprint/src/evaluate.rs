//! Accuracy by the protocol of the Fingerprint Verification Competition (Cappelli et al. 2006).
//!
//! Genuine: every pair of impressions of one finger. Impostors: every pair of impressions of two fingers.
//! Symmetric pairs are compared once.

use crate::{
    matcher::{Prepared, Workspace},
    minutia::Minutiae,
};

/// One impression and whose it is.
#[derive(Clone, Debug)]
pub struct Impression {
    /// Number of the finger, over all persons.
    pub finger: u32,
    /// Number of the impression of this finger.
    pub impression: u32,
    /// As it comes from the sensor.
    pub probe: Minutiae,
    /// As it would be stored; the same, or cut down to a card's format.
    pub gallery: Minutiae,
}

/// One comparison.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    probe: (u32, u32),
    gallery: (u32, u32),
    score: f32,
}

/// Comparisons of one set or of several.
#[derive(Clone, Debug, Default)]
pub struct Comparisons {
    genuine: Vec<Comparison>,
    impostor: Vec<Comparison>,
}

/// A point of the trade between the two kinds of error, both in shares of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Share of other fingers that pass.
    pub false_match: f32,
    /// Share of the right fingers that do not.
    pub false_non_match: f32,
}

/// Refusals of a person who may try again, at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// One try.
    pub one_try: f32,
    /// The best of three tries with one finger.
    pub three_tries: f32,
    /// Three tries with one finger, then three with another.
    pub two_fingers: f32,
}

impl Comparisons {
    /// Makes all comparisons of a set with this engine; `progress` is told how many are done.
    pub fn of(set: &[Impression], progress: &mut dyn FnMut(usize)) -> Self {
        let prepared: Vec<_> =
            set.iter().map(|one| (Prepared::new(&one.probe), Prepared::new(&one.gallery))).collect();
        let mut workspace = Box::<Workspace>::default();
        let labels: Vec<_> = set.iter().map(|one| (one.finger, one.impression)).collect();
        let mut done = 0;
        Self::by(&labels, &mut |probe, gallery| {
            done += 1;
            progress(done);
            workspace.compare(&prepared[probe].0, &prepared[gallery].1).value()
        })
    }

    /// Makes all comparisons of a set, (finger, impression) each, with any engine that gives a higher score to
    /// what is more alike.
    pub fn by(labels: &[(u32, u32)], compare: &mut dyn FnMut(usize, usize) -> f32) -> Self {
        let mut comparisons = Self::default();
        for (one, probe) in labels.iter().enumerate() {
            for (two, gallery) in labels.iter().enumerate().skip(one + 1) {
                let comparison = Comparison { probe: *probe, gallery: *gallery, score: compare(one, two) };
                if probe.0 == gallery.0 {
                    comparisons.genuine.push(comparison);
                } else {
                    comparisons.impostor.push(comparison);
                }
            }
        }
        comparisons
    }

    /// Adds those of another set; fingers of different sets are different fingers.
    pub fn add(&mut self, other: &Comparisons) {
        let moved = self.fingers_end();
        let shift = |comparison: &Comparison| Comparison {
            probe: (comparison.probe.0 + moved, comparison.probe.1),
            gallery: (comparison.gallery.0 + moved, comparison.gallery.1),
            score: comparison.score,
        };
        self.genuine.extend(other.genuine.iter().map(shift));
        self.impostor.extend(other.impostor.iter().map(shift));
    }

    fn fingers_end(&self) -> u32 {
        self.genuine.iter().map(|comparison| comparison.probe.0 + 1).max().unwrap_or(0)
    }

    /// Comparisons of one finger with itself, and of different fingers.
    pub fn counts(&self) -> (usize, usize) {
        (self.genuine.len(), self.impostor.len())
    }

    /// The score above which at most this share of the impostors lies: what levels are calibrated by.
    pub fn threshold(&self, false_match: f64) -> f32 {
        let mut scores: Vec<f32> = self.impostor.iter().map(|comparison| comparison.score).collect();
        scores.sort_unstable_by(|one, two| two.total_cmp(one));
        let allowed = (false_match * scores.len() as f64) as usize;
        scores.get(allowed).copied().unwrap_or(0.0)
    }

    /// Share of the right fingers that are refused when at most this share of others passes.
    pub fn false_non_match(&self, false_match: f64) -> f32 {
        let threshold = self.threshold(false_match);
        share(&self.genuine, |comparison| comparison.score <= threshold)
    }

    /// Where both errors are equal.
    pub fn equal_error(&self) -> f32 {
        self.curve()
            .into_iter()
            .find(|point| point.false_non_match >= point.false_match)
            .map_or(0.0, |point| (point.false_match + point.false_non_match) / 2.0)
    }

    /// Every threshold that changes something, from the lowest on.
    pub fn curve(&self) -> Vec<Point> {
        let sorted = |list: &[Comparison]| {
            let mut scores: Vec<f32> = list.iter().map(|comparison| comparison.score).collect();
            scores.sort_unstable_by(f32::total_cmp);
            scores
        };
        let (genuine, impostor) = (sorted(&self.genuine), sorted(&self.impostor));
        let mut thresholds: Vec<f32> = genuine.iter().chain(&impostor).copied().collect();
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();
        thresholds
            .into_iter()
            .map(|threshold| {
                let below = |scores: &[f32]| scores.partition_point(|score| *score <= threshold);
                Point {
                    false_match: 1.0 - below(&impostor) as f32 / impostor.len().max(1) as f32,
                    false_non_match: below(&genuine) as f32 / genuine.len().max(1) as f32,
                }
            })
            .collect()
    }

    /// Refusals when one may try again, at the threshold of single tries.
    ///
    /// Tries are the comparisons of a stored impression with the others of its finger, three at a time; the
    /// second finger of a person is the next in the set.
    pub fn decision(&self, false_match: f64) -> Decision {
        let threshold = self.threshold(false_match);
        // Outcomes of one stored impression, and after them those of the next finger's.
        let mut groups: Vec<((u32, u32), Vec<bool>)> = Vec::new();
        let mut sorted = self.genuine.clone();
        sorted.extend(self.genuine.iter().map(|comparison| Comparison {
            probe: comparison.gallery,
            gallery: comparison.probe,
            ..*comparison
        }));
        sorted.sort_by_key(|comparison| (comparison.gallery, comparison.probe));
        for comparison in &sorted {
            if groups.last().is_none_or(|(gallery, _)| *gallery != comparison.gallery) {
                groups.push((comparison.gallery, Vec::new()));
            }
            if let Some((_, outcomes)) = groups.last_mut() {
                outcomes.push(comparison.score > threshold);
            }
        }
        let mut tries = Vec::new();
        for ((finger, _), outcomes) in &groups {
            for three in outcomes.chunks_exact(3) {
                tries.push((*finger, !three.contains(&true)));
            }
        }
        let refused = tries.iter().filter(|(_, refused)| *refused).count() as f32;
        let mut both = (0_u32, 0_u32);
        for (finger, refused) in &tries {
            for (_, other) in tries.iter().filter(|(other, _)| *other == finger + 1 && finger % 2 == 0) {
                both.0 += u32::from(*refused && *other);
                both.1 += 1;
            }
        }
        Decision {
            one_try: share(&self.genuine, |comparison| comparison.score <= threshold),
            three_tries: refused / tries.len().max(1) as f32,
            two_fingers: both.0 as f32 / both.1.max(1) as f32,
        }
    }
}

fn share(list: &[Comparison], is: impl Fn(&Comparison) -> bool) -> f32 {
    list.iter().filter(|comparison| is(comparison)).count() as f32 / list.len().max(1) as f32
}

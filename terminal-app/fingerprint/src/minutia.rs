//! What is left of a finger: the places where its ridges end or fork.

use core::{fmt, ops::Deref};

use zeroize::Zeroize;

/// Most minutiae of one finger; of more, the best are kept.
pub const MINUTIAE_MAX: usize = 128;

/// What a minutia is. Source: ISO/IEC 19794-2 §6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Not told.
    #[default]
    Other,
    /// A ridge ends.
    Ending,
    /// A ridge forks.
    Bifurcation,
}

/// One minutia.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Minutia {
    /// Hundredths of a millimetre from the left.
    pub x: u16,
    /// Hundredths of a millimetre from the top.
    pub y: u16,
    /// In 256ths of a turn, counter-clockwise from the right: where the ridge comes from, or where the fork's
    /// two branches go.
    pub angle: u8,
    /// What it is.
    pub kind: Kind,
    /// 1 to 100; 0 not told.
    pub quality: u8,
}

impl fmt::Debug for Minutia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minutia(…)")
    }
}

/// Minutiae of one impression. Wiped when dropped; `Debug` tells only how many.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Minutiae(heapless::Vec<Minutia, MINUTIAE_MAX>);

impl Minutiae {
    /// None.
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Adds one; of too many, the one of the lowest quality goes.
    pub fn push_best(&mut self, minutia: Minutia) {
        if self.0.push(minutia).is_err()
            && let Some(worst) = self.0.iter_mut().min_by_key(|minutia| minutia.quality)
            && worst.quality < minutia.quality
        {
            *worst = minutia;
        }
    }

    /// Keeps the `count` of the highest quality, in the order in which they are.
    pub fn keep_best(&mut self, count: usize) {
        while self.0.len() > count {
            let worst = self.0.iter().enumerate().rev().min_by_key(|(_, minutia)| minutia.quality);
            let Some((at, _)) = worst else { return };
            self.0.remove(at);
        }
    }

    /// Orders them by a key.
    pub fn sort_unstable_by_key<K: Ord>(&mut self, key: impl FnMut(&Minutia) -> K) {
        self.0.sort_unstable_by_key(key);
    }
}

impl Deref for Minutiae {
    type Target = [Minutia];

    fn deref(&self) -> &[Minutia] {
        &self.0
    }
}

impl FromIterator<Minutia> for Minutiae {
    fn from_iter<I: IntoIterator<Item = Minutia>>(minutiae: I) -> Self {
        let mut all = Self::new();
        minutiae.into_iter().for_each(|minutia| all.push_best(minutia));
        all
    }
}

impl fmt::Debug for Minutiae {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Minutiae({})", self.0.len())
    }
}

impl Zeroize for Minutiae {
    fn zeroize(&mut self) {
        // Also where some have been that were taken out.
        let _ = self.0.resize_default(MINUTIAE_MAX);
        for minutia in &mut self.0 {
            minutia.x.zeroize();
            minutia.y.zeroize();
            minutia.angle.zeroize();
            minutia.quality.zeroize();
            minutia.kind = Kind::Other;
        }
        self.0.clear();
    }
}

impl Drop for Minutiae {
    fn drop(&mut self) {
        self.zeroize();
    }
}

//! Money as integer fen (分).

use core::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

/// An amount in fen, the hundredth part of a yuan; negative in a cancellation.
///
/// `Display` writes yuan with two places, `-0.05` for minus five fen. Additions saturate, so that no
/// input can make settlement panic; a saturated sum is far beyond every limit and is refused there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Fen(pub i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Fen = Fen(0);

    /// The largest amount that the card's 4-byte binary fields hold, 42949672.95 yuan.
    pub const CARD_MAX: Fen = Fen(u32::MAX as i64);

    /// Whole yuan.
    pub const fn from_yuan(yuan: i64) -> Self {
        Fen(yuan.saturating_mul(100))
    }

    /// The amount as the card stores it; `None` when it is negative or above [`Fen::CARD_MAX`].
    pub fn to_card(self) -> Option<u32> {
        u32::try_from(self.0).ok()
    }

    /// Parses decimal yuan with at most two places: `12`, `12.3`, `-12.30`.
    ///
    /// `None` for anything else, including an empty string, a sign alone and more than two places.
    pub fn parse_yuan(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (yuan, fen) = match digits.split_once('.') {
            Some((yuan, fen)) if !fen.is_empty() => (yuan, fen),
            Some(_) => return None,
            None => (digits, ""),
        };
        if yuan.is_empty() || fen.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return None;
        }
        let scale = if fen.len() == 1 { 10 } else { 1 };
        let fen = if fen.is_empty() { 0 } else { fen.parse::<i64>().ok()? * scale };
        let amount = yuan.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen)?;
        Some(Fen(if negative { -amount } else { amount }))
    }

    /// This share of the amount, rounded half up to a fen (away from zero when negative).
    ///
    /// `share_ppm` is in parts per million: 50 000 is 5 %.
    pub fn share(self, share_ppm: u32) -> Self {
        let product = i128::from(self.0) * i128::from(share_ppm);
        let half = if product < 0 { -500_000 } else { 500_000 };
        Fen(i64::try_from((product + half) / 1_000_000).unwrap_or(if product < 0 {
            i64::MIN
        } else {
            i64::MAX
        }))
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", abs / 100, abs % 100)
    }
}

impl Add for Fen {
    type Output = Fen;
    fn add(self, other: Fen) -> Fen {
        Fen(self.0.saturating_add(other.0))
    }
}

impl Sub for Fen {
    type Output = Fen;
    fn sub(self, other: Fen) -> Fen {
        Fen(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Fen {
    fn add_assign(&mut self, other: Fen) {
        *self = *self + other;
    }
}

impl SubAssign for Fen {
    fn sub_assign(&mut self, other: Fen) {
        *self = *self - other;
    }
}

impl Neg for Fen {
    type Output = Fen;
    fn neg(self) -> Fen {
        Fen(self.0.saturating_neg())
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Fen>>(iter: I) -> Fen {
        iter.fold(Fen::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::Fen;

    #[test]
    fn yuan_text_round_trips() {
        for (text, fen) in [("0.00", 0), ("4.52", 452), ("-0.05", -5), ("42949672.95", 4_294_967_295)] {
            assert_eq!(Fen::parse_yuan(text), Some(Fen(fen)));
            assert_eq!(Fen(fen).to_string(), text);
        }
        assert_eq!(Fen::parse_yuan("1.5"), Some(Fen(150)));
        for bad in ["", "-", ".", "1.", ".5", "1.234", "1,00", "+1", "--1", "1.2.3", "99999999999999999999"] {
            assert_eq!(Fen::parse_yuan(bad), None, "{bad}");
        }
    }

    #[test]
    fn share_rounds_half_up() {
        assert_eq!(Fen(452).share(50_000), Fen(23));
        assert_eq!(Fen(-452).share(50_000), Fen(-23));
        assert_eq!(Fen(450).share(50_000), Fen(23));
        assert_eq!(Fen(449).share(50_000), Fen(22));
    }
}

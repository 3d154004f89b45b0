//! Selection of protocol and parameters, the card's side.
//!
//! Source: ISO/IEC 7816-3 §9.

use super::{
    PpsAnswer,
    atr::{Parameters, Protocol, Speed, exclusive_or},
};

/// First byte of a selection.
pub(super) const PPSS: u8 = 0xFF;

const HAS_PPS1: u8 = 0x10;

/// A selection as far as it has come.
#[derive(Debug)]
pub(super) struct Selection(Vec<u8>);

/// What comes of a whole selection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The card does not answer and takes nothing but a reset.
    Mute,
    /// The card answers, and both go on like this.
    Agreed { answer: Vec<u8>, protocol: Protocol, speed: Speed },
    /// The card answers something that no reader may accept.
    Wrong { answer: Vec<u8> },
}

impl Selection {
    pub(super) fn new() -> Self {
        Self(vec![PPSS])
    }

    /// Takes one character; says what comes of it once it is whole.
    pub(super) fn character(
        &mut self,
        byte: u8,
        manner: PpsAnswer,
        parameters: &Parameters,
    ) -> Option<Outcome> {
        self.0.push(byte);
        let pps0 = *self.0.get(1)?;
        let parts = (pps0 >> 4 & 7).count_ones() as usize;
        if self.0.len() < 3 + parts {
            return None;
        }
        Some(self.judge(pps0, manner, parameters))
    }

    fn judge(&self, pps0: u8, manner: PpsAnswer, parameters: &Parameters) -> Outcome {
        let protocol = match pps0 & 0x0F {
            0 => Protocol::T0,
            1 => Protocol::T1,
            _ => return Outcome::Mute,
        };
        // A wrong check, or a protocol that was not offered: no answer (§9.3).
        if exclusive_or(&self.0) != 0
            || !parameters.protocols.contains(&protocol)
            || manner == PpsAnswer::Mute
        {
            return Outcome::Mute;
        }
        let asked = (pps0 & HAS_PPS1 != 0).then(|| self.0.get(2).copied()).flatten();
        let speed = asked
            .filter(|_| manner != PpsAnswer::DefaultSpeed)
            .and_then(Speed::new)
            .filter(|asked| is_offered(*asked, parameters.speed));
        // PPS2 and PPS3 ask for what this card has not.
        let mut answer = vec![PPSS, pps0 & 0x0F];
        if let Some(speed) = speed {
            answer[1] |= HAS_PPS1;
            answer.push(speed.byte);
        }
        match manner {
            PpsAnswer::OtherProtocol => {
                answer[1] ^= 1;
                answer.push(exclusive_or(&answer));
                Outcome::Wrong { answer }
            }
            PpsAnswer::WrongCheck => {
                answer.push(!exclusive_or(&answer));
                Outcome::Wrong { answer }
            }
            _ => {
                answer.push(exclusive_or(&answer));
                Outcome::Agreed { answer, protocol, speed: speed.unwrap_or(Speed::DEFAULT) }
            }
        }
    }
}

/// Whether the card goes along with this speed: F and D between the default and what TA1 says (§9.2).
fn is_offered(asked: Speed, offered: Speed) -> bool {
    let default = Speed::DEFAULT;
    asked == default
        || (default.f..=offered.f).contains(&asked.f) && (default.d..=offered.d).contains(&asked.d)
}

#[cfg(test)]
mod tests {
    use super::{super::atr::Offer, *};

    fn select(bytes: &[u8], manner: PpsAnswer, offer: &Offer) -> Option<Outcome> {
        // Cannot fail: the offers below are sound.
        let parameters = Parameters::of(&offer.answer(&[]).expect("an answer"));
        let mut selection = Selection::new();
        let (last, first) = bytes[1..].split_last().expect("bytes");
        for byte in first {
            assert_eq!(selection.character(*byte, manner, &parameters), None);
        }
        selection.character(*last, manner, &parameters)
    }

    #[test]
    fn selections_of_all_kinds() {
        let fast = Offer { ta1: Some(0x97), ..Offer::both() };
        let agreed = |answer: &[u8], protocol, byte| {
            // Cannot fail: bytes of the tables.
            let speed = Speed::new(byte).expect("a speed");
            Some(Outcome::Agreed { answer: answer.to_vec(), protocol, speed })
        };
        let agree = PpsAnswer::Agree;
        assert_eq!(
            select(&[0xFF, 0x11, 0x97, 0x79], agree, &fast),
            agreed(&[0xFF, 0x11, 0x97, 0x79], Protocol::T1, 0x97)
        );
        assert_eq!(
            select(&[0xFF, 0x00, 0xFF], agree, &fast),
            agreed(&[0xFF, 0x00, 0xFF], Protocol::T0, 0x11)
        );
        // Slower than offered is fine, faster is answered without a speed: the default.
        assert_eq!(
            select(&[0xFF, 0x10, 0x95, 0x7A], agree, &fast),
            agreed(&[0xFF, 0x10, 0x95, 0x7A], Protocol::T0, 0x95)
        );
        assert_eq!(
            select(&[0xFF, 0x10, 0x97, 0x78], agree, &Offer::t0()),
            agreed(&[0xFF, 0x00, 0xFF], Protocol::T0, 0x11)
        );
        assert_eq!(select(&[0xFF, 0x10, 0x97, 0x79], agree, &fast), Some(Outcome::Mute), "wrong check");
        assert_eq!(select(&[0xFF, 0x01, 0xFE], agree, &Offer::t0()), Some(Outcome::Mute), "not offered");
        assert_eq!(select(&[0xFF, 0x0E, 0xF1], agree, &fast), Some(Outcome::Mute), "no such protocol");
        assert_eq!(select(&[0xFF, 0x00, 0xFF], PpsAnswer::Mute, &fast), Some(Outcome::Mute));
        assert_eq!(
            select(&[0xFF, 0x10, 0x97, 0x78], PpsAnswer::DefaultSpeed, &fast),
            agreed(&[0xFF, 0x00, 0xFF], Protocol::T0, 0x11)
        );
        assert_eq!(
            select(&[0xFF, 0x00, 0xFF], PpsAnswer::OtherProtocol, &fast),
            Some(Outcome::Wrong { answer: vec![0xFF, 0x01, 0xFE] })
        );
        assert_eq!(
            select(&[0xFF, 0x00, 0xFF], PpsAnswer::WrongCheck, &fast),
            Some(Outcome::Wrong { answer: vec![0xFF, 0x00, 0x00] })
        );
        // PPS2 and PPS3 are heard and not agreed to.
        assert_eq!(
            select(&[0xFF, 0x71, 0x97, 0x01, 0x02, 0x1A], agree, &fast),
            agreed(&[0xFF, 0x11, 0x97, 0x79], Protocol::T1, 0x97)
        );
    }
}

//! Answers to reset as a card makes them: what it offers, and what it then holds itself to.
//!
//! Source: ISO/IEC 7816-3 §8.

/// Protocol of transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Characters, T=0.
    T0,
    /// Blocks, T=1.
    T1,
}

/// Check at the end of a block of T=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// One byte, exclusive or.
    #[default]
    Lrc,
    /// Two bytes, ISO/IEC 13239.
    Crc,
}

/// What a card offers in its answer to reset beside its historical bytes.
///
/// Values are as on the line; `None` leaves a byte out, and its default counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Protocols, the first one first. One or both.
    pub protocols: Vec<Protocol>,
    /// Inverse convention.
    pub is_inverse: bool,
    /// TA1: speed, F in the upper and D in the lower half.
    pub ta1: Option<u8>,
    /// TC1: extra guard time.
    pub tc1: Option<u8>,
    /// TA2: specific mode; bit 5 set is for speeds that are implicit.
    pub ta2: Option<u8>,
    /// TC2: WI, waiting time of T=0.
    pub wi: Option<u8>,
    /// TA3: longest information field that the card takes, 1 to 254 (T=1).
    pub ifsc: Option<u8>,
    /// TB3: BWI in the upper and CWI in the lower half (T=1).
    pub waiting: Option<u8>,
    /// TC3: check of blocks (T=1).
    pub check: Check,
}

impl Offer {
    /// T=0 at the default speed.
    pub fn t0() -> Self {
        Self {
            protocols: vec![Protocol::T0],
            is_inverse: false,
            ta1: None,
            tc1: None,
            ta2: None,
            wi: None,
            ifsc: None,
            waiting: None,
            check: Check::Lrc,
        }
    }

    /// T=1 with fields of up to 254 bytes, BWI 4, CWI 5.
    pub fn t1() -> Self {
        Self { protocols: vec![Protocol::T1], ifsc: Some(254), waiting: Some(0x45), ..Self::t0() }
    }

    /// Both, T=0 first.
    pub fn both() -> Self {
        Self { protocols: vec![Protocol::T0, Protocol::T1], ..Self::t1() }
    }
}

/// Most bytes of an answer to reset, TS included.
pub const ATR_BYTES_MAX: usize = 33;

/// TS of the direct convention.
const DIRECT: u8 = 0x3B;
/// TS of the inverse convention.
const INVERSE: u8 = 0x3F;

impl Offer {
    /// The answer to reset with this offer and these historical bytes (at most 15 are taken).
    ///
    /// `None` when an offer of this kind cannot be told: no protocol, or more than 33 bytes.
    pub fn answer(&self, historical: &[u8]) -> Option<Vec<u8>> {
        let first = *self.protocols.first()?;
        let historical = historical.get(..historical.len().min(15))?;
        let offers = |protocol| self.protocols.contains(&protocol);
        let block = [self.ifsc, self.waiting, (self.check == Check::Crc).then_some(1)];

        // Groups of interface bytes after TD1, TD2 ...: protocol, and TA, TB, TC. The bytes of T=1 are those
        // after the second TD at the earliest (§8.2.3, §11.4).
        let mut groups: Vec<(Protocol, [Option<u8>; 3])> = Vec::new();
        let global = [self.ta2, None, self.wi.filter(|_| offers(Protocol::T0))];
        if offers(Protocol::T1) || global != [None; 3] {
            groups.push((first, global));
        }
        if offers(Protocol::T1) && (block != [None; 3] || first == Protocol::T0) {
            groups.push((Protocol::T1, block));
        }
        if first == Protocol::T1 && offers(Protocol::T0) {
            groups.push((Protocol::T0, [None; 3]));
        }

        let mut bytes = vec![if self.is_inverse { INVERSE } else { DIRECT }];
        let mut present = [self.ta1, None, self.tc1];
        let mut low = historical.len() as u8;
        let mut rest = groups.iter();
        loop {
            let next = rest.next();
            let mut indicator = low;
            for (bit, byte) in present.iter().enumerate() {
                indicator |= u8::from(byte.is_some()) << (4 + bit);
            }
            indicator |= u8::from(next.is_some()) << 7;
            bytes.push(indicator);
            bytes.extend(present.iter().flatten());
            let Some((protocol, group)) = next else { break };
            present = *group;
            low = *protocol as u8;
        }
        bytes.extend_from_slice(historical);
        // All but T=0 bring the check byte (§8.2.5).
        if offers(Protocol::T1) {
            bytes.push(exclusive_or(bytes.get(1..)?));
        }
        Some(bytes).filter(|bytes| bytes.len() <= ATR_BYTES_MAX)
    }
}

/// Exclusive or of all bytes.
pub(super) fn exclusive_or(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// What the card holds itself to after this answer to reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) is_inverse: bool,
    /// The first one first; T=0 when none is named.
    pub(super) protocols: Vec<Protocol>,
    /// TA1 as far as it can be used.
    pub(super) speed: Speed,
    /// TA2: fixed protocol, and whether the speed is that of TA1.
    pub(super) specific: Option<(Protocol, bool)>,
    pub(super) extra_guard: u8,
    pub(super) wi: u8,
    pub(super) ifsc: u8,
    pub(super) bwi: u8,
    pub(super) cwi: u8,
    pub(super) check: Check,
    pub(super) historical: Vec<u8>,
}

impl Parameters {
    /// Takes an answer to reset apart; bytes that are missing count as zero, for a card may be told to give
    /// nonsense and goes on with its defaults.
    pub(super) fn of(atr: &[u8]) -> Self {
        let mut this = Self {
            is_inverse: atr.first() == Some(&INVERSE),
            protocols: Vec::new(),
            speed: Speed::DEFAULT,
            specific: None,
            extra_guard: 0,
            wi: 10,
            ifsc: 32,
            bwi: 4,
            cwi: 13,
            check: Check::Lrc,
            historical: Vec::new(),
        };
        let mut rest = atr.iter().skip(1).copied();
        let mut indicator = rest.next().unwrap_or(0);
        let historical = usize::from(indicator & 0x0F);
        let mut group = 1;
        let mut protocol = None;
        let mut has_block_group = false;
        while group < ATR_BYTES_MAX {
            let mut next = |bit: u8| (indicator >> bit & 1 == 1).then(|| rest.next().unwrap_or(0));
            let (ta, tb, tc, td) = (next(4), next(5), next(6), next(7));
            match (group, protocol) {
                (1, _) => {
                    this.speed = ta.and_then(Speed::new).unwrap_or(this.speed);
                    this.extra_guard = tc.unwrap_or(this.extra_guard);
                }
                (2, _) => {
                    this.specific = ta
                        .map(|ta| (if ta & 0x0F == 1 { Protocol::T1 } else { Protocol::T0 }, ta & 0x10 == 0));
                    this.wi = tc.filter(|wi| *wi != 0).unwrap_or(this.wi);
                }
                (_, Some(Protocol::T1)) if !has_block_group => {
                    has_block_group = true;
                    this.ifsc = ta.filter(|ifsc| (1..=254).contains(ifsc)).unwrap_or(this.ifsc);
                    (this.bwi, this.cwi) =
                        tb.map_or((this.bwi, this.cwi), |tb| ((tb >> 4).min(9), tb & 0x0F));
                    this.check = if tc.is_some_and(|tc| tc & 1 == 1) { Check::Crc } else { Check::Lrc };
                }
                _ => {}
            }
            let Some(td) = td else { break };
            protocol = match td & 0x0F {
                0 => Some(Protocol::T0),
                1 => Some(Protocol::T1),
                // Global bytes, or a protocol that this card has not.
                _ => None,
            };
            if let Some(offered) = protocol.filter(|offered| !this.protocols.contains(offered)) {
                this.protocols.push(offered);
            }
            indicator = td;
            group += 1;
        }
        this.historical = rest.take(historical).collect();
        if this.protocols.is_empty() {
            this.protocols.push(Protocol::T0);
        }
        this
    }

    /// The protocol that holds when nothing is selected.
    pub(super) fn first(&self) -> Protocol {
        self.specific
            .map_or_else(|| self.protocols.first().copied().unwrap_or(Protocol::T0), |(first, _)| first)
    }
}

/// Clock cycles of one elementary time unit: F / D. Source: ISO/IEC 7816-3 §8.3, tables 7 and 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Speed {
    pub(super) byte: u8,
    pub(super) f: u64,
    pub(super) d: u64,
}

impl Speed {
    /// F = 372, D = 1.
    pub(super) const DEFAULT: Self = Self { byte: 0x11, f: 372, d: 1 };

    /// What TA1 or PPS1 means; `None` for values kept for the future.
    pub(super) fn new(byte: u8) -> Option<Self> {
        let f = match byte >> 4 {
            0 | 1 => 372,
            2 => 558,
            3 => 744,
            4 => 1116,
            5 => 1488,
            6 => 1860,
            9 => 512,
            10 => 768,
            11 => 1024,
            12 => 1536,
            13 => 2048,
            _ => return None,
        };
        let d = match byte & 0x0F {
            1 => 1,
            2 => 2,
            3 => 4,
            4 => 8,
            5 => 16,
            6 => 32,
            7 => 64,
            8 => 12,
            9 => 20,
            _ => return None,
        };
        Some(Self { byte, f, d })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn offers_as_they_are_on_the_line() {
        assert_eq!(Offer::t0().answer(&[]).unwrap(), [0x3B, 0x00]);
        assert_eq!(
            Offer { ta1: Some(0x95), wi: Some(2), ..Offer::t0() }.answer(b"AB").unwrap(),
            [0x3B, 0x92, 0x95, 0x40, 0x02, b'A', b'B']
        );
        // An answer that many cards of T=1 give: TD1 81, TD2 31, IFSC FE, BWI 4, CWI 5.
        let t1 = Offer::t1().answer(&[]).unwrap();
        assert_eq!(t1, [0x3B, 0x80, 0x81, 0x31, 0xFE, 0x45, 0x80 ^ 0x81 ^ 0x31 ^ 0xFE ^ 0x45]);
        let specific = Offer { ta1: Some(0x18), ta2: Some(0x01), ..Offer::t1() }.answer(&[]).unwrap();
        assert_eq!(specific[..7], [0x3B, 0x90, 0x18, 0x91, 0x01, 0x31, 0xFE]);
        let both = Offer { check: Check::Crc, ..Offer::both() }.answer(&[1; 15]).unwrap();
        assert_eq!(both[..7], [0x3B, 0x8F, 0x80, 0x71, 0xFE, 0x45, 0x01]);
        assert_eq!(exclusive_or(&both[1..]), 0, "the check byte makes the sum zero");
        assert_eq!(Offer { protocols: Vec::new(), ..Offer::t0() }.answer(&[]), None);
    }

    #[test]
    fn a_card_reads_what_it_says() {
        let offers = [
            Offer::t0(),
            Offer { ta1: Some(0x97), tc1: Some(3), wi: Some(7), is_inverse: true, ..Offer::t0() },
            Offer { ifsc: Some(48), waiting: Some(0x24), check: Check::Crc, ta1: Some(0x95), ..Offer::t1() },
            Offer { ta1: Some(0x18), ta2: Some(0x01), ..Offer::t1() },
            Offer { wi: Some(3), ..Offer::both() },
            Offer { protocols: vec![Protocol::T1, Protocol::T0], ..Offer::t1() },
        ];
        for offer in offers {
            let atr = offer.answer(b"Jinbao").unwrap();
            assert!(card_spec::atr::Atr::parse(&atr).is_ok(), "{offer:?}");
            let read = Parameters::of(&atr);
            assert_eq!(read.protocols, offer.protocols);
            assert_eq!(read.is_inverse, offer.is_inverse);
            assert_eq!(read.speed.byte, offer.ta1.unwrap_or(0x11));
            assert_eq!(read.extra_guard, offer.tc1.unwrap_or(0));
            assert_eq!(read.specific, offer.ta2.map(|_| (Protocol::T1, true)));
            assert_eq!(read.wi, offer.wi.unwrap_or(10));
            assert_eq!(read.check, offer.check);
            assert_eq!(read.historical, b"Jinbao");
            if offer.protocols.contains(&Protocol::T1) {
                assert_eq!(Some(read.ifsc), offer.ifsc);
                assert_eq!(Some(read.bwi << 4 | read.cwi), offer.waiting);
            }
        }
    }
}

//! What the reader says of itself.

use engine::{iso7816::Negotiation, mailbox::MESSAGE_BYTES_MAX, personality::Personality};

/// Bytes of the class descriptor without its length and type.
pub const CLASS_DESCRIPTOR_BYTES: usize = 52;

/// `bcdCCID`.
const VERSION: u16 = 0x0110;
/// `bVoltageSupport`: 5 V, 3 V, 1.8 V.
const VOLTAGES: u8 = 0x07;
/// `dwProtocols`: T=0, T=1.
const PROTOCOLS: u32 = 0x03;
/// `dwMaxIFSD`.
const INFORMATION_BYTES_MAX: u32 = 254;
/// `dwFeatures`: parameters by ATR, clock and baud rate by parameters, TPDU.
const FEATURES: u32 = 0x0001_0032;
/// `dwFeatures`: the reader negotiates by itself.
const NEGOTIATES: u32 = 0x0000_0080;
/// F / D of a card after its reset. Source: ISO/IEC 7816-3 §8.3.
const CYCLES_PER_ETU: u32 = 372;

/// The class descriptor, from `bcdCCID` on. Source: USB CCID rev 1.1 §5.1.
pub fn class_descriptor(personality: &Personality) -> [u8; CLASS_DESCRIPTOR_BYTES] {
    let clock = personality.clock_khz;
    let rate = clock.saturating_mul(1000) / CYCLES_PER_ETU;
    let negotiates = if personality.negotiation == Negotiation::Reader { NEGOTIATES } else { 0 };
    let mut bytes = [0; CLASS_DESCRIPTOR_BYTES];
    let mut put = |at: usize, part: &[u8]| {
        for (place, byte) in bytes.iter_mut().skip(at).zip(part) {
            *place = *byte;
        }
    };
    // Offsets are those of the specification without the two bytes before.
    put(0, &VERSION.to_le_bytes());
    put(2, &[personality.slots.saturating_sub(1), VOLTAGES]);
    put(4, &PROTOCOLS.to_le_bytes());
    put(8, &clock.to_le_bytes());
    put(12, &clock.to_le_bytes());
    // No other clocks and no list of rates: every rate up to the highest is made.
    put(17, &rate.to_le_bytes());
    put(21, &personality.rate_max.to_le_bytes());
    put(26, &INFORMATION_BYTES_MAX.to_le_bytes());
    put(38, &(FEATURES | negotiates).to_le_bytes());
    put(42, &(MESSAGE_BYTES_MAX as u32).to_le_bytes());
    // Classes of GET RESPONSE and ENVELOPE are the host's business at this level.
    put(46, &[0xFF, 0xFF]);
    // No screen, no keys, one slot busy at a time.
    put(48, &[0, 0, 0, 1]);
    bytes
}

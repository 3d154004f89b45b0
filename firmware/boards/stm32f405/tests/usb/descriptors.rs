//! What the reader says of itself is what the standard and the drivers want.

use hal::pcsc::{CcidDescriptor, ExchangeLevel};

use crate::reader::Bench;

const GET_DEVICE: [u8; 8] = [0x80, 0x06, 0, 1, 0, 0, 18, 0];
const GET_CONFIGURATION: [u8; 8] = [0x80, 0x06, 0, 2, 0, 0, 0xFF, 0];

/// The class descriptor, field by field. Source: USB CCID rev 1.1 §5.1.
const CLASS: &[&[u8]] = &[
    &[0x36],                   // bLength
    &[0x21],                   // bDescriptorType
    &[0x10, 0x01],             // bcdCCID 1.10
    &[0x01],                   // bMaxSlotIndex: two slots
    &[0x07],                   // bVoltageSupport: 5 V, 3 V, 1.8 V
    &[0x03, 0, 0, 0],          // dwProtocols: T=0, T=1
    &[0xA0, 0x0F, 0, 0],       // dwDefaultClock: 4000 kHz
    &[0xA0, 0x0F, 0, 0],       // dwMaximumClock: 4000 kHz
    &[0x00],                   // bNumClockSupported: no others
    &[0x00, 0x2A, 0, 0],       // dwDataRate: 10752 bit/s
    &[0x20, 0xA1, 0x07, 0],    // dwMaxDataRate: 500000 bit/s
    &[0x00],                   // bNumDataRatesSupported: all up to that
    &[0xFE, 0, 0, 0],          // dwMaxIFSD: 254
    &[0, 0, 0, 0],             // dwSynchProtocols: none
    &[0, 0, 0, 0],             // dwMechanical: none
    &[0xB2, 0x00, 0x01, 0x00], // dwFeatures: ATR, clock, rate, PPS; TPDU
    &[0x0F, 0x01, 0, 0],       // dwMaxCCIDMessageLength: 271
    &[0xFF],                   // bClassGetResponse
    &[0xFF],                   // bClassEnvelope
    &[0, 0],                   // wLcdLayout: none
    &[0x00],                   // bPINSupport: none
    &[0x01],                   // bMaxCCIDBusySlots
];

/// The descriptors of a configuration, one by one.
fn parts(configuration: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), configuration);
    while let [length, ..] = rest {
        let (part, tail) = rest.split_at(usize::from(*length));
        parts.push(part);
        rest = tail;
    }
    parts
}

#[test]
fn the_configuration_byte_by_byte() {
    let mut bench = Bench::configured();
    let configuration = bench.control(&GET_CONFIGURATION).unwrap();
    let parts = parts(&configuration);
    let kinds: Vec<_> = parts.iter().map(|part| part[1]).collect();
    // The driver takes a class descriptor only when it stands behind the interface and before the endpoints.
    assert_eq!(kinds, [0x02, 0x04, 0x21, 0x05, 0x05, 0x05]);
    assert_eq!(usize::from(u16::from_le_bytes([parts[0][2], parts[0][3]])), configuration.len());
    assert_eq!(parts[1][4..8], [3, 0x0B, 0, 0], "three endpoints, class of card readers, bulk protocol");
    assert_eq!(parts[2], CLASS.concat());
    assert_eq!(parts[2].len(), 54, "libccid wants exactly these");
    let endpoints: Vec<_> = parts[3..].iter().map(|part| (part[2], part[3] & 3, part[4])).collect();
    assert_eq!(endpoints, [(0x01, 2, 64), (0x81, 2, 64), (0x82, 3, 8)], "bulk out, bulk in, interrupt in");
}

/// Our own host reads it as it is meant.
#[test]
fn our_host_reads_it() {
    let mut bench = Bench::configured();
    let configuration = bench.control(&GET_CONFIGURATION).unwrap();
    let expected = CcidDescriptor {
        slots: 2,
        volts_5_3_18: [true; 3],
        protocols_t0_t1: [true; 2],
        clock_khz_max: 4_000,
        baud_max: 500_000,
        level: ExchangeLevel::Tpdu,
        message_bytes_max: 271,
        pin_verify_modify: [false; 2],
    };
    assert_eq!(CcidDescriptor::parse(parts(&configuration)[2]), Some(expected));
}

#[test]
fn the_device_and_its_names() {
    let mut bench = Bench::new();
    let device = bench.control(&GET_DEVICE).unwrap();
    assert_eq!(device[8..14], [0x09, 0x12, 0x01, 0x00, 0x02, 0x01], "vendor, product, release");
    for (index, expected) in (device[14]..=device[16]).zip(["Jinbao", "Jinbao card reader", "0123"]) {
        let text = bench.control(&[0x80, 0x06, index, 3, 0x09, 0x04, 0xFF, 0]).unwrap();
        let units: Vec<_> = text[2..].chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        assert_eq!(String::from_utf16(&units).unwrap(), expected);
    }
}

/// What is asked of the class beside the messages. Source: USB CCID rev 1.1 §5.3.
#[test]
fn requests_of_the_class() {
    let mut bench = Bench::configured();
    assert_eq!(bench.control(&[0xA1, 0x02, 0, 0, 0, 0, 4, 0]), None, "no list of clocks");
    assert_eq!(bench.control(&[0xA1, 0x03, 0, 0, 0, 0, 4, 0]), None, "no list of rates");
    assert_eq!(bench.control(&[0x21, 0x07, 0, 0, 0, 0, 0, 0]), None, "no such request");
    assert!(bench.control(&[0x21, 0x01, 0, 9, 0, 0, 0, 0]).is_some(), "abort");
}

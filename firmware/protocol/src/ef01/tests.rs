#![allow(clippy::unwrap_used, reason = "tests")]

extern crate std;

use proptest::prelude::*;
use std::vec::Vec;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Everything that a stream has in it.
fn scan(address: [u8; 4], bytes: &[u8]) -> Vec<Result<(Kind, Vec<u8>), Fault>> {
    let mut parser = Parser::new(address);
    let mut found = Vec::new();
    for byte in bytes {
        if let Some(result) = parser.push(*byte) {
            found.push(result.map(|packet| (packet.kind, packet.content.to_vec())));
        }
    }
    found
}

/// Commands whose checksums the manual prints, and more of its dialogues.
#[test]
fn golden_commands() {
    let page = |page: u16| page.to_be_bytes();
    for (instruction, parameters, golden) in [
        (Instruction::VerifyPassword, &[0; 4][..], "EF01 FFFFFFFF 01 0007 13 00000000 001B"),
        (Instruction::ReadParameters, &[], "EF01 FFFFFFFF 01 0003 0F 0013"),
        (Instruction::GenerateImage, &[], "EF01 FFFFFFFF 01 0003 01 0005"),
        (Instruction::ExtractFeatures, &[1], "EF01 FFFFFFFF 01 0004 02 01 0008"),
        (Instruction::Combine, &[], "EF01 FFFFFFFF 01 0003 05 0009"),
        (Instruction::Match, &[], "EF01 FFFFFFFF 01 0003 03 0007"),
        (Instruction::Search, &[1, 0, 0, 3, 0xE8], "EF01 FFFFFFFF 01 0008 04 01 0000 03E8 00F9"),
        (Instruction::UploadImage, &[], "EF01 FFFFFFFF 01 0003 0A 000E"),
        (Instruction::UploadTemplate, &[1], "EF01 FFFFFFFF 01 0004 08 01 000E"),
        (Instruction::DownloadTemplate, &[2], "EF01 FFFFFFFF 01 0004 09 02 0010"),
        (Instruction::Store, &[1, page(5)[0], page(5)[1]], "EF01 FFFFFFFF 01 0006 06 01 0005 0013"),
        (Instruction::Load, &[1, page(5)[0], page(5)[1]], "EF01 FFFFFFFF 01 0006 07 01 0005 0014"),
        (Instruction::Delete, &[0, 5, 0, 1], "EF01 FFFFFFFF 01 0007 0C 0005 0001 001A"),
        (Instruction::Empty, &[], "EF01 FFFFFFFF 01 0003 0D 0011"),
        (Instruction::Count, &[], "EF01 FFFFFFFF 01 0003 1D 0021"),
        (Instruction::SetParameter, &[4, 0x0C], "EF01 FFFFFFFF 01 0005 0E 04 0C 0024"),
        (Instruction::SetParameter, &[6, 2], "EF01 FFFFFFFF 01 0005 0E 06 02 001C"),
        (Instruction::SetParameter, &[5, 3], "EF01 FFFFFFFF 01 0005 0E 05 03 001C"),
    ] {
        let built = command(ADDRESS, instruction, parameters).unwrap();
        assert_eq!(built.as_slice(), hex(golden), "{instruction:?}");
        let mut content = std::vec![instruction.byte()];
        content.extend(parameters);
        assert_eq!(scan(ADDRESS, &built), [Ok((Kind::Command, content))]);
    }
}

#[test]
fn golden_answers() {
    for (golden, confirmation, data) in [
        ("EF01FFFFFFFF 07 0003 00 000A", Confirmation::Done, ""),
        ("EF01FFFFFFFF 07 0003 13 001D", Confirmation::WrongPassword, ""),
        ("EF01FFFFFFFF 07 0003 02 000C", Confirmation::NoFinger, ""),
        ("EF01FFFFFFFF 07 0003 06 0010", Confirmation::TooMessy, ""),
        ("EF01FFFFFFFF 07 0003 07 0011", Confirmation::TooFewPoints, ""),
        ("EF01FFFFFFFF 07 0003 0A 0014", Confirmation::CombineFailed, ""),
        ("EF01FFFFFFFF 07 0005 00 0078 0084", Confirmation::Done, "0078"),
        ("EF01FFFFFFFF 07 0005 08 0000 0014", Confirmation::NoMatch, "0000"),
        ("EF01FFFFFFFF 07 0007 00 0005 0091 00A4", Confirmation::Done, "0005 0091"),
    ] {
        let mut content = std::vec![confirmation.byte()];
        content.extend(hex(data));
        let built = packet::<PACKET_BYTES_MAX>(Kind::Acknowledge, ADDRESS, &content).unwrap();
        assert_eq!(built.as_slice(), hex(golden));
        assert_eq!(scan(ADDRESS, &built), [Ok((Kind::Acknowledge, content))]);
    }
}

#[test]
fn golden_parameters_and_end() {
    let golden = hex("EF01FFFFFFFF 07 0013 00 0000 0009 03E8 0003 FFFFFFFF 0002 0006 0515");
    let found = scan(ADDRESS, &golden);
    let [Ok((Kind::Acknowledge, content))] = found.as_slice() else { panic!("{found:?}") };
    let parameters = Parameters::from_bytes(content[1..].first_chunk().unwrap());
    assert_eq!(parameters, Parameters::FACTORY);
    assert_eq!(parameters.packet_content_bytes(), 128);
    assert_eq!(parameters.to_bytes(), content[1..]);

    let end = packet::<PACKET_BYTES_MAX>(Kind::End, ADDRESS, &[1, 2, 3, 4]).unwrap();
    assert_eq!(end.as_slice(), hex("EF01FFFFFFFF 08 0006 01020304 0018"));
}

#[test]
fn every_code_there_and_back() {
    for byte in 0..=u8::MAX {
        assert_eq!(Confirmation::from_byte(byte).byte(), byte);
        if let Some(instruction) = Instruction::from_byte(byte) {
            assert_eq!(instruction.byte(), byte);
        }
    }
    assert!(Instruction::ALL.iter().all(|known| Instruction::from_byte(known.byte()) == Some(*known)));
    let sizes = [0, 1, 2, 3, 4, 0xFFFF]
        .map(|packet_size| Parameters { packet_size, ..Parameters::FACTORY }.packet_content_bytes());
    assert_eq!(sizes, [32, 64, 128, 256, 128, 128]);
}

#[test]
fn limits_of_length() {
    let whole = [0x5A; CONTENT_BYTES_MAX];
    let built = packet::<PACKET_BYTES_MAX>(Kind::Data, ADDRESS, &whole).unwrap();
    assert_eq!(built.len(), PACKET_BYTES_MAX);
    assert_eq!(scan(ADDRESS, &built), [Ok((Kind::Data, whole.to_vec()))]);
    assert_eq!(packet::<{ PACKET_BYTES_MAX + 1 }>(Kind::Data, ADDRESS, &[0; CONTENT_BYTES_MAX + 1]), None);
    assert_eq!(packet::<11>(Kind::Data, ADDRESS, &[0]), None, "no room");
    assert_eq!(command(ADDRESS, Instruction::Empty, &[0; PARAMETER_BYTES_MAX + 1]), None);

    let empty = packet::<PACKET_BYTES_MAX>(Kind::End, ADDRESS, &[]).unwrap();
    assert_eq!(scan(ADDRESS, &empty), [Ok((Kind::End, Vec::new()))]);
    for got in [0u16, 1, 259, 0xFFFF] {
        let mut broken = hex("EF01FFFFFFFF 07");
        broken.extend(got.to_be_bytes());
        assert_eq!(scan(ADDRESS, &broken), [Err(Fault::Length { got })]);
        // A packet after it is found.
        broken.extend(hex("EF01FFFFFFFF 07 0003 00 000A"));
        assert_eq!(scan(ADDRESS, &broken).last(), Some(&Ok((Kind::Acknowledge, std::vec![0]))));
    }
}

#[test]
fn faults() {
    let good = hex("EF01FFFFFFFF 07 0003 00 000A");
    let found = scan(ADDRESS, &hex("EF01FFFFFFFF 05 EF01FFFFFFFF 07 0003 00 000A"));
    assert_eq!(found, [Err(Fault::Kind { got: 5 }), Ok((Kind::Acknowledge, std::vec![0]))]);
    let found = scan([0; 4], &good);
    assert_eq!(found, [Err(Fault::Address)]);
    let found = scan(ADDRESS, &hex("EF01FFFFFFFF 07 0003 00 000B"));
    assert_eq!(found, [Err(Fault::Checksum { expected: 0x0A, got: 0x0B })]);
}

/// A beginning of a packet hides in noise and in a head that proves to be none.
#[test]
fn resynchronises() {
    let good = hex("EF01FFFFFFFF 07 0003 00 000A");
    for noise in ["EF", "EF EF", "EF01", "EF01FFFF", "55", "00 01 EF", "EF01FFFFFFFF", "EF01FFFFFFFF07 EF"] {
        let mut bytes = hex(noise);
        bytes.extend(&good);
        let found = scan(ADDRESS, &bytes);
        assert_eq!(found.last(), Some(&Ok((Kind::Acknowledge, std::vec![0]))), "{noise}");
    }
}

/// A packet cut anywhere gives nothing, and does not hide the one after a reset.
#[test]
fn truncated_everywhere() {
    let good = packet::<PACKET_BYTES_MAX>(Kind::Data, ADDRESS, &[0xEF, 1, 2, 3]).unwrap();
    for cut in 0..good.len() {
        let mut parser = Parser::new(ADDRESS);
        assert!(good[..cut].iter().all(|byte| parser.push(*byte).is_none()), "{cut}");
        assert_eq!(parser.is_within_packet(), cut > 0);
        parser.reset();
        assert!(!parser.is_within_packet());
        let mut found = 0;
        for byte in &good {
            if let Some(result) = parser.push(*byte) {
                assert_eq!(result.unwrap().content, [0xEF, 1, 2, 3]);
                found += 1;
            }
        }
        assert_eq!(found, 1, "{cut}");
    }
}

proptest! {
    #[test]
    fn never_more_than_a_packet(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for (_, content) in scan(ADDRESS, &bytes).into_iter().flatten() {
            prop_assert!(content.len() <= CONTENT_BYTES_MAX);
        }
    }

    /// Noise that has no EF in it hides nothing.
    #[test]
    fn found_behind_noise(
        noise in proptest::collection::vec(0u8..0xEF, 0..50),
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=256), 1..5),
        address in any::<[u8; 4]>(),
    ) {
        let mut bytes = Vec::new();
        for content in &contents {
            bytes.extend(&noise);
            bytes.extend(packet::<PACKET_BYTES_MAX>(Kind::Data, address, content).unwrap());
        }
        let found = scan(address, &bytes);
        let expected: Vec<_> = contents.into_iter().map(|content| Ok((Kind::Data, content))).collect();
        prop_assert_eq!(found, expected);
    }

    /// One bit turned is never taken for a good packet, unless it is in start or address of a packet that is
    /// then none.
    #[test]
    fn one_bit_is_found(content in proptest::collection::vec(any::<u8>(), 1..40), bit in any::<proptest::sample::Index>()) {
        let mut bytes = packet::<PACKET_BYTES_MAX>(Kind::Data, ADDRESS, &content).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = scan(ADDRESS, &bytes);
        let intact: Result<(Kind, Vec<u8>), Fault> = Ok((Kind::Data, content));
        prop_assert!(!found.contains(&intact));
        prop_assert!(found.iter().all(Result::is_err));
    }
}

//! The fingerprint module on a serial line, against a module on a pseudo-terminal that does what a test wants.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::module::{Plugged, TestModule, soon};
use hal::fingerprint::{
    FingerprintError, FingerprintSensor, Guide, LineFault, Ring, Template, Wish,
    module::{Buffer, Module},
    sensor::ModuleSensor,
    serial::SerialModule,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::ef01::{ADDRESS, Instruction, Kind, PACKET_BYTES_MAX, Parameters, packet};

/// No call may take longer, whatever the module does: five baud rates, a transfer, a second try.
const CALL_LIMIT: Duration = Duration::from_secs(20);

fn sensor(plugged: &Plugged) -> ModuleSensor<SerialModule> {
    ModuleSensor::new(SerialModule::new(plugged.device()))
}

fn go_on(_: Guide) -> Wish {
    Wish::GoOn
}

/// What the module has heard, each packet's kind and content in hex.
fn heard(plugged: &Plugged) -> Vec<String> {
    plugged.heard().iter().map(hex::encode).collect()
}

/// Runs each in a thread of its own: they wait more than they work.
fn all<T: Send>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| run(case));
        }
    });
}

fn bounded<T>(call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    assert!(start.elapsed() < CALL_LIMIT, "took {:?}", start.elapsed());
    result
}

#[test]
fn an_image_is_captured_and_the_person_is_guided() {
    let mut module = TestModule::new();
    module.finger_after = Some(3);
    let image = module.image.clone();
    let plugged = module.plug();
    let mut sensor = sensor(&plugged);
    let (mut places, mut readings) = (0, Vec::new());
    let captured = sensor
        .capture(5_000, &mut |guide| {
            match guide {
                Guide::PlaceFinger => places += 1,
                Guide::Reading { done_bytes, total_bytes } => readings.push((done_bytes, total_bytes)),
                other => panic!("{other:?}"),
            }
            Wish::GoOn
        })
        .unwrap();
    assert_eq!((captured.width, captured.height, captured.pixels_per_cm), (256, 288, 197));
    assert_eq!(captured.pixels.len(), 256 * 288);
    for (at, byte) in image.iter().enumerate() {
        assert_eq!(captured.pixels[2 * at], (byte >> 4) * 17);
        assert_eq!(captured.pixels[2 * at + 1], (byte & 15) * 17);
    }
    assert_eq!(places, 4, "three looks without a finger, one with");
    assert_eq!(readings.len(), 287, "every packet of 128 bytes but the last");
    assert_eq!((readings[0], readings[286]), ((128, 36_864), (36_736, 36_864)));
}

/// The packets of the manual: instruction and parameters of each command. Their frames are checked where they
/// are made, and by the module, which hears no packet whose sum is wrong.
#[test]
fn every_command_is_the_manuals() {
    let plugged = TestModule::new().plug();
    let mut sensor = sensor(&plugged);
    assert_eq!(sensor.probe().unwrap().model, 9);
    // VfyPwd, ReadSysPara at the greeting; ReadSysPara again, TempleteNum.
    assert_eq!(heard(&plugged), ["011300000000", "010f", "010f", "011d"]);

    let skip = plugged.heard().len();
    let template = sensor.capture_template(1_000, &mut go_on);
    let template = template.unwrap();
    assert_eq!(template.bytes().len(), 512);
    let said = heard(&plugged).split_off(skip);
    assert_eq!(
        said,
        ["0101", "010201", "0101", "0101", "010202", "0105", "010801", "010801"],
        "GenImg, Img2Tz 1, lifted?, GenImg, Img2Tz 2, RegModel, UpChar 1 twice"
    );

    let skip = plugged.heard().len();
    sensor.store(5, &template).unwrap();
    assert_eq!(sensor.count(), Ok(1));
    assert_eq!(sensor.load(5), Ok(template.clone()));
    sensor.delete(1).unwrap();
    let said = heard(&plugged).split_off(skip);
    let whole = hex::encode(template.bytes());
    let data: Vec<String> = (0..4)
        .map(|at| format!("0{}{}", if at == 3 { 8 } else { 2 }, &whole[at * 256..(at + 1) * 256]))
        .collect();
    assert_eq!(said[0], "010901", "DownChar 1");
    assert_eq!(said[1..5], data, "four packets of 128 bytes, the last one said to be so");
    assert_eq!(said[5..], ["010f", "0106010005", "011d", "0107010005", "010801", "010801", "010c00010001"]);

    let skip = plugged.heard().len();
    let compared = sensor.compare(&template, 1_000, &mut go_on).unwrap();
    assert!(compared.same);
    assert_eq!(compared.score, 120);
    let said = heard(&plugged).split_off(skip);
    assert_eq!((said[0].as_str(), said[said.len() - 1].as_str()), ("010902", "0103"), "DownChar 2, Match");

    let skip = plugged.heard().len();
    sensor.ring(Ring::Waiting).unwrap();
    sensor.cancel().unwrap();
    assert_eq!(heard(&plugged).split_off(skip), ["013501800200"]);
}

/// Whole packets as the manual prints their sums: what goes over the line, byte by byte.
#[test]
fn packets_are_the_golden_ones() {
    for (kind, content, golden) in [
        (Kind::Command, "1300000000", "ef01ffffffff0100071300000000001b"),
        (Kind::Command, "0f", "ef01ffffffff0100030f0013"),
        (Kind::Command, "01", "ef01ffffffff010003010005"),
        (Kind::Command, "05", "ef01ffffffff010003050009"),
        (Kind::Command, "03", "ef01ffffffff010003030007"),
        (Kind::Command, "0a", "ef01ffffffff0100030a000e"),
        (Kind::Command, "0801", "ef01ffffffff0100040801000e"),
        (Kind::Command, "0902", "ef01ffffffff01000409020010"),
        (Kind::Command, "06010005", "ef01ffffffff010006060100050013"),
        (Kind::Command, "0c00050001", "ef01ffffffff0100070c00050001001a"),
        (Kind::Command, "0e040c", "ef01ffffffff0100050e040c0024"),
        (Kind::Acknowledge, "00", "ef01ffffffff07000300000a"),
        (Kind::Acknowledge, "13", "ef01ffffffff07000313001d"),
        (Kind::Acknowledge, "000078", "ef01ffffffff0700050000780084"),
        (Kind::End, "01020304", "ef01ffffffff080006010203040018"),
    ] {
        let content = hex::decode(content).unwrap();
        let bytes = packet::<PACKET_BYTES_MAX>(kind, ADDRESS, &content).unwrap();
        assert_eq!(hex::encode(&bytes), golden);
    }
}

#[test]
fn a_dead_module_is_never_taken_for_a_living_one() {
    let plugged = TestModule::new().answering(Instruction::VerifyPassword, None).plug();
    let mut sensor = sensor(&plugged);
    assert_eq!(bounded(|| sensor.probe()), Err(FingerprintError::Silent));
    assert_eq!(bounded(|| sensor.capture(100, &mut go_on)), Err(FingerprintError::Silent));
    assert_eq!(bounded(|| sensor.count()), Err(FingerprintError::Silent));
}

/// A driver is known that takes twelve zero bytes, and an answer with the sum AABB, for a verified password.
#[test]
fn a_module_whose_answers_do_not_add_up_is_never_accepted() {
    all(
        [vec![0; 12], hex::decode("ef01ffffffff07000300aabb").unwrap(), vec![0xEF; 64], vec![0x55]],
        |answer| {
            let plugged = TestModule::new().spoilt(move |_, _| Some(answer.clone())).plug();
            let mut sensor = sensor(&plugged);
            let result = bounded(|| sensor.probe());
            assert!(
                matches!(result, Err(FingerprintError::Silent | FingerprintError::Line(_))),
                "{result:?}"
            );
        },
    );
}

#[test]
fn a_module_at_another_baud_rate_is_found_and_made_faster() {
    all([1, 2, 4, 6, 12], |factor| {
        let mut module = TestModule::new();
        module.parameters.baud_factor = factor;
        let plugged = module.plug();
        let mut sensor = sensor(&plugged);
        let health = bounded(|| sensor.probe()).unwrap();
        assert_eq!(health.baud, Some(115_200), "from {}", factor * 9_600);
        assert_eq!(heard(&plugged).contains(&"010e040c".to_owned()), factor != 12);
    });
    let mut module = TestModule::new();
    (module.parameters.baud_factor, module.takes_baud) = (6, false);
    let plugged = module.plug();
    assert_eq!(sensor(&plugged).probe().unwrap().baud, Some(57_600), "one that stays as it is");
    let mut module = TestModule::new();
    module.parameters.baud_factor = 6;
    let plugged = module.plug();
    let mut own = ModuleSensor::new(SerialModule::new(plugged.device()).with_its_own_baud());
    assert_eq!(own.probe().unwrap().baud, Some(57_600));
}

#[test]
fn the_password() {
    let mut module = TestModule::new();
    module.password = 0x1234_5678;
    let plugged = module.plug();
    assert_eq!(sensor(&plugged).probe(), Err(FingerprintError::Password));
    let mut known = ModuleSensor::new(SerialModule::new(plugged.device()).with_password(0x1234_5678));
    assert_eq!(known.count(), Ok(0));
    assert!(!format!("{known:?}").contains("1234"), "{known:?}");
    // The power went, and with it the greeting.
    drop(plugged);
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("finger");
    let first = TestModule::new().plug_at(&link);
    let mut sensor = sensor(&first);
    assert_eq!(sensor.count(), Ok(0));
    let module = TestModule::new().answering(Instruction::Count, Some(&[0x21]));
    drop(first);
    let _second = module.plug_at(&link);
    // Gone is noticed by the first use; the next finds the module again, which insists on being greeted.
    assert_eq!(sensor.count(), Err(FingerprintError::Unplugged));
    assert_eq!(sensor.count(), Err(FingerprintError::Password), "greeted anew, and still not satisfied");
}

/// One spoilt packet costs a second try; a line that spoils everything is told, never believed.
#[test]
fn a_packet_spoilt_in_each_way() {
    type Bend = fn(Vec<u8>) -> Vec<u8>;
    let ways: [(&str, Bend, LineFault); 7] = [
        (
            "sum",
            |mut bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                bytes
            },
            LineFault::Checksum,
        ),
        (
            "content",
            |mut bytes| {
                bytes[9] ^= 0x40;
                bytes
            },
            LineFault::Checksum,
        ),
        (
            "length 0",
            |mut bytes| {
                bytes[8] = 0;
                bytes
            },
            LineFault::Length,
        ),
        (
            "length 65535",
            |mut bytes| {
                bytes[7..9].fill(0xFF);
                bytes
            },
            LineFault::Length,
        ),
        (
            "length one less",
            |mut bytes| {
                bytes[8] -= 1;
                bytes
            },
            LineFault::Checksum,
        ),
        (
            "address",
            |mut bytes| {
                bytes[3] ^= 1;
                bytes
            },
            LineFault::Address,
        ),
        (
            "kind",
            |mut bytes| {
                bytes[6] = 0x33;
                bytes
            },
            LineFault::Unexpected,
        ),
    ];
    all(ways, |(way, bend, fault)| {
        // Answers 0 and 1 are the greeting's.
        let plugged =
            TestModule::new().spoilt(move |at, bytes| Some(if at == 2 { bend(bytes) } else { bytes })).plug();
        assert_eq!(bounded(|| sensor(&plugged).count()), Ok(0), "{way}, once");
        let plugged =
            TestModule::new().spoilt(move |at, bytes| Some(if at >= 2 { bend(bytes) } else { bytes })).plug();
        assert_eq!(bounded(|| sensor(&plugged).count()), Err(FingerprintError::Line(fault)), "{way}, always");
    });
    let longer = |at: usize, mut bytes: Vec<u8>| {
        if at >= 2 {
            bytes[8] += 1
        }
        Some(bytes)
    };
    let plugged = TestModule::new().spoilt(longer).plug();
    assert_eq!(bounded(|| sensor(&plugged).count()), Err(FingerprintError::Line(LineFault::Cut)));
}

#[test]
fn every_answer_cut_at_every_byte() {
    all(0..14, |cut| {
        let plugged = TestModule::new()
            .spoilt(move |at, mut bytes| {
                if at >= 2 {
                    bytes.truncate(cut)
                }
                Some(bytes)
            })
            .plug();
        let expected = match cut {
            0 => FingerprintError::Silent,
            _ => FingerprintError::Line(LineFault::Cut),
        };
        assert_eq!(bounded(|| sensor(&plugged).count()), Err(expected), "after {cut} bytes");
        let plugged = TestModule::new()
            .spoilt(move |at, mut bytes| {
                if at == 2 {
                    bytes.truncate(cut)
                }
                Some(bytes)
            })
            .plug();
        let mut sensor = sensor(&plugged);
        let once = bounded(|| sensor.count());
        assert_eq!(once, if cut == 0 { Err(FingerprintError::Silent) } else { Ok(0) }, "once, {cut} bytes");
        assert_eq!(sensor.count(), Ok(0));
    });
}

/// The head, the middle and the end of packets at the beginning, the middle and the end of an image.
#[test]
fn an_image_cut_anywhere_is_asked_for_again_and_never_given_in_part() {
    let cuts =
        [0, 1, 143, 286, 287].into_iter().flat_map(|packet| [0, 1, 8, 9, 70, 138].map(|cut| (packet, cut)));
    all(cuts, |(packet, cut)| {
        // Greeting 0 and 1, GenImg 2, UpImage 3, then the image.
        let at_packet = 4 + packet;
        let plugged = TestModule::new()
            .spoilt(move |at, mut bytes| {
                if at == at_packet {
                    bytes.truncate(cut)
                }
                Some(bytes)
            })
            .plug();
        let result = bounded(|| sensor(&plugged).capture(1_000, &mut go_on));
        let image = result.unwrap_or_else(|error| panic!("packet {packet}, {cut} bytes: {error:?}"));
        assert_eq!(image.pixels.len(), 256 * 288);
    });
}

#[test]
fn an_image_that_is_always_spoilt_is_told() {
    all([(0, LineFault::Checksum), (1, LineFault::Cut), (2, LineFault::Unexpected)], |(way, fault)| {
        let plugged = TestModule::new()
            .spoilt(move |at, mut bytes| {
                let is_middle = bytes.len() > 100 && at % 292 == 150;
                match way {
                    0 if is_middle => bytes[20] ^= 1,
                    1 if at > 150 => bytes.clear(),
                    // An answer where data is due.
                    2 if is_middle => bytes = hex::decode("ef01ffffffff07000300000a").unwrap(),
                    _ => {}
                }
                Some(bytes)
            })
            .plug();
        let result = bounded(|| sensor(&plugged).capture(1_000, &mut go_on));
        match way {
            // After the silence the module does not even answer the second time.
            1 => assert_eq!(result, Err(FingerprintError::Silent)),
            _ => assert_eq!(result, Err(FingerprintError::Line(fault)), "way {way}"),
        }
    });
}

#[test]
fn an_image_of_another_size_is_no_image() {
    all([0_usize, 1, 36_863, 36_865, 40_000], |bytes| {
        let mut module = TestModule::new();
        module.image = vec![0x77; bytes];
        let plugged = module.plug();
        let result = bounded(|| sensor(&plugged).capture(500, &mut go_on));
        match bytes {
            0 => assert_eq!(result, Err(FingerprintError::Line(LineFault::Cut)), "none at all"),
            _ => assert_eq!(result, Err(FingerprintError::ImageSize { bytes })),
        }
    });
    let mut endless = TestModule::new();
    endless.image = vec![0; 300_000];
    let plugged = endless.plug();
    let result = bounded(|| sensor(&plugged).capture(500, &mut go_on));
    assert_eq!(result, Err(FingerprintError::Line(LineFault::Length)));
}

#[test]
fn modules_that_differ_from_the_manual() {
    let mut module = TestModule::new();
    module.never_ends = true;
    let plugged = module.plug();
    assert!(sensor(&plugged).capture(500, &mut go_on).is_ok(), "never says which packet is the last");
    let plugged = TestModule::new().answering(Instruction::ReadParameters, Some(&[0x01])).plug();
    let mut clone = sensor(&plugged);
    assert_eq!(clone.probe().unwrap().capacity, Parameters::FACTORY.capacity, "does not tell parameters");
    let noisy = |_: usize, bytes: Vec<u8>| Some([&[0x55, 0xEF, 0x00, 0xEF], bytes.as_slice()].concat());
    let plugged = TestModule::new().spoilt(noisy).plug();
    assert_eq!(sensor(&plugged).count(), Ok(0), "noise before each packet");
    let plugged = TestModule::new().answering(Instruction::Count, Some(&[0x1F])).plug();
    assert_eq!(sensor(&plugged).probe().unwrap().kept, None, "does not count");
    let plugged = TestModule::new().answering(Instruction::Aura, None).plug();
    let mut dark = sensor(&plugged);
    assert_eq!(dark.ring(Ring::Bad), Ok(()), "without a light, and silent about it");
    assert_eq!(dark.count(), Ok(0));
}

#[test]
fn every_refusal_has_its_meaning() {
    let meets = |code: u8| {
        let plugged = TestModule::new().answering(Instruction::Store, Some(&[code])).plug();
        let template = Template::new(vec![1; 512]).unwrap();
        sensor(&plugged).store(0, &template)
    };
    for (code, expected) in [
        (0x01, FingerprintError::Line(LineFault::Refused)),
        (0x0B, FingerprintError::Place),
        (0x18, FingerprintError::Memory),
        (0x10, FingerprintError::Memory),
        (0x20, FingerprintError::Refused { code: 0x20 }),
        (0x21, FingerprintError::Password),
        (0x77, FingerprintError::Refused { code: 0x77 }),
    ] {
        assert_eq!(meets(code), Err(expected), "code {code:02X}");
    }
    let plugged = TestModule::new().answering(Instruction::Combine, Some(&[0x0A])).plug();
    assert_eq!(sensor(&plugged).capture_template(500, &mut go_on), Err(FingerprintError::Differ));
    let mut module = TestModule::new();
    module.matches = None;
    let plugged = module.plug();
    let compared = sensor(&plugged).compare(&Template::new(vec![1; 512]).unwrap(), 500, &mut go_on).unwrap();
    assert!(!compared.same, "another finger is no error");
    assert!(Template::new(Vec::new()).is_err() && Template::new(vec![0; 2_049]).is_err());
}

#[test]
fn a_finger_that_is_not_clear_is_asked_for_again_within_the_time() {
    all([0x06, 0x07, 0x03, 0x15], |code| {
        let plugged = TestModule::new().answering(Instruction::ExtractFeatures, Some(&[code])).plug();
        let template = Template::new(vec![1; 512]).unwrap();
        let mut again = 0;
        let result = bounded(|| {
            sensor(&plugged).compare(&template, 400, &mut |guide| {
                again += u32::from(guide == Guide::Again);
                Wish::GoOn
            })
        });
        assert_eq!(result, Err(FingerprintError::Quality), "code {code:02X}");
        assert!(again >= 1);
    });
    let mut module = TestModule::new();
    module.finger_after = None;
    let plugged = module.plug();
    let start = Instant::now();
    assert_eq!(sensor(&plugged).capture(300, &mut go_on), Err(FingerprintError::NoFinger));
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn ended_by_wish_and_the_next_command_is_undisturbed() {
    let plugged = TestModule::new().plug();
    let mut sensor = sensor(&plugged);
    let mut readings = 0;
    let result = sensor.capture(1_000, &mut |guide| {
        readings += u32::from(matches!(guide, Guide::Reading { .. }));
        if readings > 20 { Wish::Cancel } else { Wish::GoOn }
    });
    assert_eq!(result, Err(FingerprintError::Cancelled));
    assert_eq!(sensor.count(), Ok(0), "the rest of the image is not taken for its answer");
    assert_eq!(sensor.capture(1_000, &mut |_| Wish::Cancel), Err(FingerprintError::Cancelled));
    assert!(sensor.capture(1_000, &mut go_on).is_ok());
}

#[test]
fn unplugged_at_every_step_and_plugged_in_again() {
    // Greeting, GenImg, UpImage, and through the image.
    all([0, 1, 2, 3, 4, 100, 291], |gone_at| {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("finger");
        let first = TestModule::new().spoilt(move |at, bytes| (at < gone_at).then_some(bytes)).plug_at(&link);
        let mut sensor = sensor(&first);
        let result = bounded(|| sensor.capture(1_000, &mut go_on));
        assert_eq!(result, Err(FingerprintError::Unplugged), "at answer {gone_at}");
        drop(first);
        assert_eq!(sensor.count(), Err(FingerprintError::Unplugged), "still gone");
        let second = TestModule::new().plug_at(&link);
        assert!(soon(|| sensor.count() == Ok(0)), "found again");
        drop(second);
    });
    let mut nowhere = ModuleSensor::new(SerialModule::new("/dev/no-such-line"));
    assert_eq!(nowhere.probe(), Err(FingerprintError::Unplugged));
}

#[test]
fn a_module_that_falls_silent_is_looked_for_again() {
    let plugged = TestModule::new()
        .spoilt(move |at, bytes| {
            // Three answers are lost after the greeting.
            let is_lost = (2..5).contains(&at);
            Some(if is_lost { Vec::new() } else { bytes })
        })
        .plug();
    let mut sensor = sensor(&plugged);
    for _ in 0..3 {
        assert_eq!(sensor.count(), Err(FingerprintError::Silent));
    }
    assert_eq!(sensor.count(), Ok(0));
    let greetings = heard(&plugged).iter().filter(|said| said.starts_with("0113")).count();
    assert_eq!(greetings, 2, "greeted anew after three silences");
}

/// A line of noise is never an answer, and no call on it lasts.
#[test]
fn noise_is_never_an_answer() {
    let seed = std::env::var("JINBAO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        std::time::UNIX_EPOCH.elapsed().map_or(1, |since| u64::from(since.subsec_nanos()))
    });
    println!("JINBAO_SEED={seed}");
    all(0..12, |round| {
        let mut noise = ChaCha8Rng::seed_from_u64(seed ^ round);
        let plugged = TestModule::new()
            .spoilt(move |at, mut bytes| {
                if at < 2 {
                    return Some(bytes);
                }
                // Half noise, half bent packets: those come further.
                if noise.next_u32() % 2 == 0 {
                    bytes = (0..noise.next_u32() % 300).map(|_| noise.next_u32() as u8).collect();
                } else {
                    let bent = noise.next_u32() as usize % bytes.len();
                    bytes[bent] ^= 1 << (noise.next_u32() % 8);
                }
                Some(bytes)
            })
            .plug();
        let mut module = SerialModule::new(plugged.device());
        let result = bounded(|| module.match_buffers());
        assert!(result.is_err(), "round {round}: {result:?}");
        assert!(bounded(|| module.read_template(Buffer::One)).is_err(), "round {round}");
    });
}

//! The simulated fingerprint module, judged by the bytes of its manual and by the terminal's own driver.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use hal::fingerprint::{
    FingerprintError, FingerprintSensor, Guide, LineFault, Template, Wish, sensor::ModuleSensor,
    serial::SerialModule,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::ef01::{IMAGE_BYTES, Instruction};
use sim::{
    line::Pace,
    module::{Condition, Fault, Finger, Module, TEMPLATE_BYTES},
};

/// A host that says and hears bytes.
struct Host {
    module: Module,
    stream: UnixStream,
}

impl Host {
    fn new() -> Self {
        Self::of(Module::new(1))
    }

    fn of(module: Module) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        module.attach(theirs).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { module, stream: ours }
    }

    /// Says these bytes and hears exactly those.
    fn expect(&mut self, said: &str, heard: &str) {
        let said = hex::decode(said.replace(' ', "")).unwrap();
        let expected = hex::decode(heard.replace(' ', "")).unwrap();
        self.stream.write_all(&said).unwrap();
        let mut heard = vec![0; expected.len()];
        self.stream.read_exact(&mut heard).unwrap();
        assert_eq!(
            hex::encode_upper(&heard),
            hex::encode_upper(&expected),
            "after {}",
            hex::encode_upper(&said)
        );
    }

    /// An instruction with its content; gives the content of the answer.
    fn ask(&mut self, content: &[u8]) -> Vec<u8> {
        self.say(0x01, content);
        self.packet().1
    }

    fn say(&mut self, kind: u8, content: &[u8]) {
        let length = (content.len() as u16 + 2).to_be_bytes();
        let body = [&[kind][..], &length, content].concat();
        let sum = body.iter().fold(0_u16, |sum, byte| sum.wrapping_add((*byte).into())).to_be_bytes();
        self.stream.write_all(&[&[0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF][..], &body, &sum].concat()).unwrap();
    }

    fn packet(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[..6], [0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF]);
        let mut rest = vec![0; usize::from(u16::from_be_bytes([head[7], head[8]]))];
        self.stream.read_exact(&mut rest).unwrap();
        let sum = rest.split_off(rest.len() - 2);
        let expected =
            head[6..].iter().chain(&rest).fold(0_u16, |sum, byte| sum.wrapping_add((*byte).into()));
        assert_eq!(sum, expected.to_be_bytes());
        (head[6], rest)
    }

    fn data(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            let (kind, content) = self.packet();
            data.extend(content);
            if kind == 0x08 {
                return data;
            }
            assert_eq!(kind, 0x02);
        }
    }

    fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let silent = self.stream.read(&mut [0]).is_err();
        self.stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        silent
    }
}

fn good() -> Condition {
    Condition::default()
}

/// Dialogues whose checksums the manual prints, or that were computed by hand.
#[test]
fn bytes_of_the_manual() {
    let mut host = Host::new();
    host.expect("EF01FFFFFFFF 01 0007 13 00000000 001B", "EF01FFFFFFFF 07 0003 00 000A");
    host.expect("EF01FFFFFFFF 01 0007 13 00000001 001C", "EF01FFFFFFFF 07 0003 13 001D");
    host.expect(
        "EF01FFFFFFFF 01 0003 0F 0013",
        "EF01FFFFFFFF 07 0013 00 0000 0009 03E8 0003 FFFFFFFF 0002 0006 0515",
    );
    host.expect("EF01FFFFFFFF 01 0003 01 0005", "EF01FFFFFFFF 07 0003 02 000C");
    // No image to make features of; nothing to compare.
    host.expect("EF01FFFFFFFF 01 0004 02 01 0008", "EF01FFFFFFFF 07 0003 15 001F");
    host.expect("EF01FFFFFFFF 01 0003 03 0007", "EF01FFFFFFFF 07 0003 08 0012");
    // A wrong checksum, noise before a packet, another address.
    host.expect("EF01FFFFFFFF 01 0003 01 0006", "EF01FFFFFFFF 07 0003 01 000B");
    host.expect("00EFEF EF01FFFFFFFF 01 0003 01 0005", "EF01FFFFFFFF 07 0003 02 000C");
    host.stream.write_all(&hex::decode("EF010000000001000301000 5".replace(' ', "")).unwrap()).unwrap();
    assert!(host.is_silent());
    // Registers: baud 115200, 128 bytes, level 3, and one that is none.
    host.expect("EF01FFFFFFFF 01 0005 0E 04 0C 0024", "EF01FFFFFFFF 07 0003 00 000A");
    host.expect("EF01FFFFFFFF 01 0005 0E 06 02 001C", "EF01FFFFFFFF 07 0003 00 000A");
    host.expect("EF01FFFFFFFF 01 0005 0E 05 03 001C", "EF01FFFFFFFF 07 0003 00 000A");
    host.expect("EF01FFFFFFFF 01 0005 0E 07 03 001E", "EF01FFFFFFFF 07 0003 1A 0024");
    assert_eq!(host.module.parameters().baud_factor, 12);
}

#[test]
fn the_way_of_templates() {
    let mut host = Host::new();
    let (thumb, other) = (Finger::of_person(1, 1), Finger::of_person(2, 1));
    host.module.put_on(thumb, good());
    for buffer in [1, 2] {
        assert_eq!(host.ask(&[0x01]), [0]);
        assert_eq!(host.ask(&[0x02, buffer]), [0]);
    }
    let answer = host.ask(&[0x03]);
    assert_eq!(answer[0], 0, "one finger twice");
    assert!(u16::from_be_bytes([answer[1], answer[2]]) > 100);
    assert_eq!(host.ask(&[0x05]), [0]);
    assert_eq!(host.ask(&[0x06, 1, 0x00, 0x05]), [0]);
    assert_eq!(host.ask(&[0x06, 1, 0x03, 0xE8]), [0x0B], "page 1000 of 1000");
    assert_eq!(host.ask(&[0x1D]), [0, 0, 1]);
    let index = host.ask(&[0x1F, 0]);
    assert_eq!((index.len(), index[1]), (33, 1 << 5));
    assert_eq!(host.module.pages(), [5]);
    assert_eq!(host.ask(&[0x07, 2, 0x00, 0x04]), [0x0C]);

    // Out and in again, into the other buffer.
    assert_eq!(host.ask(&[0x08, 1]), [0]);
    let template = host.data();
    assert_eq!(template.len(), TEMPLATE_BYTES);
    host.module.put_on(other, good());
    assert_eq!(host.ask(&[0x01]), [0]);
    assert_eq!(host.ask(&[0x02, 1]), [0]);
    assert_eq!(host.ask(&[0x09, 2]), [0]);
    for (at, part) in template.chunks(128).enumerate() {
        host.say(if at == 3 { 0x08 } else { 0x02 }, part);
    }
    assert_eq!(host.ask(&[0x03])[0], 0x08, "another finger");
    assert_eq!(host.ask(&[0x05]), [0x0A]);
    assert_eq!(host.ask(&[0x04, 1, 0, 0, 3, 0xE8]), [0x09, 0, 0, 0, 0]);
    assert_eq!(host.ask(&[0x04, 2, 0, 0, 3, 0xE8])[..3], [0, 0, 5], "found at its page");
    assert_eq!(host.ask(&[0x1B, 2, 0, 6, 3, 0xE8])[0], 0x09, "not beyond it");

    // One byte short: no template.
    assert_eq!(host.ask(&[0x09, 2]), [0]);
    host.say(0x08, &template[..255]);
    assert_eq!(host.ask(&[0x06, 2, 0, 7]), [0x18]);
    assert_eq!(host.ask(&[0x0C, 0, 0, 3, 0xE9]), [0x10]);
    assert_eq!(host.ask(&[0x0C, 0, 5, 0, 1]), [0]);
    assert_eq!(host.ask(&[0x1D]), [0, 0, 0]);
    assert_eq!(host.ask(&[0x0D]), [0]);
    // Too few parameters, an instruction that is none.
    assert_eq!(host.ask(&[0x06, 1]), [0x01]);
    assert_eq!(host.ask(&[0x77]), [0x01]);
}

#[test]
fn the_way_of_images() {
    let mut host = Host::new();
    assert_eq!(host.ask(&[0x0A]), [0x0F]);
    let finger = Finger::of_person(3, 1);
    host.module.put_on(finger, good());
    assert_eq!(host.ask(&[0x01]), [0]);
    for size in 0..4 {
        assert_eq!(host.ask(&[0x0E, 6, size]), [0]);
        assert_eq!(host.ask(&[0x0A]), [0]);
        let begin = host.module.counters().line_bytes;
        let image = host.data();
        assert_eq!(image.len(), IMAGE_BYTES);
        let levels: std::collections::BTreeSet<u8> =
            image.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
        assert!(levels.len() > 10, "a grey image");
        assert!(host.module.counters().line_bytes - begin <= 50_000);
    }
    for (condition, code) in [
        (Condition::moving(), 0x03),
        (Condition { cover: 0.05, ..good() }, 0x07),
        (Condition { noise: 1.0, dryness: 1.0, wear: 1.0, ..good() }, 0x06),
    ] {
        host.module.put_on(finger, condition);
        let taken = host.ask(&[0x01]);
        let made = if taken == [0] { host.ask(&[0x02, 1]) } else { taken };
        assert_eq!(made, [code], "{condition:?}");
    }
    host.module.take_off();
    assert!(!host.module.is_touched());
    assert_eq!(host.ask(&[0x01]), [0x02]);
    // An image of the host's comes back as it was.
    let own: Vec<u8> = (0..IMAGE_BYTES).map(|at| (at % 251) as u8).collect();
    assert_eq!(host.ask(&[0x0B]), [0]);
    let parts = own.chunks(256).len();
    for (at, part) in own.chunks(256).enumerate() {
        host.say(if at + 1 == parts { 0x08 } else { 0x02 }, part);
    }
    assert_eq!(host.ask(&[0x0A]), [0]);
    assert_eq!(host.data(), own);
}

#[test]
fn passwords_and_power() {
    let module = Module::new(1);
    module.set_password(0x1234_5678);
    let mut host = Host::of(module);
    assert_eq!(host.ask(&[0x01]), [0x21]);
    assert_eq!(host.ask(&[0x0F]), [0x21]);
    assert_eq!(host.ask(&[0x13, 0, 0, 0, 0]), [0x13]);
    assert_eq!(host.ask(&[0x13, 0x12, 0x34, 0x56, 0x78]), [0]);
    assert_eq!(host.ask(&[0x01]), [0x02]);
    assert_eq!(host.ask(&[0x12, 0, 0, 0, 9]), [0]);
    host.module.put_on(Finger::of_person(1, 1), good());
    assert_eq!(host.ask(&[0x01]), [0]);
    assert_eq!(host.ask(&[0x02, 1]), [0]);
    assert_eq!(host.ask(&[0x06, 1, 0, 0]), [0]);
    // Switched off and on: flash stays, buffers and rights do not.
    let mut host = Host::of(host.module);
    assert_eq!(host.ask(&[0x08, 1]), [0x21]);
    assert_eq!(host.ask(&[0x13, 0, 0, 0, 9]), [0]);
    assert_eq!(host.ask(&[0x08, 1]), [0x0D]);
    assert_eq!(host.ask(&[0x07, 1, 0, 0]), [0]);
    let first = host.ask(&[0x14]);
    assert_ne!(first, host.ask(&[0x14]));
}

#[test]
fn every_fault_fires() {
    let fired = |faults: Vec<Fault>, check: &dyn Fn(&mut Host)| {
        let mut host = Host::new();
        host.module.set_faults(faults.clone());
        check(&mut host);
        assert!(host.module.counters().fired >= faults.len() as u32, "{faults:?}");
    };
    fired(vec![Fault::Dead], &|host| {
        host.say(1, &[0x01]);
        assert!(host.is_silent());
    });
    fired(vec![Fault::Hangs { after: 2 }], &|host| {
        assert_eq!(host.ask(&[0x01]), [2]);
        assert_eq!(host.ask(&[0x01]), [2]);
        host.say(1, &[0x01]);
        assert!(host.is_silent());
    });
    fired(vec![Fault::Busy { instructions: 2 }], &|host| {
        for _ in 0..2 {
            host.say(1, &[0x01]);
            assert!(host.is_silent());
        }
        assert_eq!(host.ask(&[0x01]), [2]);
    });
    fired(vec![Fault::LostPacket { packet: 1 }], &|host| {
        host.say(1, &[0x01]);
        assert!(host.is_silent());
        assert_eq!(host.ask(&[0x01]), [2]);
    });
    fired(vec![Fault::LostByte { packet: 1, byte: 3 }], &|host| {
        host.expect("EF01FFFFFFFF 01 0003 01 0005", "EF01FFFFFF 07 0003 02 000C");
    });
    fired(vec![Fault::WrongChecksum { packet: 2 }], &|host| {
        assert_eq!(host.ask(&[0x01]), [2]);
        host.expect("EF01FFFFFFFF 01 0003 01 0005", "EF01FFFFFFFF 07 0003 02 0059");
    });
    fired(vec![Fault::Noise { packet: 1, bytes: vec![0x55, 0xEF] }], &|host| {
        host.expect("EF01FFFFFFFF 01 0003 01 0005", "55EF EF01FFFFFFFF 07 0003 02 000C");
    });
    fired(vec![Fault::Lacks { instruction: Instruction::ReadParameters, is_silent: false }], &|host| {
        assert_eq!(host.ask(&[0x0F]), [1]);
    });
    fired(vec![Fault::Lacks { instruction: Instruction::Aura, is_silent: true }], &|host| {
        host.say(1, &[0x35, 1, 2, 3, 4]);
        assert!(host.is_silent());
    });
    fired(vec![Fault::FailsOnce { instruction: Instruction::Empty, code: 0x11 }], &|host| {
        assert_eq!(host.ask(&[0x0D]), [0x11]);
        assert_eq!(host.ask(&[0x0D]), [0]);
    });
    fired(vec![Fault::Slow { instruction: Instruction::Count, millis: 80 }], &|host| {
        let begin = Instant::now();
        assert_eq!(host.ask(&[0x1D]), [0, 0, 0]);
        assert!(begin.elapsed() >= Duration::from_millis(80));
    });
    fired(vec![Fault::NeverEnds], &|host| {
        host.module.put_on(Finger::of_person(1, 1), good());
        host.ask(&[0x01]);
        host.ask(&[0x02, 1]);
        assert_eq!(host.ask(&[0x08, 1]), [0]);
        for _ in 0..4 {
            assert_eq!(host.packet().0, 0x02);
        }
        assert!(host.is_silent());
    });
}

#[test]
fn time_is_counted_and_spent_when_asked() {
    let mut host = Host::new();
    host.ask(&[0x1D]);
    let counted = host.module.counters();
    // 12 bytes there and 14 back, 10 bits each, 57600 a second.
    assert_eq!((counted.instructions, counted.line_bytes), (1, 26));
    assert_eq!(counted.line_us, 26 * 1_736 / 10);
    host.module.set_pace(Pace::Real);
    host.module.put_on(Finger::of_person(1, 1), good());
    let begin = Instant::now();
    host.ask(&[0x01]);
    assert!(begin.elapsed() >= Duration::from_millis(180), "an image takes its time");
}

fn driver(module: &Module) -> ModuleSensor<SerialModule> {
    let device = module.plug_in().unwrap();
    ModuleSensor::new(SerialModule::new(device.to_str().unwrap()))
}

#[test]
fn the_terminals_driver_gets_along_with_it() {
    let module = Module::new(1);
    let mut sensor = driver(&module);
    let health = sensor.probe().unwrap();
    assert_eq!((health.model, health.capacity, health.kept), (9, 1000, Some(0)));
    module.tap(Finger::of_person(4, 1), good());
    let mut go_on = |_: Guide| Wish::GoOn;
    let image = sensor.capture(5_000, &mut go_on).unwrap();
    assert_eq!((image.width, image.height, image.pixels.len()), (256, 288, 256 * 288));
    let template = sensor.capture_template(5_000, &mut go_on).unwrap();
    assert!(sensor.compare(&template, 5_000, &mut go_on).unwrap().same);
    module.tap(Finger::of_person(5, 1), good());
    assert!(!sensor.compare(&template, 5_000, &mut go_on).unwrap().same);
    sensor.store(12, &template).unwrap();
    assert_eq!(module.pages(), [12]);
    assert_eq!(sensor.load(12).unwrap(), template);
    sensor.delete(12).unwrap();
    assert_eq!(sensor.count().unwrap(), 0);
    module.take_off();
    assert_eq!(sensor.capture(100, &mut go_on).map(|_| ()), Err(FingerprintError::NoFinger));
    // A template of another maker is compared, and is of no finger.
    module.tap(Finger::of_person(5, 1), good());
    let foreign = Template::new(vec![0x33; TEMPLATE_BYTES]).unwrap();
    assert!(!sensor.compare(&foreign, 5_000, &mut go_on).is_ok_and(|compared| compared.same));
}

#[test]
fn the_terminals_driver_sees_what_is_wrong() {
    let module = Module::new(1);
    module.set_faults([Fault::Dead]);
    assert_eq!(driver(&module).probe(), Err(FingerprintError::Silent));

    let module = Module::new(1);
    module.set_password(7);
    assert_eq!(driver(&module).probe(), Err(FingerprintError::Password));

    // At a baud that nobody expects at first.
    let module = Module::new(1);
    module.set_parameters(reader_protocol::ef01::Parameters { baud_factor: 1, ..module.parameters() });
    assert_eq!(driver(&module).probe().map(|health| health.model), Ok(9));

    // A clone that lacks two instructions and never ends.
    let module = Module::new(1);
    module.set_faults([
        Fault::Lacks { instruction: Instruction::ReadParameters, is_silent: false },
        Fault::Lacks { instruction: Instruction::Aura, is_silent: true },
        Fault::NeverEnds,
    ]);
    module.tap(Finger::of_person(4, 1), good());
    let mut sensor = driver(&module);
    let image = sensor.capture(5_000, &mut |_| Wish::GoOn).unwrap();
    assert_eq!(image.pixels.len(), 256 * 288);

    // A broken packet once is repaired, all the time is told.
    let module = Module::new(1);
    module.set_faults([Fault::WrongChecksum { packet: 3 }]);
    assert!(driver(&module).probe().is_ok());
    let module = Module::new(1);
    module.set_faults((1..200).map(|packet| Fault::WrongChecksum { packet }));
    assert_eq!(driver(&module).probe(), Err(FingerprintError::Line(LineFault::Checksum)));
}

/// Whatever comes, the module stays at its post. `JINBAO_SEED` replays one run.
#[test]
fn noise_does_no_harm() {
    let seeds = match std::env::var("JINBAO_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..100).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        eprintln!("JINBAO_SEED={seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut host = Host::new();
        host.module.put_on(Finger::of_person(1, 1), good());
        for _ in 0..40 {
            let mut content = vec![0; 1 + rng.next_u32() as usize % 7];
            rng.fill_bytes(&mut content);
            // Images are many bytes that nobody reads here; addresses and passwords would end the run.
            content[0] %= 0x20;
            if matches!(content[0], 0x0A | 0x12 | 0x15) {
                continue;
            }
            match rng.next_u32() % 4 {
                0 => host.stream.write_all(&content).unwrap(),
                1 => host.say(0x02, &content),
                _ => host.say(0x01, &content),
            }
        }
        // Ends a packet that noise may have begun.
        host.stream.write_all(&[0; 300]).unwrap();
        let Host { module, .. } = host;
        let mut host = Host::of(module);
        host.module.take_off();
        assert_eq!(host.ask(&[0x01]), [0x02]);
    }
}

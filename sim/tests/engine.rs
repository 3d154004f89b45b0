//! The firmware's own interface device at the simulated line, without an emulator: the board's contacts on one
//! end of a socket, the card on the other.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "line/chips.rs"]
mod chips;

use std::{
    convert::Infallible,
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::RwLock,
};

use chips::{Plain, counting};
use emulated::line::EmulatedContacts;
use engine::{
    iso7816::{CardError, Interface, Limits, Negotiation, Progress},
    time::Instant,
};
use sim::line::{
    Acknowledge, Counters, Manner, Pace, PpsAnswer, Slot,
    atr::{Check, Offer},
    fault::Fault,
};

const CLOCK_HERTZ: u32 = 4_000_000;
/// Nothing here takes so long on the wall.
const PATIENCE_MS: u128 = 20_000;

/// Whoever measures time is alone.
static ALONE: RwLock<()> = RwLock::new(());

fn company() -> impl Sized {
    ALONE.read()
}

/// The board's UART.
struct Uart {
    stream: UnixStream,
    peeked: Option<u8>,
}

impl embedded_io::ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let mut byte = [0];
        if self.peeked.is_none() {
            match self.stream.read(&mut byte) {
                Ok(1) => self.peeked = Some(byte[0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => panic!("{other:?} from the card"),
            }
        }
        Ok(self.peeked.is_some())
    }
}

impl embedded_io::Read for Uart {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        while !embedded_io::ReadReady::read_ready(self)? {
            std::thread::yield_now();
        }
        bytes[0] = self.peeked.take().unwrap();
        Ok(1)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.stream.write_all(bytes).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

struct Reader {
    slot: Slot,
    contacts: EmulatedContacts<Uart>,
    interface: Interface,
    begin: std::time::Instant,
    /// How often the card asked for more time.
    extensions: u32,
}

impl Reader {
    fn new(chip: sim::chip::SharedChip, manner: Manner) -> Self {
        let slot = Slot::new();
        slot.insert_card(chip, manner).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        slot.attach(theirs).unwrap();
        let contacts = EmulatedContacts::new(Uart { stream: ours, peeked: None }, CLOCK_HERTZ);
        let interface = Interface::new(Negotiation::Reader, Limits::ISO);
        let mut this = Self { slot, contacts, interface, begin: std::time::Instant::now(), extensions: 0 };
        while !engine::contacts::Contacts::is_present(&mut this.contacts) {
            this.patient();
        }
        this
    }

    fn patient(&self) {
        assert!(self.begin.elapsed().as_millis() < PATIENCE_MS, "the board or the card hangs");
        std::thread::yield_now();
    }

    fn run(&mut self) -> Result<Vec<u8>, CardError> {
        loop {
            let now = Instant(self.begin.elapsed().as_nanos() as u64);
            match self.interface.poll(&mut self.contacts, now) {
                Progress::Done => return Ok(self.interface.answer().to_vec()),
                Progress::Failed(error) => return Err(error),
                Progress::Extended => self.extensions += 1,
                Progress::Idle => panic!("nothing is under way"),
                Progress::Busy { .. } => self.patient(),
            }
        }
    }

    fn power_on(&mut self) -> Result<Vec<u8>, CardError> {
        self.interface.power_on(None);
        self.run()
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, CardError> {
        self.interface.exchange(request, 1).unwrap();
        self.run()
    }

    /// What is counted for one exchange.
    fn counted(&mut self, request: &[u8], answer: &[u8]) -> Counters {
        let before = self.slot.counters();
        assert_eq!(self.exchange(request).unwrap(), answer);
        self.slot.counters().since(&before)
    }
}

fn block(pcb: u8, field: &[u8]) -> Vec<u8> {
    let mut block = [&[0, pcb, field.len() as u8], field].concat();
    block.push(block.iter().fold(0, |sum, byte| sum ^ byte));
    block
}

#[test]
fn a_session_of_t0() {
    let _company = company();
    let mut reader = Reader::new(Plain::shared(), Manner::default());
    assert_eq!(reader.power_on().unwrap(), [0x3B, 0x02, b'O', b'K']);
    let whole = [&counting(256)[..], &[0x90, 0x00]].concat();
    let counted = reader.counted(&[0x00, 0xB0, 0x00, 0x00, 0x00], &whole);
    assert_eq!((counted.characters(), counted.etu), (264, 264 * 12));
    assert_eq!(counted.line_ns, 294_624_000, "264 x 12 x 93 us");
    reader.counted(&[0x00, 0xD6, 0x00, 0x00, 0x03, 1, 2, 3], &[0x61, 0x03]);
    reader.counted(&[0x00, 0xC0, 0x00, 0x00, 0x03], &[1, 2, 3, 0x90, 0x00]);
    reader.interface.warm_reset().unwrap();
    assert_eq!(reader.run().unwrap(), [0x3B, 0x02, b'O', b'K']);
    reader.counted(&[0x00, 0x20, 0x00, 0x00], &[0x90, 0x00]);
    let now = Instant(reader.begin.elapsed().as_nanos() as u64);
    reader.interface.power_off(&mut reader.contacts, now);
    assert_eq!(reader.slot.misuses(), []);
    assert_eq!((reader.slot.counters().out_of_step, reader.slot.counters().collisions), (0, 0));
    assert_eq!(reader.slot.counters().unknown_bytes, 0);
}

#[test]
fn bytes_one_by_one_and_inverse() {
    let _company = company();
    let manner = Manner::default().acknowledge(Acknowledge::OneByOne).offer(Offer {
        is_inverse: true,
        tc1: Some(5),
        ..Offer::t0()
    });
    let mut reader = Reader::new(Plain::shared(), manner);
    assert_eq!(reader.power_on().unwrap()[0], 0x3F);
    reader.counted(&[0x00, 0xD6, 0x00, 0x00, 0x02, 1, 2], &[0x61, 0x02]);
    reader.counted(&[0x00, 0xC0, 0x00, 0x00, 0x02], &[1, 2, 0x90, 0x00]);
    // 5 of header at 12 + 5 units each; every data byte comes with one before it.
    let counted = reader.counted(&[0x00, 0xB0, 0x00, 0x00, 0x02], &[0, 1, 0x90, 0x00]);
    assert_eq!(counted.etu, 5 * 17 + 6 * 12);
}

#[test]
fn speed_by_the_readers_own_selection() {
    let _company = company();
    let mut reader =
        Reader::new(Plain::shared(), Manner::default().offer(Offer { ta1: Some(0x97), ..Offer::t0() }));
    reader.power_on().unwrap();
    // TA1 97 for T=0, no guard time, WI 10, no clock stop.
    reader.interface.set_parameters(0, &[0x97, 0x00, 0x00, 0x0A, 0x00]).unwrap();
    reader.run().unwrap();
    let counted = reader.counted(&[0x00, 0xB0, 0x00, 0x00, 0x01], &[0, 0x90, 0x00]);
    assert_eq!((counted.line_ns, counted.out_of_step), (9 * 12 * 2_000, 0), "512 / 64 cycles of 4 MHz");
    assert_eq!(reader.slot.counters().selections, 1);

    for (answer, error) in [
        (PpsAnswer::Mute, CardError::Mute),
        (PpsAnswer::OtherProtocol, CardError::PpsRefused),
        (PpsAnswer::WrongCheck, CardError::PpsRefused),
    ] {
        let offer = Offer { ta1: Some(0x95), ..Offer::t0() };
        let mut reader = Reader::new(Plain::shared(), Manner::default().offer(offer).pps(answer));
        reader.power_on().unwrap();
        reader.interface.set_parameters(0, &[0x95, 0x00, 0x00, 0x0A, 0x00]).unwrap();
        assert_eq!(reader.run(), Err(error), "{answer:?}");
    }
}

#[test]
fn a_session_of_t1() {
    let _company = company();
    let mut reader = Reader::new(Plain::shared(), Manner::default().offer(Offer::t1()));
    reader.power_on().unwrap();
    reader.counted(&block(0xC1, &[254]), &block(0xE1, &[254]));
    let read = block(0x00, &[0, 0xB0, 0, 0, 200]);
    reader.counted(&read, &block(0x00, &[&counting(200)[..], &[0x90, 0]].concat()));
    let mut wrong = block(0x40, &[0, 0xB0, 0, 0, 1]);
    wrong[8] ^= 1;
    reader.counted(&wrong, &block(0x91, &[]));
    reader.counted(&block(0x40, &[0, 0xB0, 0, 0, 1]), &block(0x40, &[0, 0x90, 0]));
    assert_eq!(reader.slot.counters().out_of_step, 0);
    assert_eq!(reader.slot.counters().collisions, 0);
    assert_eq!(reader.slot.misuses(), []);

    let offer = Offer { check: Check::Crc, ta1: Some(0x18), ta2: Some(0x01), ..Offer::t1() };
    let mut reader = Reader::new(Plain::shared(), Manner::default().offer(offer));
    reader.power_on().unwrap();
    let answer = reader.exchange(&[0, 0, 4, 0, 0x20, 0, 0, 0x3A, 0x4E]).unwrap();
    assert_eq!(answer.len(), 3 + answer[2] as usize + 2);
    assert_eq!(reader.slot.counters().out_of_step, 0, "the specific mode's speed holds at once");
}

#[test]
fn a_card_that_thinks_is_waited_for() {
    let _company = company();
    let mut reader = Reader::new(Plain::slow(3_000_000), Manner::default());
    reader.power_on().unwrap();
    let counted = reader.counted(&[0x00, 0xB0, 0x00, 0x00, 0x01], &[0, 0x90, 0x00]);
    assert_eq!(counted.nulls, 6);
    assert_eq!(counted.line_ns, 3_000_000_000 + (9 + 6) * 12 * 93_000);
    assert!(reader.extensions > 0, "the host is told");

    let mut reader = Reader::new(Plain::slow(3_000_000), Manner::default().offer(Offer::t1()));
    reader.power_on().unwrap();
    let asked = reader.exchange(&block(0x00, &[0, 0xB0, 0, 0, 1])).unwrap();
    assert_eq!(asked[1], 0xC3);
    reader.interface.exchange(&block(0xE3, &[asked[3]]), asked[3]).unwrap();
    assert_eq!(reader.run().unwrap(), block(0x00, &[0, 0x90, 0]));
    assert!(reader.begin.elapsed().as_secs() < 3, "on the wall nobody waits");
}

#[test]
fn every_fault_ends_as_the_standard_says() {
    let _company = company();
    let read = [0x00, 0xB0, 0x00, 0x00, 0x02];
    let right = Ok(vec![0, 1, 0x90, 0x00]);
    for (fault, expected) in [
        (Fault::BrokenToReader { character: 6, times: 2 }, right.clone()),
        (Fault::BrokenToReader { character: 6, times: 20 }, Err(CardError::Parity)),
        (Fault::BrokenToCard { character: 3, times: 2 }, right.clone()),
        (Fault::BrokenToCard { character: 3, times: 20 }, Err(CardError::Parity)),
        // One of the data is lost: the second byte of the status is taken for the first.
        (Fault::LostToReader { character: 7 }, Err(CardError::ProcedureByte { got: 0x00 })),
        (Fault::LostToReader { character: 9 }, Err(CardError::Mute)),
        (Fault::LostToCard { character: 3 }, Err(CardError::Mute)),
        (Fault::MuteAt { character: 7 }, Err(CardError::Mute)),
        (Fault::Late { character: 5, etu: -1 }, right.clone()),
        (Fault::Late { character: 5, etu: 5_000 }, Err(CardError::Mute)),
        (Fault::Pull { character: 7 }, Err(CardError::Removed)),
        (Fault::ShortCircuit { character: 7 }, Err(CardError::Overload)),
        (Fault::Stuck { character: 7 }, Err(CardError::Parity)),
        (Fault::Stuck { character: 10 }, Err(CardError::Parity)),
        (Fault::WrongProcedure { command: 1, byte: 0x33 }, Err(CardError::ProcedureByte { got: 0x33 })),
        (Fault::NullStorm { command: 1, nulls: 300 }, right.clone()),
    ] {
        let mut reader = Reader::new(Plain::shared(), Manner::default().faults(fault.clone()));
        reader.power_on().unwrap();
        assert_eq!(reader.exchange(&read), expected, "{fault:?}");
        assert_eq!(reader.slot.insertion().unwrap().fired, 1, "{fault:?}");
        assert_eq!(reader.slot.misuses(), [], "{fault:?}");
    }
    // Silent in the midst of its answer once: it answers at the next supply that is tried.
    let mut reader = Reader::new(Plain::shared(), Manner::default().faults(Fault::MuteAt { character: 3 }));
    assert_eq!(reader.power_on().unwrap(), [0x3B, 0x02, b'O', b'K']);
    assert_eq!(reader.slot.counters().cold_resets, 2);
    for (fault, expected) in [
        (Fault::Mute, CardError::Mute),
        (Fault::GarbageAtr { bytes: vec![0x77, 0x01] }, CardError::Ts),
        (Fault::LongAtr { bytes: 60 }, CardError::Overrun),
        (Fault::ShortCircuit { character: 1 }, CardError::Overload),
        (Fault::Pull { character: 2 }, CardError::Removed),
    ] {
        let mut reader = Reader::new(Plain::shared(), Manner::default().faults(fault.clone()));
        assert_eq!(reader.power_on(), Err(expected), "{fault:?}");
    }
}

/// In real pace, an exchange takes what its characters take, and not much more: what a character comes too late,
/// the next does not. The best of some tries counts, for the machine may have other things to do.
#[test]
fn paced_the_line_takes_its_time() {
    let _alone = ALONE.write();
    let mut reader = Reader::new(Plain::shared(), Manner::default());
    reader.power_on().unwrap();
    reader.slot.set_pace(Pace::Real);
    let answer = [&counting(200)[..], &[0x90, 0x00]].concat();
    let mut best = f64::MAX;
    for _ in 0..8 {
        let begin = std::time::Instant::now();
        let counted = reader.counted(&[0x00, 0xB0, 0x00, 0x00, 200], &answer);
        let (took, line) = (begin.elapsed().as_nanos() as u64, counted.line_ns);
        assert_eq!(line, 208 * 12 * 93_000);
        assert!(took >= line - 93_000, "not faster than a line");
        best = best.min(took as f64 / line as f64);
        eprintln!("line {line} ns, wall {took} ns");
        if best < 1.05 {
            return;
        }
    }
    panic!("at best {best:.2} times as long as the line");
}

/// Faults by chance: the reader comes to an end, and the card's end of the line is never what it waits for.
#[test]
fn chance_ends_too() {
    let _company = company();
    let seeds = match std::env::var("JINBAO_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..400).collect::<Vec<u64>>(),
    };
    let (mut well, mut failed) = (0, 0);
    for seed in seeds {
        eprintln!("JINBAO_SEED={seed}");
        let fault = Fault::from_seed(seed, 24, 3);
        let is_t1 = seed % 2 == 1;
        let offer = if is_t1 { Offer::t1() } else { Offer::t0() };
        let mut reader = Reader::new(Plain::shared(), Manner::default().offer(offer).faults(fault.clone()));
        let mut last = reader.power_on();
        let requests = if is_t1 {
            [block(0xC1, &[64]), block(0x00, &[0, 0xB0, 0, 0, 9]), block(0x40, &[0, 0xB0, 0, 0, 1])]
        } else {
            [vec![0, 0xB0, 0, 0, 9], vec![0, 0xD6, 0, 0, 2, 1, 2], vec![0, 0xC0, 0, 0, 2]]
        };
        for request in requests {
            if last.is_ok() && reader.interface.is_active() {
                last = reader.exchange(&request);
            }
        }
        match last {
            Ok(_) => well += 1,
            Err(_) => failed += 1,
        }
        let took = reader.begin.elapsed().as_millis();
        assert!(took < 2_500, "seed {seed}, {fault:?}: {took} ms, as if nobody had answered");
        assert_eq!(reader.slot.misuses(), [], "seed {seed}, {fault:?}");
    }
    eprintln!("{well} well in the end, {failed} not");
}

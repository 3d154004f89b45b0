//! Whatever a host says, however it is cut, whatever the cards do: no panic, and every command is answered once.

use std::collections::BTreeMap;

use engine::{
    ccid,
    personality::{GEM_PC_TWIN, GEMCORE_POS_PRO, Personality, SEC1210},
    services::{EscapeError, Services, SlotEvent},
    slot::{ACTIVATION_MAX, EXCHANGE_MAX},
    time::{Duration, Instant},
    trace::Trace,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    bench::Bench,
    card::Manners,
    host::{Said, frame, message, said},
    seeded,
};

const PERSONALITIES: [&Personality; 3] = [&SEC1210, &GEMCORE_POS_PRO, &GEM_PC_TWIN];
const KINDS: [u8; 14] = [0x62, 0x63, 0x65, 0x6F, 0x6C, 0x6D, 0x61, 0x6B, 0x6E, 0x6A, 0x69, 0x71, 0x72, 0x73];

/// Something that happens to a reader.
#[derive(Clone, Debug)]
enum Happening {
    /// A well-formed message; its sequence number is given when it is said.
    Command { kind: u8, slot: u8, specific: [u8; 3], data: Vec<u8>, cut: usize },
    /// Time.
    Wait(u64),
    /// The card of a slot behaves like this from now on.
    Manners(usize, Manners),
    /// The card of a slot comes or goes.
    Present(usize, bool),
    /// The card of a slot draws too much or does not.
    Overload(usize, bool),
    /// The line to the host takes so many bytes and no more for a while.
    Jam(usize),
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => Just(vec![0x00, 0xB0, 0x00, 0x00, 0x10]),
        2 => Just(vec![0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00]),
        1 => Just(vec![0xFF, 0x10, 0x11, 0xFE]),
        1 => Just(vec![0x11, 0x00, 0x00, 0x0A, 0x00]),
        1 => Just(vec![0x11, 0x10, 0x00, 0x45, 0x00, 0xFE, 0x00]),
        2 => vec(any::<u8>(), 0..12),
        1 => vec(select(vec![0x03, 0x06, 0x15]), 0..40),
        1 => vec(any::<u8>(), 250..300),
    ]
}

fn manners() -> impl Strategy<Value = Manners> {
    prop_oneof![
        3 => Just(Manners::Good),
        1 => Just(Manners::Mute),
        1 => Just(Manners::MuteLater),
        1 => (1..8u32).prop_map(Manners::Slow),
        1 => Just(Manners::Slow(1_000)),
        1 => any::<u8>().prop_map(Manners::Nonsense),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let slot = prop_oneof![5 => Just(0u8), 3 => Just(1), 1 => any::<u8>()];
    let kind = prop_oneof![
        6 => select(KINDS.to_vec()),
        4 => Just(0x6F),
        4 => Just(0x62),
        // Above are answers; an echo of one could not be told from it.
        1 => 0..0x80u8,
    ];
    let specific = prop_oneof![3 => Just([0; 3]), 1 => any::<[u8; 3]>()];
    let command = (kind, slot, specific, data(), 1..300usize)
        .prop_map(|(kind, slot, specific, data, cut)| Happening::Command { kind, slot, specific, data, cut });
    prop_oneof![
        8 => command,
        4 => (0..300u64).prop_map(Happening::Wait),
        1 => (0..4_000u64).prop_map(Happening::Wait),
        2 => (0..2usize, manners()).prop_map(|(slot, manners)| Happening::Manners(slot, manners)),
        2 => (0..2usize, any::<bool>()).prop_map(|(slot, is)| Happening::Present(slot, is)),
        1 => (0..2usize, any::<bool>()).prop_map(|(slot, is)| Happening::Overload(slot, is)),
        1 => (0..30usize).prop_map(Happening::Jam),
    ]
}

/// A lamp for each slot.
#[derive(Default)]
struct Lamps(BTreeMap<u8, bool>);

impl Services for Lamps {
    fn escape(&mut self, _: &[u8], _: &mut [u8], _: &Trace, _: Instant) -> Result<usize, EscapeError> {
        Err(EscapeError::Unsupported)
    }

    fn slot_event(&mut self, slot: u8, event: SlotEvent, _: Instant) {
        self.0.insert(slot, event == SlotEvent::Busy);
    }

    fn poll(&mut self, _: Instant) -> Option<Instant> {
        None
    }
}

/// All commands that are due are answered by then: one of each slot may be under way, and nothing queues.
const ALL_ANSWERED: Duration = Duration(2 * (EXCHANGE_MAX.0 + ACTIVATION_MAX.0));

proptest! {
    #![proptest_config(seeded::config(400))]

    #[test]
    fn every_command_is_answered_once(
        personality in 0..PERSONALITIES.len(),
        happenings in vec(happening(), 1..40),
    ) {
        let mut bench = Bench::with_services(PERSONALITIES[personality], Lamps::default());
        let mut asked = BTreeMap::new();
        let mut sequence = 0u8;
        for happening in happenings {
            match happening {
                Happening::Command { kind, slot, specific, data, cut } => {
                    sequence += 1;
                    asked.insert(sequence, (kind, slot));
                    let frame = frame(&message(kind, slot, sequence, specific, &data));
                    for part in frame.chunks(cut) {
                        bench.host.say(part);
                        bench.run(Duration::from_micros(300));
                    }
                }
                Happening::Wait(millis) => bench.run(Duration::from_millis(millis)),
                Happening::Manners(slot, manners) => bench.cards[slot].0.borrow_mut().manners = manners,
                Happening::Present(slot, is) => bench.cards[slot].0.borrow_mut().is_present = is,
                Happening::Overload(slot, is) => bench.cards[slot].0.borrow_mut().is_overloaded = is,
                Happening::Jam(room) => {
                    bench.host.room.set(Some(room));
                    bench.run(Duration::from_millis(100));
                    bench.host.room.set(None);
                }
            }
        }
        bench.run(ALL_ANSWERED);
        let mut answers = BTreeMap::new();
        for said in said(&bench.host.heard()) {
            prop_assert_ne!(&said, &Said::Nak);
            if let Said::Message(answer) = &said && said.is_final() {
                prop_assert_eq!(answers.insert(answer[6], (answer[0], answer[5])), None, "two answers");
            }
        }
        for (sequence, (kind, slot)) in asked {
            let answer_kind = ccid::parse(&message(kind, slot, 0, [0; 3], &[])).unwrap().answer as u8;
            prop_assert_eq!(answers.remove(&sequence), Some((answer_kind, slot)), "{:02X} {}", kind, sequence);
        }
        prop_assert_eq!(answers, BTreeMap::new());
        let lamps = &bench.reader.services_mut().0;
        prop_assert!(lamps.values().all(|is_busy| !is_busy), "{lamps:?} with nothing to do");
    }

    #[test]
    fn nothing_that_a_host_says_stops_the_reader(
        personality in 0..PERSONALITIES.len(),
        parts in vec((prop_oneof![
            vec(any::<u8>(), 0..60),
            vec(select(vec![0x00, 0x01, 0x03, 0x06, 0x15, 0x16, 0x62, 0x65, 0x6F, 0xFF]), 0..700),
            (any::<u8>(), data(), any::<u16>(), any::<u8>()).prop_map(|(kind, data, at, bits)| {
                let mut frame = frame(&message(kind, 0, 0x5A, [0; 3], &data));
                let at = usize::from(at) % frame.len();
                frame[at] ^= bits;
                frame
            }),
            (data(), 0..300usize).prop_map(|(data, keep)| {
                let mut frame = frame(&message(0x6F, 0, 0x5A, [0; 3], &data));
                frame.truncate(keep);
                frame
            }),
        ], 0..400u64), 0..12),
    ) {
        let mut bench = Bench::new(PERSONALITIES[personality]);
        for (bytes, wait_ms) in parts {
            bench.host.say(&bytes);
            bench.run(Duration::from_millis(wait_ms));
        }
        // What is left of a frame is forgotten in silence, and what hides in it is answered.
        bench.run(ALL_ANSWERED);
        bench.host.heard();
        for sequence in [0xA1, 0xA2] {
            bench.host.say(&frame(&message(0x65, 0, sequence, [0; 3], &[])));
            bench.run(Duration::from_millis(5));
            let said = said(&bench.host.heard());
            let answers: Vec<&Said> = said.iter().filter(|said| said.is_final()).collect();
            prop_assert_eq!(answers.len(), 1);
            prop_assert!(matches!(answers[0], Said::Message(answer) if answer[6] == sequence));
        }
    }

    #[test]
    fn a_good_frame_behind_part_of_another_is_found(
        lost in vec(any::<u8>(), 0..250),
        cut in 0..260usize,
        sequence in any::<u8>(),
    ) {
        let mut bench = Bench::new(&SEC1210);
        let whole = frame(&message(0x6F, 0, 0, [0; 3], &lost));
        let part = &whole[..cut.min(whole.len() - 1)];
        let both = [part, &frame(&message(0x65, 1, sequence, [0; 3], &[]))].concat();
        // One in 256 is made whole by what follows, and nobody can tell.
        prop_assume!(both.get(..whole.len()).is_none_or(|first| first.iter().fold(0, |lrc, byte| lrc ^ byte) != 0));
        bench.host.say(&both);
        bench.run(Duration::from_millis(300));
        let said = said(&bench.host.heard());
        let answers: Vec<&Said> = said.iter().filter(|said| said.is_final()).collect();
        // Among random bytes there is sometimes the start of a frame, never a whole one.
        prop_assert_eq!(answers.len(), 1, "{:02X?}", said);
        prop_assert!(matches!(answers[0], Said::Message(answer) if answer[5..7] == [1, sequence]));
    }

    #[test]
    fn every_message_is_a_command_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        match ccid::parse(&bytes) {
            None => prop_assert!(bytes.len() < 10),
            Some(parsed) => {
                prop_assert_eq!((parsed.slot, parsed.sequence), (bytes[5], bytes[6]));
                if let Err(error) = parsed.command {
                    prop_assert!(matches!(error.0, 0x00 | 0x01 | 0x07 | 0x08), "{:02X}", error.0);
                }
            }
        }
    }
}

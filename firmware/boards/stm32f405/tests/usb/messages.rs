//! Commands in packets, answers in packets, and a host that begins anew in the middle.

use crate::reader::{Bench, NOTICES};

fn message(kind: u8, slot: u8, sequence: u8, data: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend((data.len() as u32).to_le_bytes());
    message.extend([slot, sequence, 0, 0, 0]);
    message.extend(data);
    message
}

const SLOT_STATUS: u8 = 0x65;
const EXCHANGE: u8 = 0x6F;
const ABORT: u8 = 0x72;

#[test]
fn status_of_both_slots() {
    let mut bench = Bench::configured();
    for (slot, sequence) in [(0, 1), (1, 2), (0, 3)] {
        bench.command(&message(SLOT_STATUS, slot, sequence, &[]));
        // No card: bStatus 2. The clock stands still, low.
        assert_eq!(bench.answer().unwrap(), [0x81, 0, 0, 0, 0, slot, sequence, 2, 0, 1]);
    }
    assert_eq!(bench.answer(), None, "one answer for each");
}

/// A command of every length comes through, also one that fills its last packet, with an empty packet behind or not.
#[test]
fn every_length() {
    let mut bench = Bench::configured();
    for length in 1..=261_usize {
        let command = message(EXCHANGE, 0, length as u8, &vec![0x5A; length]);
        bench.command(&command);
        if command.len().is_multiple_of(64) && length % 128 == 54 {
            bench.wire.send(1, false, &[]);
        }
        let answer = bench.answer().unwrap_or_else(|| panic!("no answer for {length} bytes"));
        // No card: failed, ICC_MUTE.
        assert_eq!(answer, [0x80, 0, 0, 0, 0, 0, length as u8, 0x42, 0xFE, 0], "{length} bytes");
    }
    assert_eq!(bench.answer(), None);
}

#[test]
fn too_long_is_answered() {
    let mut bench = Bench::configured();
    bench.command(&message(EXCHANGE, 0, 5, &[0; 262]));
    let answer = bench.answer().unwrap();
    // Failed: the offset of dwLength.
    assert_eq!((answer[0], answer[6], answer[7] & 0xC0, answer[8]), (0x80, 5, 0x40, 1));
    bench.command(&message(SLOT_STATUS, 0, 6, &[]));
    assert_eq!(bench.answer().unwrap()[6], 6, "and the next one is understood");
}

#[test]
fn cut_off_is_answered_or_forgotten() {
    let mut bench = Bench::configured();
    let command = message(EXCHANGE, 0, 7, &[0; 40]);
    bench.command(&command[..30]);
    let answer = bench.answer().unwrap();
    assert_eq!((answer[6], answer[7] & 0xC0, answer[8]), (7, 0x40, 1), "dwLength is wrong");
    bench.command(&command[..6]);
    assert_eq!(bench.answer(), None, "not even a header");
    bench.command(&message(SLOT_STATUS, 1, 8, &[]));
    assert_eq!(bench.answer().unwrap()[6], 8);
}

#[test]
fn a_host_that_begins_anew() {
    let mut bench = Bench::configured();
    bench.wire.send(1, false, &message(EXCHANGE, 0, 1, &[0; 200])[..64]);
    bench.poll();
    assert_eq!(bench.wire.waiting(1), 0, "half of a command is taken");
    bench.wire.reset_bus();
    bench.poll();
    bench.control(&[0x00, 0x05, 9, 0, 0, 0, 0, 0]).unwrap();
    bench.control(&[0x00, 0x09, 1, 0, 0, 0, 0, 0]).unwrap();
    bench.command(&message(SLOT_STATUS, 0, 2, &[]));
    assert_eq!(bench.answer().unwrap(), [0x81, 0, 0, 0, 0, 0, 2, 2, 0, 1]);
    assert_eq!(bench.answer(), None);
}

/// Cards that come and go are told at the endpoint for it. Source: USB CCID rev 1.1 §6.3.1.
#[test]
fn notices() {
    let mut bench = Bench::configured();
    while bench.wire.take(NOTICES).is_some() {
        bench.poll();
    }
    let mut told = |slot: usize, has_card: bool| {
        bench.reader.contacts_mut(slot).unwrap().has_card = has_card;
        for _ in 0..40 {
            bench.poll();
        }
        bench.wire.take(NOTICES).unwrap()
    };
    assert_eq!(told(0, true), [0x50, 0b0011]);
    assert_eq!(told(1, true), [0x50, 0b1101]);
    assert_eq!(told(0, false), [0x50, 0b0110]);
}

/// An abort is asked for at both pipes; the answer is one. Source: USB CCID rev 1.1 §5.3.1.
#[test]
fn abort() {
    let mut bench = Bench::configured();
    assert!(bench.control(&[0x21, 0x01, 0, 9, 0, 0, 0, 0]).is_some());
    bench.command(&message(ABORT, 0, 9, &[]));
    let answer = bench.answer().unwrap();
    assert_eq!((answer[0], answer[6], answer[7] & 0xC0), (0x81, 9, 0));
    assert_eq!(bench.answer(), None);
}

/// Whatever comes: it is survived, and a host that begins anew is answered.
#[test]
fn any_packets_are_survived() {
    let seed = std::env::var("JINBAO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::UNIX_EPOCH.elapsed().map_or(1, |time| u64::from(time.subsec_nanos()) | 1)
    });
    println!("JINBAO_SEED={seed}");
    let mut chance = seed;
    let mut next = move |below: usize| {
        // Marsaglia's xorshift.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance >> 20) as usize % below
    };
    let mut bench = Bench::configured();
    for round in 0..200 {
        for _ in 0..next(30) {
            let mut packet = vec![0; [0, 1, 9, 10, 11, 63, 64, next(65)][next(8)]];
            packet.iter_mut().for_each(|byte| *byte = next(256) as u8);
            if let [kind, length, l1, l2, l3, ..] = &mut packet[..]
                && next(2) == 0
            {
                *kind = [0x61, 0x62, 0x63, 0x65, 0x6B, 0x6C, 0x6F, 0x72, 0x73][next(9)];
                (*length, *l1, *l2, *l3) = (next(256) as u8, next(3) as u8, 0, 0);
            }
            bench.wire.send(1, false, &packet);
            bench.poll();
            let _ = bench.wire.take(1);
        }
        bench.wire.reset_bus();
        bench.poll();
        bench.control(&[0x00, 0x05, 9, 0, 0, 0, 0, 0]).unwrap();
        bench.control(&[0x00, 0x09, 1, 0, 0, 0, 0, 0]).unwrap();
        bench.command(&message(SLOT_STATUS, 0, round as u8, &[]));
        let answer = bench.answer().unwrap();
        assert_eq!((answer[0], answer[6]), (0x81, round as u8));
        assert_eq!(bench.answer(), None);
    }
}

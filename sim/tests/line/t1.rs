//! T=1 block by block.

use sim::line::{
    Manner, Slot,
    atr::{Check, Offer},
    fault::Fault,
};

use super::{
    board::{Board, ETU_NS},
    chips::{Plain, counting},
};

/// BWI 4: 11 units and 16 x 960 x 372 cycles.
const BLOCK_NS: u64 = (11 + 16 * 960) * ETU_NS as u64;
/// CWI 5: 11 + 32 units.
const CHARACTER_NS: u64 = 43 * ETU_NS as u64;

fn lrc(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0, |sum, byte| sum ^ byte);
    [body, &[sum]].concat()
}

fn block(pcb: u8, field: &[u8]) -> Vec<u8> {
    lrc(&[&[0x00, pcb, field.len() as u8], field].concat())
}

struct Reader {
    slot: Slot,
    board: Board,
}

impl Reader {
    fn with(manner: Manner) -> Self {
        Self::around(manner, Plain::shared())
    }

    fn around(manner: Manner, chip: sim::chip::SharedChip) -> Self {
        let slot = Slot::new();
        let mut board = Board::of(&slot);
        slot.insert_card(chip, manner).unwrap();
        board.activate();
        let answer = board.answer_to_reset();
        assert!(card_spec::atr::Atr::parse(&answer).is_ok());
        board.settings(ETU_NS, 255, false);
        Self { slot, board }
    }

    fn ask(&mut self, block: &[u8]) -> Option<Vec<u8>> {
        self.board.send_all(block);
        self.board.block(1, BLOCK_NS, CHARACTER_NS)
    }

    fn expect(&mut self, ask: &[u8], answer: &[u8]) {
        assert_eq!(self.ask(ask).as_deref(), Some(answer), "after {ask:02X?}");
    }
}

fn plain() -> Reader {
    Reader::with(Manner::default().offer(Offer::t1()))
}

/// Bytes of `(N(S), more)` blocks of a chain.
fn i(number: u8, more: bool, field: &[u8]) -> Vec<u8> {
    block(number << 6 | u8::from(more) << 5, field)
}

fn r(number: u8, error: u8) -> Vec<u8> {
    block(0x80 | number << 4 | error, &[])
}

#[test]
fn commands_one_after_the_other() {
    let mut reader = plain();
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 2]), &i(0, false, &[0, 1, 0x90, 0]));
    reader.expect(&i(1, false, &[0, 0xB0, 0, 0, 1]), &i(1, false, &[0, 0x90, 0]));
    reader.expect(&i(0, false, &[0, 0x20, 0, 0]), &i(0, false, &[0x90, 0]));
    assert_eq!(reader.slot.insertion().unwrap().commands, 3);
}

#[test]
fn line_time_of_a_block_exchange() {
    let mut reader = plain();
    let before = reader.slot.counters();
    reader
        .expect(&i(0, false, &[0, 0xB0, 0, 0, 16]), &i(0, false, &[&counting(16)[..], &[0x90, 0]].concat()));
    let spent = reader.slot.counters().since(&before);
    // 4 + 5 characters there, 4 + 18 back, 11 units each, and 11 more where the direction turns.
    assert_eq!((spent.reader_characters, spent.card_characters), (9, 22));
    assert_eq!(spent.line_ns, (31 * 11 + 11) * 93_000);
}

#[test]
fn chains_in_both_directions() {
    let mut reader = plain();
    // S(IFS request) of the reader, 10 bytes.
    reader.expect(&block(0xC1, &[10]), &block(0xE1, &[10]));
    // A command in three parts; the answer in three.
    let data = counting(20);
    let command = [&[0x00, 0xD6, 0x00, 0x00, 20][..], &data].concat();
    reader.expect(&i(0, true, &command[..10]), &r(1, 0));
    reader.expect(&i(1, true, &command[10..20]), &r(0, 0));
    let answer = [&data[..], &[0x90, 0x00]].concat();
    reader.expect(&i(0, false, &command[20..]), &i(0, true, &answer[..10]));
    reader.expect(&r(1, 0), &i(1, true, &answer[10..20]));
    reader.expect(&r(0, 0), &i(0, false, &answer[20..]));
    assert_eq!(reader.slot.insertion().unwrap().commands, 1);
}

#[test]
fn an_extended_command_goes_through() {
    let mut reader = plain();
    reader.expect(&block(0xC1, &[254]), &block(0xE1, &[254]));
    let mut left = counting(600);
    left.extend([0x90, 0x00]);
    let mut answer = reader.ask(&i(0, false, &[0x00, 0xB0, 0, 0, 0, 0x02, 0x58])).unwrap();
    let mut number = 0;
    loop {
        let part = &answer[3..answer.len() - 1];
        assert_eq!(part, &left[..part.len()]);
        left.drain(..part.len());
        let more = answer[1] & 0x20 != 0;
        assert_eq!(answer, i(number, more, &answer[3..answer.len() - 1]));
        if !more {
            break;
        }
        number ^= 1;
        answer = reader.ask(&r(number, 0)).unwrap();
    }
    assert_eq!(left, b"");
}

#[test]
fn wrong_blocks_are_refused_and_sent_again() {
    let mut reader = Reader::with(Manner::default().offer(Offer { ifsc: Some(32), ..Offer::t1() }));
    let command = i(0, false, &[0, 0xB0, 0, 0, 1]);
    let mut wrong = command.clone();
    *wrong.last_mut().unwrap() ^= 1;
    reader.expect(&wrong, &r(0, 1));
    // Wrong number, unknown kinds, a field longer than the card takes, addresses that are one, a length that is
    // none.
    reader.expect(&i(1, false, &[0, 0xB0, 0, 0, 1]), &r(0, 2));
    reader.expect(&block(0xC7, &[]), &r(0, 2));
    reader.expect(&block(0x41, &[]), &r(0, 2));
    reader.expect(&block(0xA0, &[]), &r(0, 2));
    reader.expect(&block(0xC1, &[0]), &r(0, 2));
    reader.expect(&block(0xC1, &[255]), &r(0, 2));
    reader.expect(&block(0xE3, &[1]), &r(0, 2));
    reader.expect(&i(0, false, &[0; 33]), &r(0, 2));
    assert_eq!(reader.ask(&lrc(&[0x22, 0x00, 0x00])), Some(lrc(&[0x22, 0x82, 0x00])));
    reader.expect(&lrc(&[0x00, 0x00, 0xFF]), &r(0, 2));
    assert_eq!(reader.slot.insertion().unwrap().commands, 0, "nothing has reached the chip");
    assert_eq!(reader.slot.counters().wrong_blocks, 11);
    reader.expect(&command, &i(0, false, &[0, 0x90, 0]));
}

#[test]
fn the_last_block_comes_again_when_it_is_asked_for() {
    let mut reader = plain();
    let answer = i(0, false, &[0, 0x90, 0]);
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 1]), &answer);
    // The reader has not got it: it still expects number 0.
    reader.expect(&r(0, 1), &answer);
    reader.expect(&r(0, 2), &answer);
    // An answer to a wrong block is lost: asked for again, by the number that the reader expects next.
    let mut wrong = i(1, false, &[0, 0xB0, 0, 0, 1]);
    *wrong.last_mut().unwrap() ^= 1;
    reader.expect(&wrong, &r(1, 1));
    reader.expect(&r(1, 1), &r(1, 1));
    reader.expect(&i(1, false, &[0, 0xB0, 0, 0, 1]), &i(1, false, &[0, 0x90, 0]));
    assert_eq!(reader.slot.insertion().unwrap().commands, 2, "no command twice");
}

#[test]
fn resynchronised_everything_begins_anew() {
    let mut reader = plain();
    reader.expect(&block(0xC1, &[10]), &block(0xE1, &[10]));
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 1]), &i(0, false, &[0, 0x90, 0]));
    reader.expect(&block(0xC0, &[]), &block(0xE0, &[]));
    let long = [&counting(30)[..], &[0x90, 0x00]].concat();
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 30]), &i(0, false, &long));
}

#[test]
fn chains_are_aborted() {
    let mut reader = plain();
    reader.expect(&block(0xC1, &[4]), &block(0xE1, &[4]));
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 9]), &i(0, true, &[0, 1, 2, 3]));
    reader.expect(&block(0xC2, &[]), &block(0xE2, &[]));
    reader.expect(&i(1, false, &[0, 0xB0, 0, 0, 1]), &i(1, false, &[0, 0x90, 0]));
    // The reader's own chain, given up in the middle.
    reader.expect(&i(0, true, &[0, 0xB0]), &r(1, 0));
    reader.expect(&block(0xC2, &[]), &block(0xE2, &[]));
    reader.expect(&i(1, false, &[0, 0xB0, 0, 0, 1]), &i(0, false, &[0, 0x90, 0]));
}

#[test]
fn a_long_thought_asks_for_time() {
    let mut reader = Reader::around(Manner::default().offer(Offer::t1()), Plain::slow(5_000_000));
    let before = reader.slot.counters();
    // Half a block waiting time, then as many as are needed for the rest and one more.
    let asked = reader.ask(&i(0, false, &[0, 0xB0, 0, 0, 1])).unwrap();
    assert_eq!(asked, block(0xC3, &[asked[3]]));
    // An answer to something else, and a wrong one: the request stands.
    reader.expect(&r(0, 0), &asked);
    reader.expect(&block(0xE3, &[asked[3] ^ 1]), &asked);
    reader.board.send_all(&block(0xE3, &[asked[3]]));
    let granted = BLOCK_NS * u64::from(asked[3]);
    assert_eq!(reader.board.block(1, granted, CHARACTER_NS), Some(i(0, false, &[0, 0x90, 0])));
    let spent = reader.slot.counters().since(&before);
    assert_eq!(spent.time_requests, 1);
    let turns = 4 * 11 * 93_000;
    assert_eq!(spent.silence_ns, 5_000_000_000 + turns, "as long as the chip thinks");
}

#[test]
fn a_card_announces_its_size() {
    let offer = Offer { ifsc: Some(16), ..Offer::t1() };
    let mut reader = Reader::with(Manner::default().offer(offer).asks_ifs(64));
    reader.expect(&i(0, false, &[0, 0xB0, 0, 0, 1]), &block(0xC1, &[64]));
    reader.expect(&block(0xE1, &[64]), &i(0, false, &[0, 0x90, 0]));
    let long = [&[0x00, 0x20, 0, 0, 40][..], &counting(40)].concat();
    let answer = [&counting(40)[..], &[0x90, 0x00]].concat();
    reader.expect(&i(1, false, &long), &i(1, true, &answer[..32]));
}

#[test]
fn checked_by_crc() {
    let mut reader = Reader::with(Manner::default().offer(Offer { check: Check::Crc, ..Offer::t1() }));
    // I(0,0) of `00 20 00 00` and its answer, with their CRC as computed apart.
    let with_crc = |body: &[u8]| {
        let mut crc = 0xFFFF_u16;
        for bit in body.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1)) {
            let carry = crc & 1 != u16::from(bit);
            crc >>= 1;
            if carry {
                crc ^= 0x8408;
            }
        }
        [body, &(!crc).to_be_bytes()].concat()
    };
    reader.board.send_all(&with_crc(&[0, 0, 4, 0, 0x20, 0, 0]));
    let answer = reader.board.block(2, BLOCK_NS, CHARACTER_NS).unwrap();
    assert_eq!(answer, with_crc(&[0, 0, 2, 0x90, 0]));
}

#[test]
fn addresses_are_turned_round() {
    let mut reader = plain();
    assert_eq!(reader.ask(&lrc(&[0x12, 0x00, 4, 0, 0x20, 0, 0])), Some(lrc(&[0x21, 0x00, 2, 0x90, 0x00])));
}

#[test]
fn lost_and_broken_characters_make_wrong_blocks() {
    let command = i(0, false, &[0, 0xB0, 0, 0, 1]);
    let offered = || Manner::default().offer(Offer::t1());
    for (fault, error) in [
        (Fault::LostToCard { character: 4 }, 2),
        (Fault::BrokenToCard { character: 4, times: 1 }, 1),
        (Fault::BrokenToCard { character: 9, times: 1 }, 1),
    ] {
        let mut reader = Reader::with(offered().faults(fault.clone()));
        reader.expect(&command, &r(0, error));
        reader.expect(&command, &i(0, false, &[0, 0x90, 0]));
        assert_eq!(reader.slot.insertion().unwrap().fired, 1, "{fault:?}");
    }
    // From the card: a hole in the block, or a broken character; both come right when asked for again.
    let after_atr = 12;
    for fault in [
        Fault::LostToReader { character: after_atr + 3 },
        Fault::BrokenToReader { character: after_atr + 3, times: 1 },
    ] {
        let mut reader = Reader::with(offered().faults(fault.clone()));
        assert_eq!(reader.ask(&command), None, "{fault:?}");
        while reader.board.character(CHARACTER_NS).is_some() {}
        reader.expect(&r(0, 1), &i(0, false, &[0, 0x90, 0]));
    }
}

#[test]
fn wrong_blocks_of_the_card() {
    let command = i(0, false, &[0, 0xB0, 0, 0, 1]);
    let right = i(0, false, &[0, 0x90, 0]);
    for (fault, wrong) in [
        (
            Fault::WrongCheck { block: 1 },
            [&right[..right.len() - 1], &[right[right.len() - 1] ^ 0x55]].concat(),
        ),
        (Fault::WrongSequence { block: 1 }, i(1, false, &[0, 0x90, 0])),
        (Fault::WrongLength { block: 1, length: 2 }, lrc(&[0, 0, 2, 0, 0x90, 0])),
    ] {
        let mut reader = Reader::with(Manner::default().offer(Offer::t1()).faults(fault.clone()));
        reader.board.send_all(&command);
        let mut said = Vec::new();
        while let Some(byte) = reader.board.character(BLOCK_NS) {
            said.push(byte);
        }
        assert_eq!(said, wrong, "{fault:?}");
        reader.expect(&r(0, 1), &right);
        assert_eq!(reader.slot.pull().unwrap().fired, 1);
    }
}

#[test]
fn a_storm_of_requests_for_time() {
    let fault = Fault::WtxStorm { command: 1, requests: 40, multiplier: 1 };
    let mut reader = Reader::with(Manner::default().offer(Offer::t1()).faults(fault));
    let mut answer = reader.ask(&i(0, false, &[0, 0xB0, 0, 0, 1])).unwrap();
    for _ in 0..40 {
        assert_eq!(answer, block(0xC3, &[1]));
        answer = reader.ask(&block(0xE3, &[1])).unwrap();
    }
    assert_eq!(answer, i(0, false, &[0, 0x90, 0]));
    assert_eq!(reader.slot.counters().time_requests, 40);
}

#[test]
fn what_waits_is_fetched_by_the_card_itself() {
    use sim::{card::Card, chip::SharedChip, keys::TestKeys, people::Population, personalise::CardOrder};
    let person = Population::new(1, 1_000).person(7).unwrap();
    let image = CardOrder::new(&person, TestKeys::from_seed(1)).build().unwrap();
    let select = [0x00, 0xA4, 0x00, 0x00, 0x02, 0xDD, 0xF1];
    let with_le = [&select[..], &[0x00]].concat();

    let chip = || SharedChip::new(Card::new(&image, 1).unwrap());
    let mut reader = Reader::around(Manner::default().offer(Offer::t1()), chip());
    reader.expect(&block(0xC1, &[254]), &block(0xE1, &[254]));
    let answer = reader.ask(&i(0, false, &with_le)).unwrap();
    assert_eq!((answer[2], &answer[33..35]), (32, &[0x90, 0x00][..]), "data and status at once");
    reader.expect(&i(1, false, &select), &i(1, false, &[0x61, 0x1E]));
    assert_eq!(reader.slot.insertion().unwrap().commands, 2);

    let mut reader = Reader::around(Manner::default().offer(Offer::t1()).unwraps(false), chip());
    reader.expect(&i(0, false, &with_le), &i(0, false, &[0x61, 0x1E]));
}

//! The conversation with the board: its messages, and what the line says when.
//!
//! Nothing here waits. What is to be said is in [`Line::out`], with the moments at which it begins and ends on
//! the line; whoever owns the stream says it, at once or in time.

use std::collections::VecDeque;

use reader_protocol::emulated_line::{
    CHARACTER, CHARACTER_BROKEN, CONTACT_1V8, CONTACT_3V, CONTACT_5V, CONTACT_CLOCK, CONTACT_RESET_HIGH,
    CONTACTS, LISTEN, OVERLOAD, PRESENCE, REFUSED, REPEAT, SEND, SETTINGS, SILENCE, TAKEN, body_bytes,
};

use super::{
    Counters, Manner, Misuse,
    card::{Card, Fate},
    clock::{BLOCK_CHARACTER_ETU, CHARACTER_ETU, Clock, Wait},
    desk::Item,
    fault::{Harm, Upset},
};
use crate::{chip::SharedChip, vpcd::Insertion};

const SUPPLIES: u8 = CONTACT_5V | CONTACT_3V | CONTACT_1V8;
/// Tags from here on are the card's.
const CARD_TAGS: u8 = 0x80;
/// Most misuses that are kept.
const MISUSES_MAX: usize = 64;
/// Longest piece of silence that is said at once when time is spent: the board may have second thoughts.
const SILENCE_SLICE_NS: u64 = 20_000_000;
/// Extra guard time that means the shortest character.
const SHORTEST_GUARD: u8 = 255;

/// Bytes for the board, and when on the line they are said.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    pub(super) begins_ns: u64,
    pub(super) ends_ns: u64,
    kind: Kind,
}

/// What is to be done should it not be said after all.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Control,
    /// How long it takes, and the listening of the board that it answers.
    Character {
        etu: u64,
        ns: u64,
        answers: Option<u64>,
    },
    /// Whether the card meant to be silent; else it had nothing to say.
    Silence {
        ns: u64,
        is_of_card: bool,
    },
}

/// Everything on the card's side of one line.
#[derive(Default)]
pub(super) struct Line {
    pub(super) out: VecDeque<Said>,
    pub(super) counters: Counters,
    pub(super) misuses: Vec<Misuse>,
    /// Whether what is said waits for its time, so that only the next thing may be decided on.
    pub(super) is_paced: bool,
    /// Whether the exchange that is under way began just now.
    pub(super) begins: bool,
    is_attached: bool,
    pending: Vec<u8>,
    card: Option<Box<Card>>,
    clock: Clock,
    extra_guard: u8,
    has_error_signal: bool,
    contacts: u8,
    /// How long the board still listens.
    listening: Option<u64>,
    /// The card's character that was broken last: how often it will be so again.
    broken_left: u32,
    /// Whether the board may ask for the character before again.
    waits_for_repeat: bool,
    last: Option<Item>,
    /// The reader's character that was refused: it comes again.
    refused: Option<u32>,
    /// Time of the line: all that was said, idle or not.
    time_ns: u64,
    /// Silence since the card's last character or the reader's.
    silence_ns: u64,
}

impl Line {
    /// A board comes: nothing is driven yet.
    pub(super) fn begin(&mut self) {
        self.is_attached = true;
        self.clock = Clock::default();
        let present = self.is_inserted();
        self.control(&[PRESENCE, u8::from(present)]);
    }

    /// The board has gone.
    pub(super) fn end(&mut self) {
        self.is_attached = false;
        self.pending.clear();
        self.out.clear();
        self.contacts = 0;
        self.clock = Clock::default();
        self.listening = None;
        self.forget_characters();
        if let Some(card) = &mut self.card {
            card.power_off();
        }
    }

    pub(super) fn is_inserted(&self) -> bool {
        self.card.as_ref().is_some_and(|card| !card.is_torn)
    }

    /// Puts a card in; `false` when the answer to reset that it should give cannot be made.
    pub(super) fn insert(&mut self, chip: SharedChip, manner: Manner) -> bool {
        let Some(card) = Card::new(chip, manner) else { return false };
        self.card = Some(Box::new(card));
        self.forget_characters();
        self.control(&[PRESENCE, 1]);
        true
    }

    pub(super) fn pull(&mut self) -> Option<Insertion> {
        if self.is_inserted() {
            self.tear_out();
        }
        self.card.take().map(|card| card.insertion())
    }

    pub(super) fn insertion(&self) -> Option<Insertion> {
        self.card.as_ref().map(|card| card.insertion())
    }

    /// Takes bytes of the board.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let [tag, after @ ..] = rest {
            let Some(length) = body_bytes(*tag).filter(|_| *tag < CARD_TAGS) else {
                self.counters.unknown_bytes += 1;
                rest = after;
                continue;
            };
            let Some((body, next)) = after.split_at_checked(length) else { break };
            self.message(*tag, body);
            self.pump();
            rest = next;
        }
        self.pending = rest.to_vec();
    }

    fn message(&mut self, tag: u8, body: &[u8]) {
        match (tag, body) {
            (SEND, [byte]) => self.sent(*byte),
            (CONTACTS, [contacts]) => self.contacts(*contacts),
            (SETTINGS, [a, b, c, d, extra_guard, error_signal]) => {
                self.clock.set(u32::from_le_bytes([*a, *b, *c, *d]));
                self.extra_guard = *extra_guard;
                self.has_error_signal = *error_signal != 0;
            }
            (LISTEN, body) => {
                // Cannot fail: the length was looked up.
                let ns = body.try_into().map_or(0, u64::from_le_bytes);
                // It does not end the wait for REPEAT: it may have been sent before the broken character came.
                self.take_silence_back();
                self.listening = (ns > 0).then_some(ns);
                let Self { card, clock, counters, .. } = self;
                if let Some(card) = card.as_mut().filter(|card| ns > 0 && card.queue.is_empty()) {
                    card.listened(*clock, counters);
                }
            }
            (REPEAT, _) => {
                self.take_silence_back();
                self.waits_for_repeat = false;
                if let (Some(card), Some(last)) = (&mut self.card, self.last) {
                    self.counters.repeated += 1;
                    card.queue.push_front(last);
                }
            }
            _ => {}
        }
    }

    fn contacts(&mut self, now: u8) {
        let before = std::mem::replace(&mut self.contacts, now);
        let (was, is) = (before & SUPPLIES, now & SUPPLIES);
        let rises = |bit| now & bit != 0 && before & bit == 0;
        self.take_silence_back();
        self.begins = true;
        let misuse = if is.count_ones() > 1 {
            Some(Misuse::TwoSupplies)
        } else if was != 0 && is != 0 && was != is {
            Some(Misuse::SupplyChanged)
        } else if was == 0 && is != 0 && now & CONTACT_RESET_HIGH != 0 {
            Some(Misuse::SupplyUnderReset)
        } else if rises(CONTACT_RESET_HIGH) && (is == 0 || now & CONTACT_CLOCK == 0) {
            Some(Misuse::ResetBeforeClock)
        } else if was != 0 && is == 0 && before & (CONTACT_RESET_HIGH | CONTACT_CLOCK) != 0 {
            Some(Misuse::SupplyCut)
        } else {
            None
        };
        if now == 0 {
            // A board that has begun anew on the same line knows nothing yet.
            self.control(&[PRESENCE, u8::from(self.is_inserted())]);
        }
        let Some(card) = self.card.as_mut().filter(|card| !card.is_torn) else { return };
        self.misuses.extend(misuse.filter(|_| self.misuses.len() < MISUSES_MAX));
        if was != is {
            card.power_off();
            self.refused = None;
            self.forget_characters();
        }
        let Some(card) = self.card.as_mut() else { return };
        if is == 0 {
            if was != 0 && card.is_shorted {
                self.control(&[OVERLOAD, 0]);
            }
            return;
        }
        let shorts_at_once =
            was == 0 && card.characters() == 0 && card.faults.upset(0) == Some(Upset::Shorted);
        if was == 0 && (card.is_shorted || shorts_at_once) {
            card.is_shorted = true;
            self.control(&[OVERLOAD, 1]);
            return;
        }
        if now & CONTACT_RESET_HIGH == 0 {
            card.hold();
            self.forget_characters();
        } else if rises(CONTACT_RESET_HIGH) && now & CONTACT_CLOCK != 0 && !card.is_shorted {
            card.reset(is, &mut self.clock, &mut self.counters);
        }
    }

    /// Whether the card has what it needs to hear and to speak.
    fn is_running(&self) -> bool {
        let needed = CONTACT_RESET_HIGH | CONTACT_CLOCK;
        self.contacts & SUPPLIES != 0
            && self.contacts & needed == needed
            && self.card.as_ref().is_some_and(|card| !card.is_torn && !card.is_shorted)
    }

    fn sent(&mut self, byte: u8) {
        self.take_silence_back();
        self.listening = None;
        self.begins |= self.card.as_ref().is_none_or(|card| card.is_idle());
        self.waits_for_repeat = false;
        self.silence_ns = 0;
        let begins_ns = self.time_ns;
        self.counters.reader_characters += 1;
        self.spend(self.reader_etu());
        let is_running = self.is_running();
        let mut fate = Fate::Lost;
        if let Some(card) = self.card.as_mut().filter(|_| is_running && self.refused.is_none()) {
            card.from_reader = card.from_reader.saturating_add(1);
            self.upset();
        }
        let is_running = self.is_running();
        if let Some(card) = self.card.as_mut().filter(|_| is_running) {
            let mut left = self.refused.take().unwrap_or(0);
            fate = card.fate(&mut left);
            if card.is_stuck {
                fate = Fate::Broken;
            } else if !self.clock.is_in_step() {
                self.counters.out_of_step += 1;
                fate = Fate::Broken;
            } else if !card.queue.is_empty() && fate != Fate::Lost {
                // The card drives the line itself and does not hear (half duplex).
                self.counters.collisions += 1;
                fate = Fate::Lost;
            }
            if fate == Fate::Broken && self.has_error_signal {
                self.counters.refused += 1;
                self.refused = Some(left);
                self.say(vec![REFUSED], begins_ns, Kind::Control);
                return;
            }
        }
        self.say(vec![TAKEN], begins_ns, Kind::Control);
        if fate == Fate::Lost {
            return;
        }
        let Some(card) = self.card.as_mut() else { return };
        let is_broken = fate == Fate::Broken;
        if card.character(byte, is_broken, self.clock, &mut self.counters).is_err() {
            self.tear_out();
        }
    }

    /// What happens to the contacts at the present character of both. Whether the card still is there.
    fn upset(&mut self) -> bool {
        let Some(card) = self.card.as_mut() else { return false };
        match card.faults.upset(card.characters()) {
            None => true,
            Some(Upset::Pulled) => {
                self.tear_out();
                false
            }
            Some(Upset::Shorted) => {
                card.is_shorted = true;
                card.hold();
                self.control(&[OVERLOAD, 1]);
                false
            }
            Some(Upset::Stuck) => {
                card.is_stuck = true;
                card.hold();
                false
            }
        }
    }

    /// The card leaves the contacts; it is kept until somebody asks how it went.
    fn tear_out(&mut self) {
        self.take_characters_back();
        if let Some(card) = &mut self.card {
            card.power_off();
            card.is_torn = true;
            if card.is_shorted && self.contacts & SUPPLIES != 0 {
                self.control(&[OVERLOAD, 0]);
            }
        }
        self.forget_characters();
        self.control(&[PRESENCE, 0]);
    }

    fn forget_characters(&mut self) {
        self.refused = None;
        self.last = None;
        self.broken_left = 0;
        self.waits_for_repeat = false;
        self.silence_ns = 0;
    }

    /// Decides what is said next, as far as that does not depend on the board.
    pub(super) fn pump(&mut self) {
        while !self.is_paced || self.out.is_empty() {
            let is_running = self.is_running();
            if is_running && self.card.as_ref().is_some_and(|card| card.is_stuck) {
                // A line that is low reads as zeros with a wrong parity.
                let Some(listening) = self.listening.take() else { return };
                self.put(0, true, CHARACTER_ETU, Some(listening));
                return;
            }
            let item = self.card.as_ref().filter(|_| is_running).and_then(|card| card.queue.front().copied());
            match item {
                None => {
                    let Some(listening) = self.listening else { return };
                    self.be_silent(listening, false);
                }
                Some(Item::Silence(ns)) => {
                    let Some(listening) = self.listening else { return };
                    self.next_item();
                    let said = self.be_silent(ns.min(listening), true);
                    if said < ns {
                        self.first_item(Item::Silence(ns - said));
                    }
                }
                Some(Item::Agree(speed)) => {
                    self.next_item();
                    self.clock.agreed = speed;
                }
                Some(Item::Character { .. } | Item::Again { .. }) if self.waits_for_repeat => return,
                Some(Item::Character { byte, wait }) => {
                    self.next_item();
                    self.begin_character(byte, wait);
                }
                Some(Item::Again { byte, wait }) => {
                    self.next_item();
                    let is_broken = self.broken_left > 0;
                    self.broken_left = self.broken_left.saturating_sub(1);
                    self.say_character(byte, wait, is_broken);
                }
            }
        }
    }

    fn next_item(&mut self) {
        if let Some(card) = &mut self.card {
            card.queue.pop_front();
        }
    }

    fn first_item(&mut self, item: Item) {
        if let Some(card) = &mut self.card {
            card.queue.push_front(item);
        }
    }

    /// The next character of the card: counted, and harmed as planned.
    fn begin_character(&mut self, byte: u8, wait: Wait) {
        let Some(card) = self.card.as_mut() else { return };
        card.from_card = card.from_card.saturating_add(1);
        if !self.upset() {
            return;
        }
        let character_ns = self.clock.units(self.card_etu(wait));
        let Some(card) = self.card.as_mut() else { return };
        let harm = card.faults.harm_to_reader(card.from_card);
        self.broken_left = 0;
        match harm {
            Some(Harm::Mute) => card.hold(),
            Some(Harm::Lost) => card.queue.push_front(Item::Silence(character_ns)),
            Some(Harm::Late { etu }) => {
                let limit = self.clock.limit(wait, card.parameters());
                // From the leading edge of the character before; there is none before the first.
                let before = if wait == Wait::Reset { 0 } else { character_ns };
                let spent = before.saturating_add(self.silence_ns);
                let by = self.clock.units(etu.unsigned_abs());
                let silence = limit.saturating_sub(spent);
                let silence = if etu < 0 { silence.saturating_sub(by) } else { silence.saturating_add(by) };
                card.queue.push_front(Item::Again { byte, wait });
                card.queue.push_front(Item::Silence(silence));
            }
            Some(Harm::Broken { times }) => {
                self.broken_left = times - 1;
                self.say_character(byte, wait, true);
            }
            None => self.say_character(byte, wait, false),
        }
    }

    fn say_character(&mut self, byte: u8, wait: Wait, is_broken: bool) {
        let Some(card) = &self.card else { return };
        let mut wire = card.turn(byte);
        let is_garbled = !self.clock.is_in_step();
        if is_garbled {
            self.counters.out_of_step += 1;
            wire = !wire;
        }
        let is_broken = is_broken || is_garbled;
        self.last = Some(Item::Again { byte, wait });
        self.waits_for_repeat = is_broken && self.has_error_signal;
        let listening = self.listening.take();
        self.put(wire, is_broken, self.card_etu(wait), listening);
    }

    /// Says one character.
    fn put(&mut self, wire: u8, is_broken: bool, etu: u64, answers: Option<u64>) {
        let begins_ns = self.time_ns;
        self.counters.card_characters += 1;
        self.silence_ns = 0;
        let ns = self.spend(etu);
        let tag = if is_broken { CHARACTER_BROKEN } else { CHARACTER };
        self.say(vec![tag, wire], begins_ns, Kind::Character { etu, ns, answers });
    }

    /// Says that there is nothing for so long; in pieces when time is spent. How long was said.
    fn be_silent(&mut self, ns: u64, is_of_card: bool) -> u64 {
        let ns = if self.is_paced { ns.min(SILENCE_SLICE_NS) } else { ns };
        self.listening = self.listening.and_then(|left| left.checked_sub(ns)).filter(|left| *left > 0);
        let begins_ns = self.time_ns;
        self.time_ns = self.time_ns.saturating_add(ns);
        self.silence_ns = self.silence_ns.saturating_add(ns);
        if is_of_card {
            self.counters.line_ns = self.counters.line_ns.saturating_add(ns);
            self.counters.silence_ns = self.counters.silence_ns.saturating_add(ns);
        } else {
            self.counters.idle_ns = self.counters.idle_ns.saturating_add(ns);
        }
        let mut bytes = vec![SILENCE];
        bytes.extend_from_slice(&ns.to_le_bytes());
        self.say(bytes, begins_ns, Kind::Silence { ns, is_of_card });
        ns
    }

    fn control(&mut self, bytes: &[u8]) {
        if self.is_attached {
            self.say(bytes.to_vec(), self.time_ns, Kind::Control);
        }
    }

    fn say(&mut self, bytes: Vec<u8>, begins_ns: u64, kind: Kind) {
        self.out.push_back(Said { bytes, begins_ns, ends_ns: self.time_ns, kind });
    }

    /// The board has second thoughts: a silence that was not said yet is not said.
    fn take_silence_back(&mut self) {
        if !self.is_paced {
            return;
        }
        while let Some(Said { kind: Kind::Silence { ns, is_of_card }, .. }) = self.out.back() {
            let (ns, is_of_card) = (*ns, *is_of_card);
            self.out.pop_back();
            self.time_ns = self.time_ns.saturating_sub(ns);
            self.silence_ns = self.silence_ns.saturating_sub(ns);
            if is_of_card {
                self.counters.line_ns = self.counters.line_ns.saturating_sub(ns);
                self.counters.silence_ns = self.counters.silence_ns.saturating_sub(ns);
                self.first_item(Item::Silence(ns));
            } else {
                self.counters.idle_ns = self.counters.idle_ns.saturating_sub(ns);
            }
        }
    }

    /// The card leaves in the middle of a character, which then does not come; the board still listens.
    fn take_characters_back(&mut self) {
        if !self.is_paced {
            return;
        }
        while let Some(Said { kind: Kind::Character { etu, ns, answers }, .. }) = self.out.back() {
            let (etu, ns, answers) = (*etu, *ns, *answers);
            self.out.pop_back();
            self.counters.card_characters -= 1;
            self.counters.etu -= etu;
            self.counters.line_ns = self.counters.line_ns.saturating_sub(ns);
            self.time_ns = self.time_ns.saturating_sub(ns);
            self.listening = answers.or(self.listening);
        }
    }

    /// Time passes for one character.
    fn spend(&mut self, etu: u64) -> u64 {
        let ns = self.clock.units(etu);
        self.counters.etu += etu;
        self.counters.line_ns = self.counters.line_ns.saturating_add(ns);
        self.time_ns = self.time_ns.saturating_add(ns);
        ns
    }

    /// Units from one character of the reader to its next. Source: ISO/IEC 7816-3 §8.3, N.
    fn reader_etu(&self) -> u64 {
        match self.extra_guard {
            SHORTEST_GUARD if self.card.as_ref().is_some_and(|card| card.is_in_blocks()) => {
                BLOCK_CHARACTER_ETU
            }
            SHORTEST_GUARD => CHARACTER_ETU,
            extra => CHARACTER_ETU + u64::from(extra),
        }
    }

    /// Units from one character of the card to its next: extra guard time is for the reader's only.
    fn card_etu(&self, wait: Wait) -> u64 {
        match wait {
            Wait::Block | Wait::Character if self.extra_guard == SHORTEST_GUARD => BLOCK_CHARACTER_ETU,
            _ => CHARACTER_ETU,
        }
    }
}

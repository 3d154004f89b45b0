//! One slot's interface device.

mod activation;
mod conversation;

use self::activation::Activation;
use super::{
    CardError,
    atr::AtrParameters,
    buffer::Buffer,
    dialogue::Dialogue,
    line::Line,
    parameters::{Parameters, Protocol},
    pps::{self, Pps},
    t0::Tpdu,
    t1::Block,
    timing::{CLOCK_START_CYCLES, CLOCK_STOP_CYCLES, Speed, Timing, cycles},
};
use crate::{
    contacts::{Contacts, Voltage},
    time::Instant,
};

/// Longest request: five bytes of header, 255 of data and one of Le.
pub const REQUEST_BYTES_MAX: usize = 261;
/// Longest answer: a block of T=1 with 254 bytes and a CRC.
pub const ANSWER_BYTES_MAX: usize = 259;

/// So much happens in one poll at most; then the others have their turn.
const STEPS_MAX: usize = 32;
/// Offset of abData in the CCID message.
const DATA_OFFSET: u8 = 10;
/// Offset of bProtocolNum.
const PROTOCOL_OFFSET: u8 = 7;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Nothing is under way.
    Idle,
    /// Poll again when the contacts have something, and at this time of the board at the latest.
    Busy {
        /// Time of the board.
        until: Instant,
    },
    /// The card has asked for more time (NULL of T=0), which the host should know. Poll again at once.
    Extended,
    /// The operation is over; said once. What it has brought is in [`Interface::answer`] or
    /// [`Interface::parameters`].
    Done,
    /// The operation has failed; said once.
    Failed(CardError),
}

/// Who agrees with the card about protocol and speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// The host, by an exchange of `FF ...`; then it says what has been agreed.
    Host,
    /// The reader, from what the host asks for.
    Reader,
}

/// Limits that the standard leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Units from TS to the end of the answer to reset, such as [`Limits::ATR_ETU_EMV`].
    pub atr_etu_max: Option<u32>,
}

impl Limits {
    /// What EMV Contact Level 1 makes terminals wait for an answer to reset.
    pub const ATR_ETU_EMV: u32 = 20_160;
    /// The standard and nothing else.
    pub const ISO: Self = Self { atr_etu_max: None };
}

/// What is known of the card whose contacts are on.
#[derive(Clone, Copy, Debug)]
struct Card {
    atr: AtrParameters,
    /// False when it has no protocol or speed that we speak.
    is_understood: bool,
    parameters: Parameters,
    /// Nothing has been exchanged since reset: PPS is possible.
    is_fresh: bool,
    is_clock_stopped: bool,
}

/// What is under way.
#[derive(Clone, Copy, Debug)]
enum Operation {
    None,
    /// Power and reset.
    Activation(Activation),
    /// An exchange waits for its first character to be sent.
    Exchange(Dialogue),
    /// The dialogue goes on.
    Dialogue(Dialogue),
    /// Over, and not said yet.
    Over,
}

/// One slot's interface device.
///
/// One operation at a time: begin it, then [`Interface::poll`] until `Done` or `Failed`. Poll also while nothing
/// is under way, so that a card that is pulled or short circuited loses its power at once.
#[derive(Debug)]
pub struct Interface {
    negotiation: Negotiation,
    limits: Limits,
    line: Line,
    timing: Timing,
    buffer: Buffer,
    /// Bytes of the answer in the buffer.
    answer_bytes: u16,
    operation: Operation,
    /// Supplies that are still to be tried, the present one first.
    supplies: &'static [Voltage],
    card: Option<Card>,
    /// VCC is on.
    has_supply: bool,
    /// When VCC went off, in time of the board.
    off_at: Option<Instant>,
    /// What the reader's own selection under way is for, or what is to be put in force.
    wanted: Option<Parameters>,
}

impl Interface {
    /// An interface device whose contacts are off.
    pub const fn new(negotiation: Negotiation, limits: Limits) -> Self {
        Self {
            negotiation,
            limits,
            line: Line::new(),
            timing: Timing::ZERO,
            buffer: Buffer::new(),
            answer_bytes: 0,
            operation: Operation::None,
            supplies: &[],
            card: None,
            has_supply: false,
            off_at: None,
            wanted: None,
        }
    }

    /// Begins activation and cold reset; `None` tries classes C, B, A in this order. An active card is
    /// deactivated first, an operation under way is given up. Answer: the answer to reset, at most 33 bytes.
    ///
    /// Ends with `Ts`, `Tck`, `Parity`, `Overrun`, `Mute`, `ClassNotSupported`, `Removed`, `Overload`; contacts
    /// are off then. A card whose protocols nobody speaks is activated: its answer to reset may be of interest.
    /// Source: ISO/IEC 7816-3 §6.2, §8.
    pub fn power_on(&mut self, supply: Option<Voltage>) {
        self.wipe();
        self.wanted = None;
        self.card = None;
        self.supplies = match supply {
            None => &[Voltage::V1_8, Voltage::V3, Voltage::V5],
            Some(Voltage::V1_8) => &[Voltage::V1_8],
            Some(Voltage::V3) => &[Voltage::V3],
            Some(Voltage::V5) => &[Voltage::V5],
        };
        self.operation = Operation::Activation(Activation::Begin);
    }

    /// Begins a warm reset. Answer and errors as of [`Interface::power_on`]; `Inactive` when no card is powered.
    /// An operation under way is given up. Source: ISO/IEC 7816-3 §6.2.3.
    pub fn warm_reset(&mut self) -> Result<(), CardError> {
        if !self.has_supply || self.card.is_none() {
            return Err(CardError::Inactive);
        }
        self.wipe();
        self.wanted = None;
        self.card = None;
        self.supplies = self.supplies.get(..1).unwrap_or_default();
        self.operation = Operation::Activation(Activation::WarmBegin);
        Ok(())
    }

    /// Deactivates at once: RST low, CLK off, I/O released, VCC off. An operation under way is given up and never
    /// heard of again. Source: ISO/IEC 7816-3 §6.4.
    pub fn power_off<C: Contacts>(&mut self, contacts: &mut C, now: Instant) {
        self.deactivate(contacts, now);
        self.operation = Operation::None;
    }

    /// Begins an exchange: a TPDU of 4 to 261 bytes (T=0), a block of 4 to 259 (T=1), or `FF ...` straight after
    /// reset (PPS). Answer: data and status, a block, or the response of PPS.
    ///
    /// `waiting_extension` is bBWI: so many times BWT are waited for the block (T=1), 0 counts as 1.
    ///
    /// Refused with `Busy`, `Inactive`, `Length`, `ProtocolNotSupported`, and `Parameter` when the first byte is
    /// FF and no PPS. Ends with `Mute`, `Parity`, `Overrun`, `ProcedureByte` (T=0), `Incomplete` (T=1),
    /// `Removed`, `Overload`. See [`CardError`] for what is left of the session.
    pub fn exchange(&mut self, request: &[u8], waiting_extension: u8) -> Result<(), CardError> {
        let card = self.ready_card()?;
        if !card.is_understood {
            return Err(CardError::ProtocolNotSupported);
        }
        if request.len() < 3 || !self.buffer.fill(request) {
            return Err(CardError::Length);
        }
        self.answer_bytes = 0;
        let begun = self.dialogue(&card, request, waiting_extension);
        match begun {
            Ok(dialogue) => self.operation = Operation::Exchange(dialogue),
            Err(_) => self.buffer.wipe_from(0),
        }
        begun.map(|_| ())
    }

    fn dialogue(
        &mut self,
        card: &Card,
        request: &[u8],
        waiting_extension: u8,
    ) -> Result<Dialogue, CardError> {
        let length = request.len();
        if request.first() == Some(&pps::PPSS) {
            if !card.is_fresh || card.atr.specific.is_some() || !pps::is_request(request) {
                // Neither a class byte of T=0 nor a NAD of T=1.
                return Err(CardError::Parameter { offset: DATA_OFFSET });
            }
            return Ok(Dialogue::Pps(Pps::new(&self.buffer, length)));
        }
        Ok(match card.parameters.protocol {
            Protocol::T0 if length < 4 => return Err(CardError::Length),
            Protocol::T0 => Dialogue::T0(Tpdu::new(&mut self.buffer, length)?),
            Protocol::T1 => Dialogue::T1(Block::new(length, card.parameters.has_crc, waiting_extension)?),
        })
    }

    /// Begins to set protocol parameters, with PPS where the reader negotiates and it is needed. `protocol` is
    /// bProtocolNum, `data` abProtocolDataStructure (5 or 7 bytes). Result: [`Interface::parameters`], which may
    /// be slower than asked for: a card may decline a speed, and one in specific mode keeps its own.
    ///
    /// Refused with `Busy`, `Inactive`, `Length`, `Parameter`, `ProtocolNotSupported`. Ends with `PpsRefused`,
    /// `Mute`, `Parity`, `Removed`, `Overload`; contacts are off then. Source: ISO/IEC 7816-3 §9, CCID §6.1.7.
    pub fn set_parameters(&mut self, protocol: u8, data: &[u8]) -> Result<(), CardError> {
        let card = self.ready_card()?;
        let mut wanted = Parameters::parse(protocol, data)?;
        if !card.is_understood || !card.atr.offers(wanted.protocol) {
            return Err(CardError::ProtocolNotSupported);
        }
        wanted.is_inverse = self.line.is_inverse();
        if card.atr.specific.is_some() {
            wanted.speed = card.parameters.speed;
        }
        let is_new_speed = Speed::of(wanted.speed) != Speed::of(card.parameters.speed);
        let is_new_protocol = wanted.protocol != card.parameters.protocol;
        if self.negotiation == Negotiation::Host || !(is_new_speed || is_new_protocol) {
            self.wipe();
            self.wanted = Some(wanted);
            self.operation = Operation::Over;
            return Ok(());
        }
        if !card.is_fresh {
            // A card agrees to something only straight after reset.
            let offset = if is_new_protocol { PROTOCOL_OFFSET } else { DATA_OFFSET };
            return Err(CardError::Parameter { offset });
        }
        if !is_within(wanted.speed, card.atr.speed) {
            return Err(CardError::Parameter { offset: DATA_OFFSET });
        }
        self.answer_bytes = 0;
        self.wanted = Some(wanted);
        let length = pps::write_request(&mut self.buffer, wanted.protocol, wanted.speed);
        self.operation = Operation::Exchange(Dialogue::Pps(Pps::new(&self.buffer, length)));
        Ok(())
    }

    /// Begins to put back the parameters of the answer to reset, for the protocol and the speed in force.
    ///
    /// Refused with `Busy` and `Inactive`.
    pub fn reset_parameters(&mut self) -> Result<(), CardError> {
        let card = self.ready_card()?;
        let Parameters { protocol, speed, is_inverse, .. } = card.parameters;
        self.wipe();
        self.wanted = Some(Parameters::offered(&card.atr, protocol, speed, is_inverse));
        self.operation = Operation::Over;
        Ok(())
    }

    /// Stops CLK at state L, or restarts it; an exchange restarts it by itself. Done when this returns.
    ///
    /// `Parameter` (offset 7, bClockCommand) when the card does not allow it, `Busy` also shortly after an
    /// exchange, `Inactive`. Source: ISO/IEC 7816-3 §6.3.2.
    pub fn set_clock<C: Contacts>(
        &mut self,
        contacts: &mut C,
        runs: bool,
        now: Instant,
    ) -> Result<(), CardError> {
        let card = self.ready_card()?;
        if runs {
            self.restart_clock(contacts, now);
            return Ok(());
        }
        if card.atr.clock_stop & 0x01 == 0 {
            return Err(CardError::Parameter { offset: PROTOCOL_OFFSET });
        }
        let rest = cycles(CLOCK_STOP_CYCLES, self.line.hertz());
        if contacts.time(now) < self.line.last() + rest {
            return Err(CardError::Busy);
        }
        contacts.set_clock(false);
        if let Some(card) = &mut self.card {
            card.is_clock_stopped = true;
        }
        Ok(())
    }

    /// What the last operation has brought; empty while one is under way.
    pub fn answer(&self) -> &[u8] {
        self.buffer.first(usize::from(self.answer_bytes))
    }

    /// Wipes the answer. To be called once it has been passed on: it may hold personal data.
    pub fn wipe(&mut self) {
        self.answer_bytes = 0;
        self.buffer.wipe_from(0);
    }

    /// Whether a card is powered and has answered to reset.
    pub fn is_active(&self) -> bool {
        self.card.is_some()
    }

    /// Whether an operation is under way.
    pub fn is_busy(&self) -> bool {
        !matches!(self.operation, Operation::None)
    }

    /// Whether CLK runs: a card is active and its clock has not been stopped.
    pub fn is_clock_running(&self) -> bool {
        self.card.is_some_and(|card| !card.is_clock_stopped)
    }

    /// Parameters in force, once a card is active.
    pub fn parameters(&self) -> Option<Parameters> {
        self.card.map(|card| card.parameters)
    }

    /// What the answer to reset says, once a card is active.
    pub fn atr_parameters(&self) -> Option<AtrParameters> {
        self.card.map(|card| card.atr)
    }

    fn ready_card(&self) -> Result<Card, CardError> {
        if self.is_busy() {
            return Err(CardError::Busy);
        }
        self.card.ok_or(CardError::Inactive)
    }

    fn restart_clock<C: Contacts>(&mut self, contacts: &mut C, now: Instant) {
        let Some(card) = &mut self.card else { return };
        if card.is_clock_stopped {
            card.is_clock_stopped = false;
            contacts.set_clock(true);
            let start = cycles(CLOCK_START_CYCLES, self.line.hertz());
            let at = contacts.time(now) + start;
            self.line.count_from(at);
        }
    }

    /// Takes power away. The order is the standard's (§6.4).
    fn deactivate<C: Contacts>(&mut self, contacts: &mut C, now: Instant) {
        self.line.quiet(contacts);
        contacts.set_reset(false);
        contacts.set_clock(false);
        contacts.set_supply(None);
        if self.has_supply {
            self.off_at = Some(now);
        }
        self.has_supply = false;
        self.card = None;
        self.wanted = None;
        self.wipe();
    }
}

/// Whether a speed lies between the default and what the card offers. Source: ISO/IEC 7816-3 §9.2.
fn is_within(wanted: u8, offered: Option<Speed>) -> bool {
    let Some(wanted) = Speed::of(wanted) else { return false };
    let offered = offered.unwrap_or(Speed::DEFAULT);
    wanted == Speed::DEFAULT
        || ((Speed::DEFAULT.f..=offered.f).contains(&wanted.f)
            && (Speed::DEFAULT.d..=offered.d).contains(&wanted.d))
}

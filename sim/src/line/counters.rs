//! What has gone over the line, and how long that takes.

/// Counters of one line since the slot was made.
///
/// Time is time of the line: what characters take at the speed that the board has set, and the silences that
/// the card makes. Time that the board listens while the card has nothing to say is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Characters from the reader, those that were refused included.
    pub reader_characters: u64,
    /// Characters from the card, those that were broken included.
    pub card_characters: u64,
    /// Elementary time units that these characters take, guard time included.
    pub etu: u64,
    /// Nanoseconds of line time: characters and silences of the card.
    pub line_ns: u64,
    /// The silences among them.
    pub silence_ns: u64,
    /// Nanoseconds for which the board listened to a card that had nothing to say, or was not there.
    pub idle_ns: u64,
    /// Characters that the card refused by the error signal.
    pub refused: u64,
    /// Characters that the reader asked for again by the error signal.
    pub repeated: u64,
    /// Answers to reset after power was switched on.
    pub cold_resets: u64,
    /// Answers to reset while power stayed.
    pub warm_resets: u64,
    /// Selections of protocol and parameters that the card agreed to.
    pub selections: u64,
    /// NULL procedure bytes of T=0.
    pub nulls: u64,
    /// Blocks of T=1 from the reader, wrong ones included.
    pub reader_blocks: u64,
    /// Blocks of T=1 from the card.
    pub card_blocks: u64,
    /// Blocks from the reader that the card found wrong.
    pub wrong_blocks: u64,
    /// Requests for more time of T=1.
    pub time_requests: u64,
    /// Characters from the reader that fell into what the card was about to say.
    pub collisions: u64,
    /// Characters, of both, at a speed that is not the agreed one.
    pub out_of_step: u64,
    /// Bytes from the board that are no message.
    pub unknown_bytes: u64,
}

impl Counters {
    /// What has been added since `earlier`.
    pub fn since(&self, earlier: &Counters) -> Counters {
        Counters {
            reader_characters: self.reader_characters - earlier.reader_characters,
            card_characters: self.card_characters - earlier.card_characters,
            etu: self.etu - earlier.etu,
            line_ns: self.line_ns - earlier.line_ns,
            silence_ns: self.silence_ns - earlier.silence_ns,
            idle_ns: self.idle_ns - earlier.idle_ns,
            refused: self.refused - earlier.refused,
            repeated: self.repeated - earlier.repeated,
            cold_resets: self.cold_resets - earlier.cold_resets,
            warm_resets: self.warm_resets - earlier.warm_resets,
            selections: self.selections - earlier.selections,
            nulls: self.nulls - earlier.nulls,
            reader_blocks: self.reader_blocks - earlier.reader_blocks,
            card_blocks: self.card_blocks - earlier.card_blocks,
            wrong_blocks: self.wrong_blocks - earlier.wrong_blocks,
            time_requests: self.time_requests - earlier.time_requests,
            collisions: self.collisions - earlier.collisions,
            out_of_step: self.out_of_step - earlier.out_of_step,
            unknown_bytes: self.unknown_bytes - earlier.unknown_bytes,
        }
    }

    /// Characters of both.
    pub fn characters(&self) -> u64 {
        self.reader_characters + self.card_characters
    }
}

/// Something that a board does to the contacts and should not. Source: ISO/IEC 7816-3 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Two supplies at once.
    TwoSupplies,
    /// Another supply without having taken the first away.
    SupplyChanged,
    /// RST went high without supply or clock.
    ResetBeforeClock,
    /// Supply was switched on while RST was high.
    SupplyUnderReset,
    /// Supply was taken away while RST was high or CLK ran.
    SupplyCut,
}

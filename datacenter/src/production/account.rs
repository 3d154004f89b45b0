//! Loading the personal account (圈存): the center sets money aside and lets the card add it.

use card_spec::money::Fen;
use protocol::{
    account::{LoadAnswer, LoadRequest, LoadSource, OwedRefund, REFUNDS_MAX, RefundsAnswer, RefundsQuery},
    feed::PersonState,
    id::TerminalId,
    problem::{Problem, ProblemKind},
    signature::Digest,
};

use super::{Production, examination::card_key, feed::CARDS_MAX, internal, storage_problem};
use crate::{
    error::Error,
    security_module::LoadRefusal,
    storage::{
        StorageResult, Transaction,
        rows::{Alarm, AlarmKind, HolderRow, LoadRow, LoadState, RefundRow},
    },
};

/// Longest text field of a load request.
pub const FIELD_BYTES_MAX: usize = 64;

const ABANDONED: &str = "this load was reported as abandoned";

/// What the transaction decided; the storage has committed it.
enum Decision {
    Granted([u8; 4]),
    Refused(&'static str),
}

impl Production {
    /// Grants a load: checks the card's MAC1, sets the money aside and answers MAC2.
    ///
    /// The same request again gets the same answer. The money counts as set aside until the load's record is
    /// booked (then it is gone) or the terminal books that the load was abandoned (then it is free again).
    /// Nothing is granted to a blocked card, to one of another person, to the deceased, or to those whose
    /// insurance has ended.
    /// Problems: `LoadRefused` with the reason, `NotAuthenticated`, `Malformed`, `Storage`.
    pub fn load(&self, terminal: TerminalId, request: &LoadRequest) -> Result<LoadAnswer, Problem> {
        if request.terminal != terminal {
            return Err(Problem::new(ProblemKind::NotAuthenticated, "the request is another terminal's"));
        }
        let texts =
            [&request.card_id, &request.card_factor, &request.random, &request.mac1, &request.date_time];
        if texts.iter().any(|text| text.len() > FIELD_BYTES_MAX) {
            return Err(super::malformed("a field is longer than a card's"));
        }
        if request.amount <= Fen::ZERO || request.balance < Fen::ZERO {
            return Err(super::malformed("an amount is negative or nothing"));
        }
        let text = serde_json::to_vec(request).map_err(|_| internal("the request cannot be written"))?;
        let request_digest = Digest::of(&text);
        let mac2 = self.security_module.load_mac2(request);
        let mut decision = Decision::Refused("nothing was decided");
        self.storage
            .transact(&mut |transaction| {
                decision = self.decide(transaction, request, request_digest, mac2)?;
                Ok(())
            })
            .map_err(storage_problem)?;
        match decision {
            Decision::Granted(mac2) => Ok(LoadAnswer { mac2: hex::encode_upper(mac2) }),
            Decision::Refused(reason) => Err(Problem::new(ProblemKind::LoadRefused, reason)),
        }
    }

    fn decide(
        &self,
        transaction: &mut dyn Transaction,
        request: &LoadRequest,
        request_digest: Digest,
        mac2: Result<[u8; 4], LoadRefusal>,
    ) -> StorageResult<Decision> {
        let now = self.now();
        let alarm = |kind| Alarm {
            kind,
            terminal: request.terminal,
            sequence: 0,
            digest: request_digest,
            id: Some(request.id),
            evidence: None,
        };
        if let Some(known) = transaction.loads(&[request.id])?.first() {
            if known.request_digest == request_digest {
                return Ok(match known.state {
                    LoadState::Released | LoadState::Cleared => Decision::Refused(ABANDONED),
                    LoadState::Granted | LoadState::Booked => Decision::Granted(known.mac2),
                });
            }
            transaction.raise(now, &[alarm(AlarmKind::LoadConflict)])?;
            return Ok(Decision::Refused("a load of this name was granted with other content"));
        }
        // A request that was held up on its way may come after the terminal has given the load up and said so:
        // granted now, its money would be set aside for ever.
        if !transaction.taken(&[request.id])?.is_empty() {
            return Ok(Decision::Refused(ABANDONED));
        }
        let mac2 = match mac2 {
            Ok(mac2) => mac2,
            Err(LoadRefusal::Mac1) => return Ok(Decision::Refused("the card's MAC1 is wrong")),
            Err(LoadRefusal::NoKey) => {
                return Ok(Decision::Refused("the center has no key for this card"));
            }
        };
        if denied_load(&transaction.loads_of_card(&request.card_id)?, request.card_serial) {
            transaction.raise(now, &[alarm(AlarmKind::LoadDenied)])?;
            return Ok(Decision::Refused("the card's serial says that an abandoned load took place"));
        }
        let person = request.person.key();
        if let Some(reason) = barred(transaction, request)? {
            return Ok(Decision::Refused(reason));
        }
        if let Some(card) = card_key(&request.card_id) {
            match transaction.holders(&[card])?.first() {
                Some(holder) if holder.person != person => {
                    transaction.raise(now, &[alarm(AlarmKind::HolderMismatch)])?;
                    return Ok(Decision::Refused("the card is another person's"));
                }
                Some(_) => {}
                None => transaction.put_holders(&[HolderRow { card, person, since: now }])?,
            }
        }
        match &request.source {
            LoadSource::Credit => {
                let held = transaction.credits(&[person])?.first().map_or(Fen::ZERO, |(_, held)| *held);
                if held < request.amount {
                    return Ok(Decision::Refused("the person's credit is smaller than the load"));
                }
                transaction.add_credits(&[(person, -request.amount)])?;
            }
            LoadSource::Refund { of } => {
                let refund = transaction.refunds(&[*of])?.first().copied();
                let Some(refund) = refund.filter(|refund| refund.person == person) else {
                    return Ok(Decision::Refused("no refund of this name is owed to this person"));
                };
                if refund.owed < request.amount {
                    return Ok(Decision::Refused("less is owed than the load"));
                }
                transaction.put_refunds(&[RefundRow { owed: refund.owed - request.amount, ..refund }])?;
            }
        }
        transaction.put_loads(&[LoadRow {
            id: request.id,
            request_digest,
            request: request.clone(),
            mac2,
            at: now,
            state: LoadState::Granted,
        }])?;
        Ok(Decision::Granted(mac2))
    }

    /// Adds to the money that the center holds for a person. Returns what it is now.
    ///
    /// Errors: `Input` for an amount that is not positive, `Storage`.
    pub fn add_credit(&self, person: u64, amount: Fen) -> Result<Fen, Error> {
        if amount <= Fen::ZERO || amount > Fen::CARD_MAX {
            return Err(Error::input("a credit is more than nothing and fits a card"));
        }
        let mut held = Fen::ZERO;
        self.storage.transact(&mut |transaction| {
            transaction.add_credits(&[(person, amount)])?;
            held = transaction.credits(&[person])?.first().map_or(Fen::ZERO, |(_, held)| *held);
            Ok(())
        })?;
        Ok(held)
    }

    /// Staff has made sure that a card's abandoned loads did not take place: it may be loaded again. Returns
    /// how many there were.
    ///
    /// `card_id` is the card's identification code, 32 hexadecimal digits or 24 without its MAC. Errors:
    /// `Input`, `Storage`.
    pub fn clear_abandoned_loads(&self, card_id: &str) -> Result<u64, Error> {
        if !matches!(card_id.len(), 24 | 32) || !card_id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Error::input("a card identification code has 32 or 24 hexadecimal digits"));
        }
        let mut cleared = 0;
        self.storage.transact(&mut |transaction| {
            let abandoned: Vec<_> = transaction
                .loads_of_card(card_id)?
                .into_iter()
                .filter(|load| load.state == LoadState::Released)
                .map(|load| (load.id, LoadState::Cleared))
                .collect();
            cleared = abandoned.len() as u64;
            transaction.set_load_states(&abandoned)
        })?;
        Ok(cleared)
    }

    /// Writes down whose cards are, also against what was known before. Returns how many there were.
    ///
    /// A card that is not written down here becomes that of the person with whom it is first seen.
    pub fn set_holders(&self, cards: &[([u8; 12], u64)]) -> Result<u64, Error> {
        if cards.len() > CARDS_MAX {
            return Err(Error::input(format!("more than {CARDS_MAX} cards at once")));
        }
        let since = self.now();
        let rows: Vec<HolderRow> =
            cards.iter().map(|(card, person)| HolderRow { card: *card, person: *person, since }).collect();
        self.storage.transact(&mut |transaction| transaction.put_holders(&rows))?;
        Ok(rows.len() as u64)
    }

    /// What a person is still owed since cancellations, at most [`REFUNDS_MAX`]. Problems: `Storage`.
    pub fn refunds(&self, query: &RefundsQuery) -> Result<RefundsAnswer, Problem> {
        let owed = self.storage.refunds_of(query.person.key(), REFUNDS_MAX).map_err(storage_problem)?;
        let refunds = owed.into_iter().map(|row| OwedRefund { of: row.of, owed: row.owed }).collect();
        Ok(RefundsAnswer { refunds })
    }

    /// The money that the center holds for a person.
    pub fn credit(&self, person: u64) -> Result<Fen, Error> {
        let mut held = Fen::ZERO;
        self.storage.transact(&mut |transaction| {
            held = transaction.credits(&[person])?.first().map_or(Fen::ZERO, |(_, held)| *held);
            Ok(())
        })?;
        Ok(held)
    }
}

/// Why nobody may load this card: money on it would be spent by whoever holds it.
fn barred(transaction: &mut dyn Transaction, request: &LoadRequest) -> StorageResult<Option<&'static str>> {
    let cards: Vec<[u8; 12]> = card_key(&request.card_id).into_iter().collect();
    if !transaction.blocked(&cards)?.is_empty() {
        return Ok(Some("the card is blocked"));
    }
    let person = transaction.people(&[request.person.key()])?.first().map(|person| person.state);
    Ok(match person {
        Some(PersonState::Deceased) => Some("the person is deceased"),
        Some(PersonState::Ended) => Some("the person's insurance has ended"),
        Some(PersonState::Active | PersonState::Suspended) | None => None,
    })
}

/// Gives the money of an abandoned load back to where it came from.
pub(super) fn release(transaction: &mut dyn Transaction, load: &LoadRow) -> StorageResult<()> {
    match &load.request.source {
        LoadSource::Credit => {
            transaction.add_credits(&[(load.request.person.key(), load.request.amount)])?;
        }
        LoadSource::Refund { of } => {
            if let Some(refund) = transaction.refunds(&[*of])?.first().copied() {
                transaction
                    .put_refunds(&[RefundRow { owed: refund.owed + load.request.amount, ..refund }])?;
            }
        }
    }
    transaction.set_load_states(&[(load.id, LoadState::Released)])
}

/// Whether a load that a terminal reported as abandoned took place after all.
///
/// Every load raises the card's online serial by one. An abandoned load that was granted at serial s, while
/// no other load of ours was carried out at s and the card now shows a higher serial, was not abandoned; or
/// another system has loaded the card since, which only staff can find out (see `clear_abandoned_loads`).
fn denied_load(loads: &[LoadRow], serial_now: u16) -> bool {
    let carried_out = |serial: u16| {
        loads.iter().any(|load| {
            load.request.card_serial == serial && matches!(load.state, LoadState::Granted | LoadState::Booked)
        })
    };
    loads.iter().any(|load| {
        load.state == LoadState::Released
            && load.request.card_serial < serial_now
            && !carried_out(load.request.card_serial)
    })
}

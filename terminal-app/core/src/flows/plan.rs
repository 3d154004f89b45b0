//! What a transaction needs to be finished after a restart, kept with its intention.

use card_spec::money::Fen;
use protocol::{
    account::LoadSource,
    record::{
        Business, Cancellation, Certification, ContributionPayment, ContributionReversal, FingerEnrolment,
        Load, PensionPayment, Settlement,
    },
    signature::Digest,
};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{Arming, Transaction},
    receipt::{Receipt, Slip},
    session::TransactionKind,
};

/// The flow's part of an intention.
///
/// Everything but the card's proof: written before the card is asked, so that whoever finds the proof later
/// can write the outcome down. It lies in the encrypted ledger and nowhere else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "snake_case")]
pub(super) enum Plan {
    /// Settle a visit.
    Settlement {
        /// As it is recorded, without the card's purchase.
        settlement: Box<Settlement>,
        /// The line was down.
        offline: bool,
        /// As it is printed, without place in the chain, proof and booking.
        receipt: Box<Receipt>,
    },
    /// Take a settlement back.
    Cancellation {
        /// As it is recorded.
        cancellation: Box<Cancellation>,
        /// The line was down.
        offline: bool,
        /// As it is printed.
        receipt: Box<Receipt>,
    },
    /// Put money onto a card.
    Load {
        /// Whose card.
        person: card_spec::person::PersonNumber,
        /// Card identification code.
        card_id: String,
        /// How much.
        amount: Fen,
        /// What the money is.
        source: LoadSource,
    },
    /// Write fingers to a card.
    Enrolment {
        /// As it is recorded.
        enrolment: Box<FingerEnrolment>,
        /// The line was down.
        offline: bool,
        /// What the card is to hold, as a digest that says nothing about it.
        digest: Digest,
        /// What makes it so, 32 hexadecimal digits.
        salt: String,
        /// As it is printed.
        slip: Box<Slip>,
    },
    /// Certify a person.
    Certification {
        /// As it is recorded.
        certification: Box<Certification>,
        /// The line was down.
        offline: bool,
        /// As it is printed.
        slip: Box<Slip>,
    },
    /// Pay a month's pension.
    Pension {
        /// As it is recorded.
        payment: Box<PensionPayment>,
        /// The line was down.
        offline: bool,
        /// As it is printed.
        slip: Box<Slip>,
    },
    /// Take money for contributions.
    Contribution {
        /// As it is recorded.
        payment: Box<ContributionPayment>,
        /// As it is printed.
        slip: Box<Slip>,
    },
    /// Take such a payment back.
    ContributionReversal {
        /// As it is recorded.
        reversal: Box<ContributionReversal>,
        /// The line was down.
        offline: bool,
        /// As it is printed.
        slip: Box<Slip>,
    },
}

impl Plan {
    /// Reads the plan of a transaction; `None` when another version wrote it.
    pub(super) fn of(transaction: &Transaction) -> Option<Self> {
        serde_json::from_str(&transaction.intention.plan).ok()
    }

    pub(super) fn text(&self) -> String {
        // Cannot fail: no map with keys other than text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Which counter of the card the transaction uses; `None` when it uses none.
    pub(super) fn kind(&self) -> Option<TransactionKind> {
        match self {
            Plan::Settlement { .. } => Some(TransactionKind::Purchase),
            Plan::Cancellation { .. }
            | Plan::Enrolment { .. }
            | Plan::Certification { .. }
            | Plan::Pension { .. }
            | Plan::Contribution { .. }
            | Plan::ContributionReversal { .. } => None,
            Plan::Load { .. } => Some(TransactionKind::Load),
        }
    }

    /// Whether the line was down when it was begun.
    pub(super) fn offline(&self) -> bool {
        match self {
            Plan::Settlement { offline, .. }
            | Plan::Cancellation { offline, .. }
            | Plan::Enrolment { offline, .. }
            | Plan::Certification { offline, .. }
            | Plan::Pension { offline, .. }
            | Plan::ContributionReversal { offline, .. } => *offline,
            // The center has granted it.
            Plan::Load { .. } | Plan::Contribution { .. } => false,
        }
    }

    /// What is printed, for a plan without a bill.
    pub(super) fn slip(&self) -> Option<&Slip> {
        match self {
            Plan::Enrolment { slip, .. }
            | Plan::Certification { slip, .. }
            | Plan::Pension { slip, .. }
            | Plan::Contribution { slip, .. }
            | Plan::ContributionReversal { slip, .. } => Some(slip),
            Plan::Settlement { .. } | Plan::Cancellation { .. } | Plan::Load { .. } => None,
        }
    }

    /// The outcome at its longest, to see whether a record has room for it before anything is asked of a card.
    pub(super) fn longest(&self) -> Business {
        let most = Fen(i64::MIN);
        let arming = Arming {
            card_factor: "F".repeat(16),
            card_serial: u16::MAX,
            terminal_serial: u32::MAX,
            account: most,
            self_paid: most,
            pooled: most,
            date_time: "9".repeat(14),
            algorithm: u8::MAX,
            key_version: u8::MAX,
            balance_before: most,
        };
        self.done(&arming, "F".repeat(8), false)
    }

    /// The outcome, once the card's proof is known. `tac` is eight hexadecimal digits, or empty when the card
    /// has done it and cannot give its proof any more.
    pub(super) fn done(&self, arming: &Arming, tac: String, from_proof: bool) -> Business {
        match self {
            Plan::Settlement { settlement, .. } => Business::Settlement(Box::new(Settlement {
                card: Some(arming.purchase(tac, from_proof)),
                ..(**settlement).clone()
            })),
            Plan::Cancellation { cancellation, .. } => Business::Cancellation(cancellation.clone()),
            Plan::Load { person, card_id, amount, .. } => Business::Load(Load {
                person: *person,
                card_id: card_id.clone(),
                amount: *amount,
                card_serial: arming.card_serial,
                tac,
                date_time: arming.date_time.clone(),
                balance_before: arming.balance_before,
            }),
            Plan::Enrolment { enrolment, .. } => Business::Enrolment(enrolment.clone()),
            Plan::Certification { certification, .. } => Business::Certification(certification.clone()),
            Plan::Pension { payment, .. } => Business::Pension(payment.clone()),
            Plan::Contribution { payment, .. } => Business::Contribution(payment.clone()),
            Plan::ContributionReversal { reversal, .. } => Business::ContributionReversal(reversal.clone()),
        }
    }
}

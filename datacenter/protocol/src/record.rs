//! The body of a transaction: what happened, frozen and signed by the terminal.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    evidence::{HolderProof, PROOF_AGE_MS_MAX},
    id::{TerminalId, TransactionId},
    timestamp::{ClockQuality, Timestamp},
};

pub mod contribution;
mod holder;

pub use contribution::{ContributionPayment, ContributionReversal, PAYMENT_DUES_MAX, PaidBy};
pub use holder::{
    Certification, CertifiedAt, EnrolledFinger, FingerEnrolment, Fitness, IMPRESSIONS_MAX, PensionPayment,
    RestsOn,
};

/// Version of the body's layout that this crate writes.
pub const BODY_VERSION: u16 = 1;

/// Most bytes of one body; a 300-line bill takes about 60 KiB.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Purpose under which a terminal signs the digest of a record.
pub const PURPOSE: &str = "jinbao record 1";

/// One transaction as the terminal wrote it down. `Debug` of the parts masks persons and cards.
///
/// Serialised once, when the outcome is known; stored, hashed, signed and sent as those bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Body {
    /// Layout, [`BODY_VERSION`].
    pub version: u16,
    /// The transaction's name, made before anything irreversible.
    pub id: TransactionId,
    /// Who wrote it.
    pub terminal: TerminalId,
    /// Place in the terminal's chain, from 1, without gaps.
    pub sequence: u64,
    /// When the outcome was written down, by the terminal's clock.
    pub made_at: Timestamp,
    /// How far that clock was trusted.
    pub clock: ClockQuality,
    /// Number of the operator's working cycle, which names the operator (see [`Cycle`](crate::reconciliation)).
    pub cycle: String,
    /// Operator number.
    pub operator: String,
    /// Whether the line was down when it happened.
    pub offline: bool,
    /// What happened.
    pub business: Business,
}

/// Longest time from a purchase on a card to its record for which the purchase's own time is believed.
pub const PURCHASE_AGE_MS_MAX: i64 = 366 * 24 * 3_600_000;

impl Body {
    /// When it happened, by which year, limits and blacklist are judged at both ends.
    ///
    /// For a purchase on a card that is the time which the card's codes cover: its outcome may have become
    /// known and been written down much later. For a certification or a pension it is the time at which the
    /// holder was known. When that time lies after the record, or before it by more than
    /// [`PURCHASE_AGE_MS_MAX`] or [`PROOF_AGE_MS_MAX`], or is none, it is `made_at` as for everything else.
    pub fn happened_at(&self) -> Timestamp {
        let (claimed, age_ms_max) = match &self.business {
            Business::Settlement(settlement) => (
                settlement
                    .card
                    .as_ref()
                    .and_then(|purchase| Timestamp::from_card_digits(&purchase.date_time)),
                PURCHASE_AGE_MS_MAX,
            ),
            // Money was taken when it was written down, not when the holder was known.
            Business::Contribution(_) => (None, 0),
            business => (business.proof().map(|proof| proof.at), PROOF_AGE_MS_MAX),
        };
        claimed
            .filter(|at| *at <= self.made_at && at.plus_ms(age_ms_max) >= self.made_at)
            .unwrap_or(self.made_at)
    }
}

/// What a terminal can book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Business {
    /// A visit settled (结算).
    Settlement(Box<Settlement>),
    /// A settlement taken back in full, with negative amounts (撤销).
    Cancellation(Box<Cancellation>),
    /// An intention that did not come about: nothing has changed on any card (冲正).
    Abandoned {
        /// Why, for the auditor.
        reason: AbandonReason,
    },
    /// The personal account on the card was topped up (圈存).
    Load(Load),
    /// Fingers were written to a card (指纹采集).
    Enrolment(Box<FingerEnrolment>),
    /// A person showed to be alive (资格认证).
    Certification(Box<Certification>),
    /// A month's pension was paid out (养老金发放).
    Pension(Box<PensionPayment>),
    /// Contributions that were due were paid (缴费).
    Contribution(Box<ContributionPayment>),
    /// A payment of contributions was taken back (缴费撤销).
    ContributionReversal(Box<ContributionReversal>),
}

impl Business {
    /// How the holder was known, where the record says so.
    pub fn proof(&self) -> Option<&HolderProof> {
        match self {
            Self::Enrolment(enrolment) => Some(&enrolment.proof),
            Self::Certification(certification) => Some(&certification.proof),
            Self::Pension(payment) => Some(&payment.proof),
            Self::Contribution(payment) => Some(&payment.proof),
            Self::Settlement(_)
            | Self::Cancellation(_)
            | Self::Abandoned { .. }
            | Self::Load(_)
            | Self::ContributionReversal(_) => None,
        }
    }
}

/// A settled visit; `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Settlement {
    /// The terminal's name for the visit.
    pub visit: String,
    /// Social security number of the insured.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Where the insured belongs.
    #[schema(value_type = crate::schema::RegionCode)]
    pub region: RegionCode,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// Visit type, code table med_type: 11 outpatient, 21 inpatient.
    pub med_type: String,
    /// Insurance, code table insutype.
    pub insutype: String,
    /// Version of the city rules that were applied.
    pub rules_version: String,
    /// How old the eligibility cache was.
    pub cache_age_ms: i64,
    /// Number of fee lines.
    pub lines: u32,
    /// SHA-256 of the fee lines as the terminal keeps them.
    pub lines_digest: crate::signature::Digest,
    /// The amounts.
    pub amounts: Amounts,
    /// What the card did; absent for a settlement without a card purchase.
    pub card: Option<CardPurchase>,
}

/// Settlement amounts under the names of the national interface (setlinfo), all in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amounts {
    /// Total fee.
    #[schema(value_type = crate::schema::Money)]
    pub medfee_sumamt: Fen,
    /// Wholly own-paid lines (丙).
    #[schema(value_type = crate::schema::Money)]
    pub fulamt_ownpay_amt: Fen,
    /// Above the price ceiling.
    #[schema(value_type = crate::schema::Money)]
    pub overlmt_selfpay: Fen,
    /// Own share before the policy scope (乙).
    #[schema(value_type = crate::schema::Money)]
    pub preselfpay_amt: Fen,
    /// Inside the policy scope.
    #[schema(value_type = crate::schema::Money)]
    pub inscp_scp_amt: Fen,
    /// Deductible taken in this settlement (起付线).
    #[schema(value_type = crate::schema::Money)]
    pub act_pay_dedc: Fen,
    /// Pooled fund (统筹基金).
    #[schema(value_type = crate::schema::Money)]
    pub hifp_pay: Fen,
    /// Civil servants' supplement.
    #[schema(value_type = crate::schema::Money)]
    pub cvlserv_pay: Fen,
    /// Enterprise supplement.
    #[schema(value_type = crate::schema::Money)]
    pub hifes_pay: Fen,
    /// Residents' major illness.
    #[schema(value_type = crate::schema::Money)]
    pub hifmi_pay: Fen,
    /// Employees' large amount.
    #[schema(value_type = crate::schema::Money)]
    pub hifob_pay: Fen,
    /// Medical aid.
    #[schema(value_type = crate::schema::Money)]
    pub maf_pay: Fen,
    /// Other funds.
    #[schema(value_type = crate::schema::Money)]
    pub oth_pay: Fen,
    /// Sum of all funds.
    #[schema(value_type = crate::schema::Money)]
    pub fund_pay_sumamt: Fen,
    /// What the person pays, from account or purse.
    #[schema(value_type = crate::schema::Money)]
    pub psn_part_amt: Fen,
    /// From the personal account (个人账户).
    #[schema(value_type = crate::schema::Money)]
    pub acct_pay: Fen,
    /// From a family member's account.
    #[schema(value_type = crate::schema::Money)]
    pub acct_mulaid_pay: Fen,
    /// In cash.
    #[schema(value_type = crate::schema::Money)]
    pub psn_cash_pay: Fen,
    /// What the hospital bears.
    #[schema(value_type = crate::schema::Money)]
    pub hosp_part_amt: Fen,
}

impl Amounts {
    /// Whether the identities I1 to I4 of the national interface hold.
    pub fn balanced(&self) -> bool {
        let a = self;
        a.medfee_sumamt == a.fulamt_ownpay_amt + a.overlmt_selfpay + a.preselfpay_amt + a.inscp_scp_amt
            && a.medfee_sumamt == a.fund_pay_sumamt + a.psn_part_amt + a.hosp_part_amt
            && a.psn_part_amt == a.acct_pay + a.acct_mulaid_pay + a.psn_cash_pay
            && a.fund_pay_sumamt
                == a.hifp_pay
                    + a.cvlserv_pay
                    + a.hifes_pay
                    + a.hifmi_pay
                    + a.hifob_pay
                    + a.maf_pay
                    + a.oth_pay
    }

    /// Every amount with the opposite sign: the amounts of the cancellation.
    pub fn negated(&self) -> Self {
        let a = self;
        Amounts {
            medfee_sumamt: -a.medfee_sumamt,
            fulamt_ownpay_amt: -a.fulamt_ownpay_amt,
            overlmt_selfpay: -a.overlmt_selfpay,
            preselfpay_amt: -a.preselfpay_amt,
            inscp_scp_amt: -a.inscp_scp_amt,
            act_pay_dedc: -a.act_pay_dedc,
            hifp_pay: -a.hifp_pay,
            cvlserv_pay: -a.cvlserv_pay,
            hifes_pay: -a.hifes_pay,
            hifmi_pay: -a.hifmi_pay,
            hifob_pay: -a.hifob_pay,
            maf_pay: -a.maf_pay,
            oth_pay: -a.oth_pay,
            fund_pay_sumamt: -a.fund_pay_sumamt,
            psn_part_amt: -a.psn_part_amt,
            acct_pay: -a.acct_pay,
            acct_mulaid_pay: -a.acct_mulaid_pay,
            psn_cash_pay: -a.psn_cash_pay,
            hosp_part_amt: -a.hosp_part_amt,
        }
    }
}

/// A purchase on the card's personal account, with all that its TAC covers; `Debug` leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CardPurchase {
    /// Diversification factor of the card, 16 hexadecimal digits.
    pub card_factor: String,
    /// The card's offline transaction serial before the purchase.
    pub card_serial: u16,
    /// The PSAM's transaction serial.
    pub terminal_serial: u32,
    /// From the personal account.
    #[schema(value_type = crate::schema::Money)]
    pub account: Fen,
    /// Self-paid sum written to the card.
    #[schema(value_type = crate::schema::Money)]
    pub self_paid: Fen,
    /// Pooled-fund sum written to the card.
    #[schema(value_type = crate::schema::Money)]
    pub pooled: Fen,
    /// `CCYYMMDDhhmmss` that the MACs cover.
    pub date_time: String,
    /// Algorithm id of the card: 1 for 3DES, 3 for SM4.
    pub algorithm: u8,
    /// Key version that the card named.
    pub key_version: u8,
    /// TAC, 8 hexadecimal digits; empty, with `from_proof`, when only the card's log still tells of the
    /// purchase because a later one has replaced its proof.
    pub tac: String,
    /// Whether the outcome came from the card's transaction proof or log after contact had been lost.
    pub from_proof: bool,
    /// Account balance before the purchase.
    #[schema(value_type = crate::schema::Money)]
    pub balance_before: Fen,
}

/// A settlement taken back.
///
/// One that the center has refused although the card was debited can be taken back as well, once: then
/// only the account money is owed to the person, and no sum changes. Its amounts may be zero or those of the
/// settlement; the center counts zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cancellation {
    /// The settlement that is taken back.
    pub of: TransactionId,
    /// Who was insured.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// The negative amounts.
    pub amounts: Amounts,
    /// How the account money goes back.
    pub refund: Refund,
}

/// Where account money of a cancelled settlement goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Refund {
    /// No account money was involved.
    None,
    /// Owed to the card: the center keeps it until a load puts it back.
    Owed {
        /// How much.
        #[schema(value_type = crate::schema::Money)]
        amount: Fen,
    },
    /// Put back on the card by the load transaction named.
    Loaded {
        /// The load.
        by: TransactionId,
    },
}

/// Money put onto the card's personal account; `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// Whose card.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code.
    pub card_id: String,
    /// How much.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// The card's online serial before the load.
    pub card_serial: u16,
    /// TAC, 8 hexadecimal digits; empty when only the card's log still tells of the load.
    pub tac: String,
    /// `CCYYMMDDhhmmss` that the MACs cover.
    pub date_time: String,
    /// Balance before the load.
    #[schema(value_type = crate::schema::Money)]
    pub balance_before: Fen,
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement")
            .field("person", &self.person)
            .field("med_type", &self.med_type)
            .field("insutype", &self.insutype)
            .field("rules_version", &self.rules_version)
            .field("lines", &self.lines)
            .field("amounts", &self.amounts)
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CardPurchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardPurchase")
            .field("card_serial", &self.card_serial)
            .field("terminal_serial", &self.terminal_serial)
            .field("account", &self.account)
            .field("algorithm", &self.algorithm)
            .field("from_proof", &self.from_proof)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("person", &self.person)
            .field("amount", &self.amount)
            .field("card_serial", &self.card_serial)
            .finish_non_exhaustive()
    }
}

/// Why an intention did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AbandonReason {
    /// Cancelled by the operator or the holder before the card was asked.
    Cancelled,
    /// The card was gone before it received the command.
    CardGone,
    /// The card refused the command.
    CardRefused,
    /// The card's proof says that it never carried the command out.
    ProvedNotDone,
    /// The terminal stopped between the intention and the card.
    Restarted,
    /// The card can tell no more, and a supervisor has decided that it did nothing. An auditor should look.
    DecidedNotDone,
}

//! The figures of a settlement and the identities between them.

use card_spec::money::Fen;
use protocol::record::Amounts;
use serde::{Deserialize, Serialize};

use super::error::RulesError;

/// A fund that pays (基金), by its field in the national interface.
///
/// The order is that of the fields in `setlinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fund {
    /// Pooled fund of the basic insurance (统筹基金).
    #[serde(rename = "hifp_pay")]
    Pooled,
    /// Civil servants' supplement (公务员医疗补助).
    #[serde(rename = "cvlserv_pay")]
    CivilServant,
    /// Enterprise supplement (企业补充医疗保险).
    #[serde(rename = "hifes_pay")]
    Enterprise,
    /// Residents' major illness insurance (居民大病保险).
    #[serde(rename = "hifmi_pay")]
    MajorIllness,
    /// Employees' large amount aid (职工大额医疗费用补助).
    #[serde(rename = "hifob_pay")]
    LargeAmount,
    /// Medical aid (医疗救助).
    #[serde(rename = "maf_pay")]
    MedicalAid,
    /// Any other.
    #[serde(rename = "oth_pay")]
    Other,
}

impl Fund {
    /// All of them.
    pub const ALL: [Fund; 7] = [
        Fund::Pooled,
        Fund::CivilServant,
        Fund::Enterprise,
        Fund::MajorIllness,
        Fund::LargeAmount,
        Fund::MedicalAid,
        Fund::Other,
    ];

    /// Its field in `setlinfo`.
    pub fn field(self) -> &'static str {
        match self {
            Fund::Pooled => "hifp_pay",
            Fund::CivilServant => "cvlserv_pay",
            Fund::Enterprise => "hifes_pay",
            Fund::MajorIllness => "hifmi_pay",
            Fund::LargeAmount => "hifob_pay",
            Fund::MedicalAid => "maf_pay",
            Fund::Other => "oth_pay",
        }
    }

    /// When it pays: smaller first, equal ones in the order of the rules.
    pub(super) fn rank(self) -> u8 {
        match self {
            Fund::Pooled => 0,
            Fund::MajorIllness | Fund::LargeAmount => 1,
            Fund::CivilServant | Fund::Enterprise => 2,
            Fund::MedicalAid => 3,
            Fund::Other => 4,
        }
    }
}

/// What a settlement comes to; negative in a cancellation.
///
/// Only the independent amounts are stored. The total, the sum of the funds, the person's part and the
/// cash are computed from them, so the identities I1 to I4 of [`Identity`] cannot fail.
/// Serialises as [`Amounts`], plain data that may hold anything; reading what does not add up fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Amounts", try_from = "Amounts")]
pub struct Settlement {
    parts: Parts,
}

/// The independent amounts of a [`Settlement`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) fulamt_ownpay_amt: Fen,
    pub(super) overlmt_selfpay: Fen,
    pub(super) preselfpay_amt: Fen,
    pub(super) inscp_scp_amt: Fen,
    pub(super) act_pay_dedc: Fen,
    /// In the order of [`Fund::ALL`].
    pub(super) funds: [Fen; 7],
    pub(super) hosp_part_amt: Fen,
    pub(super) acct_pay: Fen,
    pub(super) acct_mulaid_pay: Fen,
}

impl Settlement {
    pub(super) fn new(parts: Parts) -> Self {
        Settlement { parts }
    }

    /// Total of the bill.
    pub fn medfee_sumamt(&self) -> Fen {
        let parts = &self.parts;
        parts.fulamt_ownpay_amt + parts.overlmt_selfpay + parts.preselfpay_amt + parts.inscp_scp_amt
    }

    /// Outside the catalog (全自费).
    pub fn fulamt_ownpay_amt(&self) -> Fen {
        self.parts.fulamt_ownpay_amt
    }

    /// Above the price ceilings (超限价自费).
    pub fn overlmt_selfpay(&self) -> Fen {
        self.parts.overlmt_selfpay
    }

    /// First shares of 乙 items (先行自付).
    pub fn preselfpay_amt(&self) -> Fen {
        self.parts.preselfpay_amt
    }

    /// In policy scope (符合政策范围).
    pub fn inscp_scp_amt(&self) -> Fen {
        self.parts.inscp_scp_amt
    }

    /// Deductible counted this time (实际支付起付线).
    pub fn act_pay_dedc(&self) -> Fen {
        self.parts.act_pay_dedc
    }

    /// What one fund pays.
    pub fn fund(&self, fund: Fund) -> Fen {
        self.parts.funds[fund as usize]
    }

    /// What all funds pay (基金支付总额).
    pub fn fund_pay_sumamt(&self) -> Fen {
        self.parts.funds.iter().copied().sum()
    }

    /// The person's part (个人负担总金额).
    pub fn psn_part_amt(&self) -> Fen {
        self.parts.acct_pay + self.parts.acct_mulaid_pay + self.psn_cash_pay()
    }

    /// From the personal account (个人账户支出).
    pub fn acct_pay(&self) -> Fen {
        self.parts.acct_pay
    }

    /// From relatives' accounts (账户共济支付).
    pub fn acct_mulaid_pay(&self) -> Fen {
        self.parts.acct_mulaid_pay
    }

    /// In cash (个人现金支出).
    pub fn psn_cash_pay(&self) -> Fen {
        self.medfee_sumamt()
            - self.fund_pay_sumamt()
            - self.parts.hosp_part_amt
            - self.parts.acct_pay
            - self.parts.acct_mulaid_pay
    }

    /// Borne by the hospital (医院负担金额).
    pub fn hosp_part_amt(&self) -> Fen {
        self.parts.hosp_part_amt
    }

    /// The exact negative: what a cancellation (transaction 2208) answers and books (identity I5).
    pub fn cancellation(&self) -> Self {
        let parts = &self.parts;
        Settlement {
            parts: Parts {
                fulamt_ownpay_amt: -parts.fulamt_ownpay_amt,
                overlmt_selfpay: -parts.overlmt_selfpay,
                preselfpay_amt: -parts.preselfpay_amt,
                inscp_scp_amt: -parts.inscp_scp_amt,
                act_pay_dedc: -parts.act_pay_dedc,
                funds: parts.funds.map(|amount| -amount),
                hosp_part_amt: -parts.hosp_part_amt,
                acct_pay: -parts.acct_pay,
                acct_mulaid_pay: -parts.acct_mulaid_pay,
            },
        }
    }

    /// All figures under their national names: what is stored, sent and compared.
    pub fn amounts(&self) -> Amounts {
        Amounts {
            medfee_sumamt: self.medfee_sumamt(),
            fulamt_ownpay_amt: self.fulamt_ownpay_amt(),
            overlmt_selfpay: self.overlmt_selfpay(),
            preselfpay_amt: self.preselfpay_amt(),
            inscp_scp_amt: self.inscp_scp_amt(),
            act_pay_dedc: self.act_pay_dedc(),
            hifp_pay: self.fund(Fund::Pooled),
            cvlserv_pay: self.fund(Fund::CivilServant),
            hifes_pay: self.fund(Fund::Enterprise),
            hifmi_pay: self.fund(Fund::MajorIllness),
            hifob_pay: self.fund(Fund::LargeAmount),
            maf_pay: self.fund(Fund::MedicalAid),
            oth_pay: self.fund(Fund::Other),
            fund_pay_sumamt: self.fund_pay_sumamt(),
            psn_part_amt: self.psn_part_amt(),
            acct_pay: self.acct_pay(),
            acct_mulaid_pay: self.acct_mulaid_pay(),
            psn_cash_pay: self.psn_cash_pay(),
            hosp_part_amt: self.hosp_part_amt(),
        }
    }
}

/// An identity that the figures of every settlement satisfy.
///
/// Source: recorded answers of the national interface (transactions 2207, 2208, 2304, 2305).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// I1: `medfee = fulamt_ownpay + overlmt_selfpay + preselfpay + inscp_scp`.
    FeeByScope,
    /// I2: `medfee = fund_pay_sumamt + psn_part_amt + hosp_part_amt`.
    FeeByPayer,
    /// I3: `psn_part_amt = acct_pay + acct_mulaid_pay + psn_cash_pay`.
    PersonByMeans,
    /// I4: `fund_pay_sumamt = hifp + cvlserv + hifes + hifmi + hifob + maf + oth`.
    FundByFund,
}

impl TryFrom<Amounts> for Settlement {
    type Error = RulesError;

    /// Checks I1 to I4. Error: `Identity` with the first that fails.
    fn try_from(amounts: Amounts) -> Result<Self, RulesError> {
        let settlement = Settlement::new(Parts {
            fulamt_ownpay_amt: amounts.fulamt_ownpay_amt,
            overlmt_selfpay: amounts.overlmt_selfpay,
            preselfpay_amt: amounts.preselfpay_amt,
            inscp_scp_amt: amounts.inscp_scp_amt,
            act_pay_dedc: amounts.act_pay_dedc,
            funds: [
                amounts.hifp_pay,
                amounts.cvlserv_pay,
                amounts.hifes_pay,
                amounts.hifmi_pay,
                amounts.hifob_pay,
                amounts.maf_pay,
                amounts.oth_pay,
            ],
            hosp_part_amt: amounts.hosp_part_amt,
            acct_pay: amounts.acct_pay,
            acct_mulaid_pay: amounts.acct_mulaid_pay,
        });
        let failed = if settlement.medfee_sumamt() != amounts.medfee_sumamt {
            Some(Identity::FeeByScope)
        } else if settlement.fund_pay_sumamt() != amounts.fund_pay_sumamt {
            Some(Identity::FundByFund)
        } else if amounts.acct_pay + amounts.acct_mulaid_pay + amounts.psn_cash_pay != amounts.psn_part_amt {
            Some(Identity::PersonByMeans)
        } else if settlement.amounts() != amounts {
            Some(Identity::FeeByPayer)
        } else {
            None
        };
        failed.map_or(Ok(settlement), |identity| Err(RulesError::Identity(identity)))
    }
}

impl From<Settlement> for Amounts {
    fn from(settlement: Settlement) -> Self {
        settlement.amounts()
    }
}

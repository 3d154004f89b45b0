//! Slips of what is done with a holder without a bill: enrolment, certification, pension, contributions (回单).

use card_spec::money::Fen;
use hal::printer::Line;
use protocol::{
    calendar::{Day, Period},
    evidence::{FingerPosition, HolderProof, Way},
    id::{TerminalId, TransactionId},
    record::{CertifiedAt, PaidBy},
    service::Due,
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    Booking, FontError, MaskedName, MaskedNumber, ReceiptFont,
    content::{Row, booking_rows, clean, marked},
    pdf, text,
};
use crate::{
    holder::finger::position_name,
    language::Language,
    words::{contribution_name, fund_name, paid_by_words},
};

/// All that a slip shows: nothing personal that is not masked, and of a finger only which one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// What was done.
    pub kind: SlipKind,
    /// Printed again.
    pub copy: bool,
    /// Name of the institution.
    pub institution: String,
    /// The terminal.
    pub terminal: TerminalId,
    /// Operator number.
    pub operator: String,
    /// The transaction's name.
    pub transaction: TransactionId,
    /// Its place in the terminal's chain; `None` before it has one.
    pub sequence: Option<u64>,
    /// When it happened.
    pub time: Timestamp,
    /// The holder's name.
    pub name: MaskedName,
    /// The holder's social security number.
    pub number: MaskedNumber,
    /// How the holder was known.
    pub known: KnownBy,
    /// What has become of the record.
    pub booking: Booking,
}

/// What a slip is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SlipKind {
    /// Fingers were written to the card; empty when no finger can be used.
    Enrolment {
        /// Which, each once.
        fingers: Vec<FingerPosition>,
    },
    /// A person was certified.
    Certification {
        /// Holds up to this day, included.
        until: Day,
        /// Where the person was seen.
        #[serde(default)]
        place: CertifiedAt,
    },
    /// A month's pension was paid.
    Pension {
        /// The month.
        period: Period,
        /// How much.
        amount: Fen,
    },
    /// Contributions were paid.
    Contribution {
        /// What for.
        dues: Vec<Due>,
        /// The sum.
        amount: Fen,
        /// How it was paid.
        paid_by: PaidBy,
    },
    /// A payment of contributions was taken back.
    ContributionReversal {
        /// The payment.
        of: TransactionId,
        /// What it was for.
        dues: Vec<Due>,
        /// What goes back.
        amount: Fen,
        /// How it had been paid.
        paid_by: PaidBy,
    },
}

/// How a holder was known, as a slip tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum KnownBy {
    /// By the PIN.
    Pin,
    /// By a finger.
    Finger {
        /// Which.
        position: FingerPosition,
    },
    /// By PIN and staff.
    Clerk {
        /// A second clerk has confirmed it.
        second: bool,
    },
}

impl KnownBy {
    /// As a proof says.
    pub fn of(proof: &HolderProof) -> Self {
        match &proof.way {
            Way::Finger(finger) => KnownBy::Finger { position: finger.position },
            Way::CardFinger { position, .. } => KnownBy::Finger { position: *position },
            Way::PinAndClerk { second_clerk, .. } => KnownBy::Clerk { second: second_clerk.is_some() },
            _ => KnownBy::Pin,
        }
    }

    fn words(self, language: Language) -> String {
        match self {
            Self::Pin => language.pick("密码", "PIN").into(),
            Self::Finger { position } => {
                let name = position_name(position).name(language);
                match language {
                    Language::Chinese => format!("指纹（{name}）"),
                    Language::English => format!("finger ({name})"),
                }
            }
            Self::Clerk { second: false } => language.pick("密码及人工核验", "PIN and clerk").into(),
            Self::Clerk { second: true } => language.pick("密码及双人核验", "PIN and two clerks").into(),
        }
    }
}

impl Slip {
    /// Lays the slip out for paper with so many half-width columns, as `Receipt::lines` does.
    pub fn lines(&self, columns: usize, language: Language) -> Vec<Line> {
        text::lines_of(&self.rows(language), columns)
    }

    /// The same as one text, each line ended by a line feed.
    pub fn text(&self, columns: usize, language: Language) -> String {
        text::text_of(&self.rows(language), columns)
    }

    /// The slip as a PDF document. Equal slips give equal bytes.
    ///
    /// Error: [`FontError`] when the font's tables break on a character of this slip.
    pub fn pdf(&self, font: &ReceiptFont, language: Language) -> Result<Vec<u8>, FontError> {
        pdf::document_of(&self.rows(language), &self.transaction.to_string(), font, language)
    }

    fn rows(&self, language: Language) -> Vec<Row> {
        let mut rows = Vec::new();
        let title = match &self.kind {
            SlipKind::Enrolment { .. } => {
                language.pick("社会保障卡指纹采集回单", "Social Security Card Finger Enrolment")
            }
            SlipKind::Certification { .. } => {
                language.pick("社会保险待遇资格认证回单", "Certification of Entitlement")
            }
            SlipKind::Pension { .. } => language.pick("养老金发放凭证", "Pension Payment Receipt"),
            SlipKind::Contribution { .. } => {
                language.pick("社会保险费缴费凭证", "Social Insurance Contribution Receipt")
            }
            SlipKind::ContributionReversal { .. } => {
                language.pick("社会保险费缴费撤销凭证", "Contribution Payment Taken Back")
            }
        };
        rows.push(Row::Heading(clean(&self.institution)));
        rows.push(Row::Title(title.into()));
        if self.copy {
            rows.push(Row::Title(language.pick("（补打）", "(copy)").into()));
        }
        rows.push(Row::Rule);
        let fact = |chinese: &str, english: &str, value: String| {
            Row::Fact(language.pick(chinese, english).into(), value)
        };
        rows.push(fact("姓名", "Name", self.name.to_string()));
        rows.push(fact("社会保障号码", "Social security no.", self.number.to_string()));
        rows.push(fact("办理时间", "Time", self.time.to_string()));
        rows.push(fact("核验方式", "Known by", self.known.words(language)));
        rows.push(Row::Rule);
        match &self.kind {
            SlipKind::Enrolment { fingers } if fingers.is_empty() => {
                rows.push(fact(
                    "采集结果",
                    "Result",
                    language.pick("未采集到合格指纹", "no usable finger").into(),
                ));
            }
            SlipKind::Enrolment { fingers } => {
                for position in fingers {
                    let name = position_name(*position).name(language);
                    rows.push(fact("已采集", "Enrolled", name.into()));
                }
            }
            SlipKind::Certification { until, place } => {
                if *place == CertifiedAt::Home {
                    let home = language.pick("上门认证", "at home");
                    rows.push(fact("办理方式", "Seen", home.into()));
                }
                rows.push(fact("认证结果", "Result", language.pick("通过", "certified").into()));
                rows.push(fact("有效期至", "Holds until", until.to_string()));
            }
            SlipKind::Pension { period, amount } => {
                rows.push(fact("发放月份", "Month", period.to_string()));
                rows.push(Row::Pay(language.pick("发放金额（元）", "Paid out (yuan)").into(), *amount));
            }
            SlipKind::Contribution { dues, amount, paid_by } => {
                due_rows(dues, language, &mut rows);
                rows.push(Row::Rule);
                rows.push(fact("缴费方式", "Paid by", clean(&paid_by_words(paid_by, language))));
                rows.push(Row::Pay(language.pick("实缴金额（元）", "Paid (yuan)").into(), *amount));
            }
            SlipKind::ContributionReversal { of, dues, amount, paid_by } => {
                rows.push(Row::Identifier(
                    language.pick("原缴费交易号", "Payment taken back").into(),
                    of.to_string(),
                ));
                due_rows(dues, language, &mut rows);
                rows.push(Row::Rule);
                rows.push(fact("退款方式", "Goes back by", clean(&paid_by_words(paid_by, language))));
                rows.push(Row::Pay(language.pick("退还金额（元）", "Goes back (yuan)").into(), *amount));
            }
        }
        rows.push(Row::Rule);
        booking_rows(&self.booking, language, &mut rows);
        rows.push(Row::Identifier(
            language.pick("交易号", "Transaction").into(),
            self.transaction.to_string(),
        ));
        rows.push(fact("终端号", "Terminal", self.terminal.to_string()));
        if let Some(sequence) = self.sequence {
            rows.push(fact("终端序号", "Sequence", sequence.to_string()));
        }
        rows.push(fact("操作员", "Operator", clean(&self.operator)));
        rows.push(Row::Rule);
        let note = match &self.kind {
            SlipKind::Enrolment { .. } => language.pick(
                "指纹仅保存在您的卡内，不上传；可到经办机构申请删除。",
                "The fingers are kept on your card alone and never uploaded; the agency deletes them on request.",
            ),
            SlipKind::Certification { .. } => language.pick(
                "请在有效期内再次办理资格认证，以免影响待遇发放。",
                "Certify again before it ends, so that payments go on.",
            ),
            SlipKind::Pension { .. } => {
                language.pick("请当面点清，妥善保管本凭证。", "Count the money at the counter; keep this receipt.")
            }
            SlipKind::Contribution { .. } => language.pick(
                "缴费记录可在自助终端查询。本凭证不是税收票证；需要完税证明的，请向税务机关开具。",
                "The record of contributions can be seen at a kiosk. This is no tax certificate: the tax office \
                 issues that.",
            ),
            SlipKind::ContributionReversal { .. } => language.pick(
                "这些费款重新变为应缴，请在期限前缴纳。",
                "These contributions are due again: pay them before their last day.",
            ),
        };
        rows.push(Row::Note(note.into()));
        marked(rows, self.terminal)
    }
}

/// What is paid for, one after the other: insurance and months, fund, amount, last day.
fn due_rows(dues: &[Due], language: Language, rows: &mut Vec<Row>) {
    for due in dues {
        let name = contribution_name(due.kind, language);
        let months = match (due.months, language) {
            (1, _) => due.period.to_string(),
            (months, Language::Chinese) => format!("{} 起 {months} 个月", due.period),
            (months, Language::English) => format!("{months} months from {}", due.period),
        };
        rows.push(Row::Fact(language.pick("险种", "Insurance").into(), format!("{name}  {months}")));
        rows.push(Row::Fact(
            language.pick("归属基金", "Fund").into(),
            fund_name(due.kind.fund(), language).into(),
        ));
        rows.push(Row::Fact(language.pick("金额（元）", "Amount (yuan)").into(), due.amount.to_string()));
    }
}

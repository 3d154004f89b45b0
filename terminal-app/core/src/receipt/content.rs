//! What stands on a receipt, in which words and in which order; how it looks is for the layouts.

use card_spec::money::Fen;
use protocol::{id::TerminalId, upload::RefusalReason};

use super::{Booking, LINES_MAX, Receipt, ReceiptKind, ReceiptLine};
use crate::{
    language::Language,
    rules::{
        Fund, OwnItem,
        words::{fund_name, item_name, person_name, visit_name},
    },
    training::MARK,
};

/// One row of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The institution.
    Heading(String),
    /// What it is.
    Title(String),
    /// Begins a part.
    Rule,
    /// A fact and its value.
    Fact(String, String),
    /// An identifier that may fill a line of its own.
    Identifier(String, String),
    /// A fee line: name, how it comes about, amount.
    Item(String, String, Fen),
    /// An amount.
    Amount(String, Fen),
    /// An amount that is part of the one above.
    Part(String, Fen),
    /// A sum.
    Sum(String, Fen),
    /// What is to be paid: must not be missed.
    Pay(String, Fen),
    /// What has become of the record.
    State(Tone, String),
    /// A remark.
    Note(String),
}

/// How a state looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Waiting,
    Bad,
}

impl Receipt {
    pub(super) fn rows(&self, language: Language) -> Vec<Row> {
        let mut rows = Vec::new();
        self.head(language, &mut rows);
        self.fee_lines(language, &mut rows);
        self.figures(language, &mut rows);
        self.account_rows(language, &mut rows);
        self.foot(language, &mut rows);
        marked(rows, self.terminal)
    }

    fn head(&self, language: Language, rows: &mut Vec<Row>) {
        let title = match self.kind {
            ReceiptKind::Settlement => {
                language.pick("社会保障卡医保结算凭证", "Social Security Card Settlement Receipt")
            }
            ReceiptKind::Cancellation => {
                language.pick("社会保障卡医保退费凭证", "Social Security Card Cancellation Receipt")
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
        let person = person_name(self.person, language);
        rows.push(fact("姓名", "Name", self.name.to_string()));
        rows.push(fact("社会保障号码", "Social security no.", self.number.to_string()));
        rows.push(fact("人员类别", "Insured as", person.into()));
        rows.push(fact("就诊类别", "Visit", visit_name(self.visit, language).into()));
        rows.push(fact("结算时间", "Time", self.time.to_string()));
    }

    fn fee_lines(&self, language: Language, rows: &mut Vec<Row>) {
        if self.lines.is_empty() {
            return;
        }
        rows.push(Row::Rule);
        // One line over the limit is better printed than summed up.
        let shown = if self.lines.len() > LINES_MAX + 1 { LINES_MAX } else { self.lines.len() };
        let (shown, rest) = self.lines.split_at(shown);
        rows.extend(shown.iter().map(|line| item(line, language)));
        if !rest.is_empty() {
            let label = match language {
                Language::Chinese => format!("其余 {} 条", rest.len()),
                Language::English => format!("{} further lines", rest.len()),
            };
            rows.push(Row::Amount(label, rest.iter().map(|line| line.amount).sum()));
        }
    }

    fn figures(&self, language: Language, rows: &mut Vec<Row>) {
        let figures = &self.settlement;
        let name = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
        rows.push(Row::Rule);
        rows.push(Row::Sum(name("费用总额（元）", "Total (yuan)"), figures.medfee_sumamt()));
        let mut part = |label: String, amount: Fen| {
            if amount != Fen::ZERO {
                rows.push(Row::Part(label, amount));
            }
        };
        let own = |item: OwnItem| capital(item_name(item, language));
        part(own(OwnItem::OutsideCatalog), figures.fulamt_ownpay_amt());
        part(own(OwnItem::OverCeiling), figures.overlmt_selfpay());
        part(own(OwnItem::SelfPayFirst), figures.preselfpay_amt());
        part(name("符合政策范围", "In scope"), figures.inscp_scp_amt());
        part(name("其中起付线", "of which deductible"), figures.act_pay_dedc());
        rows.push(Row::Sum(name("基金支付", "Paid by funds"), figures.fund_pay_sumamt()));
        for fund in Fund::ALL {
            if figures.fund(fund) != Fen::ZERO {
                rows.push(Row::Part(fund_name(fund, language).into(), figures.fund(fund)));
            }
        }
        if figures.hosp_part_amt() != Fen::ZERO {
            rows.push(Row::Sum(name("医院负担", "Borne by the hospital"), figures.hosp_part_amt()));
        }
        rows.push(Row::Sum(name("个人负担", "Your part"), figures.psn_part_amt()));
        rows.push(Row::Part(name("个人账户支付", "from the account"), figures.acct_pay()));
        if figures.acct_mulaid_pay() != Fen::ZERO {
            rows.push(Row::Part(name("家庭共济支付", "from family accounts"), figures.acct_mulaid_pay()));
        }
        let (label, cash) = match self.kind {
            ReceiptKind::Settlement => (name("现金支付", "Cash"), figures.psn_cash_pay()),
            ReceiptKind::Cancellation => (name("退还现金", "Cash back"), -figures.psn_cash_pay()),
        };
        rows.push(Row::Pay(label, cash));
    }

    fn account_rows(&self, language: Language, rows: &mut Vec<Row>) {
        if let Some(account) = self.account {
            rows.push(Row::Rule);
            rows.push(Row::Amount(language.pick("个人账户原余额", "Account before").into(), account.before));
            rows.push(Row::Amount(language.pick("个人账户现余额", "Account now").into(), account.after));
        }
    }

    fn foot(&self, language: Language, rows: &mut Vec<Row>) {
        let fact = |chinese: &str, english: &str, value: String| {
            Row::Fact(language.pick(chinese, english).into(), value)
        };
        rows.push(Row::Rule);
        booking_rows(&self.booking, language, rows);
        rows.push(Row::Identifier(
            language.pick("交易号", "Transaction").into(),
            self.transaction.to_string(),
        ));
        rows.push(fact("终端号", "Terminal", self.terminal.to_string()));
        if let Some(sequence) = self.sequence {
            rows.push(fact("终端序号", "Sequence", sequence.to_string()));
        }
        rows.push(fact("操作员", "Operator", clean(&self.operator)));
        if let Some(proof) = self.proof {
            rows.push(fact("卡交易序号", "Card serial", proof.card_serial.to_string()));
            let tac = proof.tac.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            rows.push(fact("交易验证码 TAC", "Proof (TAC)", tac));
        }
        rows.push(Row::Rule);
        rows.push(Row::Note(
            language
                .pick(
                    "请妥善保管本凭证，退费时须出示。",
                    "Keep this receipt; it is needed for a cancellation.",
                )
                .into(),
        ));
    }
}

/// The rows with what a training terminal's paper has to say, again in each part: none can be cut off and used.
pub(super) fn marked(rows: Vec<Row>, terminal: TerminalId) -> Vec<Row> {
    if !terminal.is_training() {
        return rows;
    }
    let mark = || Row::Title(MARK.to_owned());
    let mut marked = vec![mark()];
    for row in rows {
        let begins_part = row == Row::Rule;
        marked.push(match row {
            // What is practised is never booked, and entitles to nothing.
            Row::State(..) => Row::State(Tone::Waiting, "培训记录，永不入账 · practice, never booked".into()),
            Row::Note(_) => Row::Note("仅供培训，不能用于退费或报销 · for practice only".into()),
            row => row,
        });
        if begins_part {
            marked.push(mark());
        }
    }
    marked.push(mark());
    marked
}

/// What has become of the record.
pub(super) fn booking_rows(booking: &Booking, language: Language, rows: &mut Vec<Row>) {
    let (tone, text) = state(booking, language);
    rows.push(Row::State(tone, text));
    if let Booking::Booked { receipt } = booking {
        rows.push(Row::Fact(language.pick("中心回执号", "Center receipt").into(), clean(receipt)));
    }
}

fn state(booking: &Booking, language: Language) -> (Tone, String) {
    let text = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
    match booking {
        Booking::Booked { .. } => (Tone::Good, text("中心已入账", "Booked at the center")),
        Booking::Pending { offline: false } => {
            (Tone::Waiting, text("已受理，待中心入账", "Accepted, to be booked at the center"))
        }
        Booking::Pending { offline: true } => (
            Tone::Waiting,
            text("脱机交易，联机后自动入账", "Made offline, will be booked when the line is up"),
        ),
        Booking::Refused { reason } => {
            let reason = refusal(*reason, language);
            let label = text("中心未入账：", "Not booked: ");
            (Tone::Bad, format!("{label}{reason}"))
        }
        Booking::Conflict => {
            (Tone::Bad, text("与中心记录不一致，正在核查", "Differs from the center, under review"))
        }
    }
}

fn item(line: &ReceiptLine, language: Language) -> Row {
    let class = match language {
        Language::Chinese => format!("{}类", line.class.chinese()),
        Language::English => format!("class {:?}", line.class),
    };
    Row::Item(clean(&line.name), format!("{class}  {} × {}", line.price, line.count), line.amount)
}

fn refusal(reason: RefusalReason, language: Language) -> &'static str {
    match reason {
        RefusalReason::Unbalanced => language.pick("金额不平", "the amounts do not add up"),
        RefusalReason::NothingToCancel => language.pick("没有可撤销的结算", "there is nothing to cancel"),
        RefusalReason::Unreadable => language.pick("中心无法读取", "the center cannot read it"),
        RefusalReason::Blacklisted => language.pick("卡已挂失或停用", "the card is blocked"),
        RefusalReason::OverLimit => language.pick("超过脱机限额", "above the offline limit"),
        RefusalReason::TacWrong => language.pick("卡交易验证码不符", "the card's proof is wrong"),
        RefusalReason::LoadUnknown => language.pick("充值未经中心授权", "the load was not granted"),
        RefusalReason::HolderMismatch => language.pick("卡与持卡人不符", "the card is another person's"),
        RefusalReason::RefundWrong => language.pick("退款不符", "the refund does not fit"),
        RefusalReason::PurchaseKnown => {
            language.pick("卡内扣款已另行入账", "the card's purchase was booked before")
        }
        RefusalReason::ProofTooWeak => language.pick("身份核验不足", "the proof of the holder is too weak"),
        RefusalReason::PensionUnknown => language.pick("无养老金待遇", "no pension is paid to this person"),
        RefusalReason::Deceased => language.pick("待遇领取人已去世", "the person is dead"),
        RefusalReason::BenefitSuspended => language.pick("待遇已暂停", "benefits are suspended"),
        RefusalReason::BenefitEnded => language.pick("待遇已终止", "benefits have ended"),
        RefusalReason::NotCertified => language.pick("资格认证已过期", "not certified"),
        RefusalReason::PensionAmount => language.pick("养老金金额不符", "the amount is wrong"),
        RefusalReason::PeriodNotDue => language.pick("未到发放月份", "the month is not due"),
        RefusalReason::PeriodPaid => language.pick("该月已发放", "the month was paid before"),
        RefusalReason::DueNotHeld | RefusalReason::ContributionWrong => {
            language.pick("费款未留存", "the dues were not set aside")
        }
        RefusalReason::DuePaid => language.pick("该费款已缴清", "it was paid before"),
        RefusalReason::ReversalTooLate => language.pick("不是当天的缴费", "of another day"),
        RefusalReason::ConsentMissing => language.pick("没有本人同意", "the holder's consent is missing"),
        _ => language.pick("请与经办机构联系", "ask the agency"),
    }
}

/// The text without control characters: names come from elsewhere, and a printer obeys escape codes.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

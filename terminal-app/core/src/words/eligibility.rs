//! Texts for why a card or a person may not settle.

use card_spec::region::RegionCode;
use protocol::feed::BlockReason;

use super::{Words, say};
use crate::{eligibility::Refusal, language::Language};

impl Refusal {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Issuer { city } => say(
                l,
                (format!("本终端不受理 {city} 发行的社会保障卡。"), "请自费结算，回参保地报销。"),
                (format!("Cards issued by {city} are not accepted here."), "Pay in cash and claim at home."),
            ),
            Self::CardClass { .. } => say(
                l,
                ("本终端不受理这一类别的卡。", "请持卡人到发卡机构核对卡片。"),
                ("This class of card is not accepted here.", "The holder has to see the issuer."),
            ),
            Self::Generation { .. } => say(
                l,
                ("本终端不受理这一版本的卡。", "请持卡人到发卡机构换卡。"),
                ("This generation of card is not accepted here.", "The holder has to have it replaced."),
            ),
            Self::NotIssued => say(
                l,
                ("卡片尚未发行（没有发卡日期或有效期）。", "请持卡人到发卡机构启用卡片。"),
                (
                    "The card was never issued: it has no dates.",
                    "The holder has to have it activated by the issuer.",
                ),
            ),
            Self::NotYetValid => say(
                l,
                ("卡片尚未到启用日期。", "请核对本机日期；无误时请到发卡机构查询。"),
                ("The card is not valid yet.", "Check this terminal's date; if it is right, ask the issuer."),
            ),
            Self::Expired { last_day } => say(
                l,
                (format!("卡片已过有效期（{last_day}）。"), "请持卡人到发卡机构换卡；本次可自费结算后报销。"),
                (
                    format!("The card has expired on {last_day}."),
                    "The holder has to have it replaced; this visit can be paid in cash and claimed later.",
                ),
            ),
            Self::Blacklisted { reason: BlockReason::Lost } => say(
                l,
                ("卡片已挂失。", "不得结算。请持卡人到发卡机构办理。"),
                ("The card was reported lost.", "Do not settle. The holder has to see the issuer."),
            ),
            Self::Blacklisted { reason: BlockReason::Replaced } => say(
                l,
                ("卡片已换发新卡，旧卡停用。", "请使用新卡。"),
                ("The card was replaced by a new one.", "Use the new card."),
            ),
            Self::Blacklisted { reason: BlockReason::Deceased } | Self::Deceased => say(
                l,
                ("参保人已去世，持卡人不是本人（涉嫌冒领）。", "不得结算。请留存卡片并立即报告主管。"),
                (
                    "The insured is dead: whoever holds this card is not its holder.",
                    "Do not settle. Keep the card and call the supervisor at once.",
                ),
            ),
            Self::Blacklisted { reason: BlockReason::Fraud } => say(
                l,
                ("卡片正在接受稽核，已停用。", "不得结算。请立即报告主管。"),
                ("The card is under investigation.", "Do not settle. Call the supervisor at once."),
            ),
            Self::Suspended => say(
                l,
                ("医保待遇已暂停。", "请自费结算，并到经办机构办理恢复。"),
                ("Benefits are suspended.", "Pay in cash, and have them resumed at the agency."),
            ),
            Self::Ended => say(
                l,
                ("医保关系已终止。", "请自费结算；有疑问请到经办机构查询。"),
                ("Insurance has ended.", "Pay in cash; the agency answers questions."),
            ),
            Self::Arrears { paid_until } => {
                let (year, month) = (paid_until / 12, paid_until % 12 + 1);
                say(
                    l,
                    (format!("保险费只缴到 {year} 年 {month} 月。"), "请自费结算，补缴后报销。"),
                    (
                        format!("Contributions are paid up to {year}-{month:02} only."),
                        "Pay in cash; it can be claimed once they are paid.",
                    ),
                )
            }
            Self::OtherCity { city } => say(
                l,
                (
                    format!("参保地不在本市{}，无法直接结算。", place(*city, Language::Chinese)),
                    "请自费结算，回参保地报销；或先办理异地就医备案。",
                ),
                (
                    format!("The person is insured in another city{}.", place(*city, Language::English)),
                    "Pay in cash and claim at home, or register for treatment elsewhere first.",
                ),
            ),
            Self::OtherCityOffline { city } => say(
                l,
                (
                    format!("外地卡（{city}）只能联机结算，现在联系不上中心。"),
                    "请等网络恢复，或自费结算后报销。",
                ),
                (
                    format!("A card of another city ({city}) needs the center, which cannot be reached."),
                    "Wait for the line, or pay in cash and claim later.",
                ),
            ),
            Self::Unknown => say(
                l,
                ("中心没有这位持卡人的参保记录。", "请自费结算；持卡人可到经办机构查询。"),
                ("The center has no record of this person.", "Pay in cash; the holder can ask the agency."),
            ),
            Self::UnknownOffline => say(
                l,
                ("本机没有这位持卡人的参保记录，现在联系不上中心。", "请等网络恢复，或自费结算后报销。"),
                (
                    "This terminal does not know the person, and the center cannot be reached.",
                    "Wait for the line, or pay in cash and claim later.",
                ),
            ),
            Self::CacheTooOld { age_ms, age_ms_max } => say(
                l,
                (
                    format!(
                        "本机参保数据已有 {} 小时未更新（上限 {} 小时），现在联系不上中心。",
                        hours(*age_ms),
                        hours(*age_ms_max)
                    ),
                    "请等网络恢复，或自费结算后报销。",
                ),
                (
                    format!(
                        "This terminal's data are {} hours old (limit {}), and the center cannot be reached.",
                        hours(*age_ms),
                        hours(*age_ms_max)
                    ),
                    "Wait for the line, or pay in cash and claim later.",
                ),
            ),
            Self::CacheEmpty => say(
                l,
                ("本机还没有参保数据，现在联系不上中心。", "请联系设备维护人员；本次可自费结算后报销。"),
                (
                    "This terminal has no data yet, and the center cannot be reached.",
                    "Call the installer; this visit can be paid in cash and claimed later.",
                ),
            ),
            Self::ClockDoubtful => say(
                l,
                (
                    "本机时间不可信，无法判断参保数据是否过期，现在联系不上中心。",
                    "请联系设备维护人员校准时间；本次可自费结算后报销。",
                ),
                (
                    "This terminal's clock is in doubt, so the age of its data is not known, and the center cannot be reached.",
                    "Call the installer to set the clock; this visit can be paid in cash and claimed later.",
                ),
            ),
        }
    }
}

fn place(city: Option<RegionCode>, language: Language) -> String {
    match (city, language) {
        (Some(city), Language::Chinese) => format!("（{city}）"),
        (Some(city), Language::English) => format!(" ({city})"),
        (None, _) => String::new(),
    }
}

fn hours(ms: i64) -> i64 {
    ms / 3_600_000
}

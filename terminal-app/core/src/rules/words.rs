//! Steps and errors in Chinese and English.

use card_spec::money::Fen;

use super::{
    bill::{HospitalLevel, ItemClass, VisitKind},
    config::{LayerBase, OwnItem},
    error::{Document, FieldProblem, LineProblem, RulesError},
    person::PersonKind,
    settlement::{Fund, Identity},
    step::{AccountUnused, Step},
};
use crate::language::Language;

pub(super) fn step(step: &Step, language: Language) -> String {
    match language {
        Language::Chinese => step_chinese(step),
        Language::English => step_english(step),
    }
}

fn step_chinese(step: &Step) -> String {
    let zh = Language::Chinese;
    match step {
        Step::Lines { lines, total } => format!("共 {lines} 条费用，总额 {total} 元"),
        Step::OutsideCatalog { lines, amount } => format!("丙类及目录外 {lines} 条，全自费 {amount} 元"),
        Step::OverCeiling { lines, amount } => format!("{lines} 条单价高于最高限价，超限价自费 {amount} 元"),
        Step::SelfPayFirst { lines, base, amount } => {
            format!("乙类 {lines} 条共 {base} 元，先行自付 {amount} 元")
        }
        Step::InScope { total, outside, in_scope } => {
            format!("总额 {total} 元，减去以上 {outside} 元，符合政策范围 {in_scope} 元")
        }
        Step::EssentialExempt { amount } => format!("其中基本药物 {amount} 元不设起付线"),
        Step::DeductibleOfYear { full, used, counted, .. } => {
            format!("年度起付线 {full} 元，本年已用 {used} 元，本次计入 {counted} 元")
        }
        Step::DeductibleOfVisit { stay: None, full, counted, .. } => {
            format!("每次就诊起付线 {full} 元，本次计入 {counted} 元")
        }
        Step::DeductibleOfVisit { stay: Some(stay), first, full, counted, .. } if full == first => {
            format!("本年第 {stay} 次住院，起付线 {full} 元，本次计入 {counted} 元")
        }
        Step::DeductibleOfVisit { stay: Some(stay), first, full, counted, .. } => {
            format!("本年第 {stay} 次住院，起付线由 {first} 元降为 {full} 元，本次计入 {counted} 元")
        }
        Step::Band { fund, above, up_to, base, table, own_share_factor, share, paid } => {
            let band = match up_to {
                Some(up_to) => format!("{above} 至 {up_to} 元部分 "),
                None if *above == Fen::ZERO => String::new(),
                None => format!("{above} 元以上部分 "),
            };
            let why = match own_share_factor {
                Some(factor) => format!("（在职 {table}，个人负担按其 {factor} 计）"),
                None => String::new(),
            };
            format!("{}：{band}{base} 元 × {share}{why} = {paid} 元", fund_name(*fund, zh))
        }
        Step::Cap { name, cap, used, wanted, paid } if paid == wanted => {
            format!("{} {cap} 元，本年已付 {used} 元，本次 {paid} 元未超过", name[0])
        }
        Step::Cap { name, cap, used, wanted, paid } => {
            format!("{} {cap} 元，本年已付 {used} 元，应付 {wanted} 元只能付 {paid} 元", name[0])
        }
        Step::Layer { fund, base_kind, base, before, from } => {
            let (fund, kind) = (fund_name(*fund, zh), base_name(*base_kind, zh));
            let from = if *from == Fen::ZERO { "不设起付".into() } else { format!("起付 {from} 元") };
            format!("{fund}：{kind} {base} 元，本年此前累计 {before} 元，{from}")
        }
        Step::LayerCap { fund, cap, used, wanted, paid } => format!(
            "{}年度限额 {cap} 元，本年已付 {used} 元，应付 {wanted} 元只能付 {paid} 元",
            fund_name(*fund, zh)
        ),
        Step::Funds { amount } => format!("基金支付合计 {amount} 元"),
        Step::Hospital { item, base, amount } => {
            format!("{} {base} 元中医院负担 {amount} 元", item_name(*item, zh))
        }
        Step::Person { amount, .. } => {
            format!("个人负担 {amount} 元{}", own_items(step, zh))
        }
        Step::Account { item, due, available, paid } => {
            format!("个人账户可用 {available} 元，支付{} {due} 元中的 {paid} 元", item_name(*item, zh))
        }
        Step::FamilyAccount { item, due, available, paid } => {
            format!("家庭共济账户可用 {available} 元，支付{} {due} 元中的 {paid} 元", item_name(*item, zh))
        }
        Step::AccountUnused { reason } => match reason {
            AccountUnused::NotWanted => "本次不使用个人账户".into(),
            AccountUnused::NotAllowed => "按本地规定，本次不能使用个人账户".into(),
            AccountUnused::Empty => "个人账户没有可用余额".into(),
            AccountUnused::NothingDue => "没有可由个人账户支付的费用".into(),
        },
        Step::Cash { amount } => format!("个人现金支付 {amount} 元"),
    }
}

fn step_english(step: &Step) -> String {
    let en = Language::English;
    match step {
        Step::Lines { lines, total } => format!("{total} yuan in all (lines: {lines})"),
        Step::OutsideCatalog { lines, amount } => {
            format!("Class C and outside the catalog (lines: {lines}): {amount} yuan, all paid by the person")
        }
        Step::OverCeiling { lines, amount } => {
            format!("Above the price ceiling (lines: {lines}): {amount} yuan cut off")
        }
        Step::SelfPayFirst { lines, base, amount } => {
            format!("Class B (lines: {lines}): {base} yuan, of which the person pays {amount} yuan first")
        }
        Step::InScope { total, outside, in_scope } => {
            format!("{total} yuan less the above {outside} yuan: {in_scope} yuan in scope")
        }
        Step::EssentialExempt { amount } => {
            format!("of these, essential drugs of {amount} yuan have no deductible")
        }
        Step::DeductibleOfYear { full, used, counted, .. } => {
            format!("Deductible of the year {full} yuan, {used} yuan used before, {counted} yuan counted now")
        }
        Step::DeductibleOfVisit { stay: None, full, counted, .. } => {
            format!("Deductible of each visit {full} yuan, {counted} yuan counted now")
        }
        Step::DeductibleOfVisit { stay: Some(stay), first, full, counted, .. } if full == first => {
            format!("Stay {stay} of the year: deductible {full} yuan, {counted} yuan counted now")
        }
        Step::DeductibleOfVisit { stay: Some(stay), first, full, counted, .. } => {
            format!(
                "Stay {stay} of the year: deductible {full} yuan instead of {first}, {counted} yuan counted now"
            )
        }
        Step::Band { fund, above, up_to, base, table, own_share_factor, share, paid } => {
            let band = match up_to {
                Some(up_to) => format!(" in the band {above} to {up_to}"),
                None if *above == Fen::ZERO => String::new(),
                None => format!(" in the band above {above}"),
            };
            let why = match own_share_factor {
                Some(factor) => format!(" ({table} for workers, own share × {factor})"),
                None => String::new(),
            };
            format!("{}: {base} yuan{band} × {share}{why} = {paid} yuan", fund_name(*fund, en))
        }
        Step::Cap { name, cap, used, wanted, paid } if paid == wanted => {
            format!("{} {cap} yuan, {used} yuan paid before: {paid} yuan is within it", name[1])
        }
        Step::Cap { name, cap, used, wanted, paid } => {
            format!("{} {cap} yuan, {used} yuan paid before: {paid} yuan instead of {wanted}", name[1])
        }
        Step::Layer { fund, base_kind, base, before, from } => {
            let (fund, kind) = (fund_name(*fund, en), base_name(*base_kind, en));
            let from =
                if *from == Fen::ZERO { "no threshold".into() } else { format!("threshold {from} yuan") };
            format!("{fund}: {kind} {base} yuan, {before} yuan earlier this year, {from}")
        }
        Step::LayerCap { fund, cap, used, wanted, paid } => format!(
            "{}: yearly limit {cap} yuan, {used} yuan paid before: {paid} yuan instead of {wanted}",
            fund_name(*fund, en)
        ),
        Step::Funds { amount } => format!("All funds together {amount} yuan"),
        Step::Hospital { item, base, amount } => {
            format!("The hospital bears {amount} of {base} yuan {}", item_name(*item, en))
        }
        Step::Person { amount, .. } => format!("The person's part {amount} yuan{}", own_items(step, en)),
        Step::Account { item, due, available, paid } => format!(
            "Personal account, {available} yuan available: pays {paid} of {due} yuan {}",
            item_name(*item, en)
        ),
        Step::FamilyAccount { item, due, available, paid } => format!(
            "Family account, {available} yuan available: pays {paid} of {due} yuan {}",
            item_name(*item, en)
        ),
        Step::AccountUnused { reason } => match reason {
            AccountUnused::NotWanted => "The personal account is not used this time".into(),
            AccountUnused::NotAllowed => "Local rules do not let the personal account pay this".into(),
            AccountUnused::Empty => "The personal account has nothing available".into(),
            AccountUnused::NothingDue => "Nothing is due that the personal account may pay".into(),
        },
        Step::Cash { amount } => format!("Cash {amount} yuan"),
    }
}

/// The parts of [`Step::Person`] that are not zero, in brackets.
fn own_items(step: &Step, language: Language) -> String {
    let Step::Person {
        deductible, own_share, over_cap, self_pay_first, over_ceiling, outside_catalog, ..
    } = step
    else {
        return String::new();
    };
    let amounts = [deductible, own_share, over_cap, self_pay_first, over_ceiling, outside_catalog];
    let items: Vec<String> = OwnItem::ALL
        .into_iter()
        .zip(amounts)
        .filter(|(_, amount)| **amount != Fen::ZERO)
        .map(|(item, amount)| format!("{} {amount}", item_name(item, language)))
        .collect();
    match (items.is_empty(), language) {
        (true, _) => String::new(),
        (false, Language::Chinese) => format!("（{}）", items.join("，")),
        (false, Language::English) => format!(" ({})", items.join(", ")),
    }
}

/// What a fund is called.
pub fn fund_name(fund: Fund, language: Language) -> &'static str {
    match fund {
        Fund::Pooled => language.pick("统筹基金", "Pooled fund"),
        Fund::CivilServant => language.pick("公务员医疗补助", "Civil servants' supplement"),
        Fund::Enterprise => language.pick("企业补充医疗保险", "Enterprise supplement"),
        Fund::MajorIllness => language.pick("居民大病保险", "Residents' major illness"),
        Fund::LargeAmount => language.pick("职工大额医疗补助", "Large amount aid"),
        Fund::MedicalAid => language.pick("医疗救助", "Medical aid"),
        Fund::Other => language.pick("其他基金", "Other funds"),
    }
}

/// What an item of the person's own part is called.
pub fn item_name(item: OwnItem, language: Language) -> &'static str {
    match item {
        OwnItem::Deductible => language.pick("起付线", "deductible"),
        OwnItem::OwnShare => language.pick("按比例自付", "own share"),
        OwnItem::OverCap => language.pick("超封顶线", "above the cap"),
        OwnItem::SelfPayFirst => language.pick("先行自付", "first share"),
        OwnItem::OverCeiling => language.pick("超限价", "above price ceilings"),
        OwnItem::OutsideCatalog => language.pick("全自费", "outside the catalog"),
    }
}

fn base_name(base: LayerBase, language: Language) -> &'static str {
    match base {
        LayerBase::OwnInScope => language.pick("政策范围内个人负担", "the person's part of in-scope cost"),
        LayerBase::OwnShare => language.pick("按比例自付部分", "the own share within the bands"),
        LayerBase::OverCap => language.pick("超过封顶线部分", "what the cap left"),
    }
}

/// What a kind of insured person is called.
pub fn person_name(person: PersonKind, language: Language) -> &'static str {
    match person {
        PersonKind::Worker => language.pick("在职职工", "worker"),
        PersonKind::Retired => language.pick("退休职工", "retired"),
        PersonKind::Resident => language.pick("城乡居民", "resident"),
    }
}

/// What a kind of visit is called.
pub fn visit_name(visit: VisitKind, language: Language) -> &'static str {
    match visit {
        VisitKind::Outpatient => language.pick("门诊", "outpatient"),
        VisitKind::Inpatient => language.pick("住院", "inpatient"),
    }
}

fn level_name(level: HospitalLevel, language: Language) -> &'static str {
    match level {
        HospitalLevel::Community => language.pick("社区", "community"),
        HospitalLevel::Primary => language.pick("一级", "primary"),
        HospitalLevel::Secondary => language.pick("二级", "secondary"),
        HospitalLevel::Tertiary => language.pick("三级", "tertiary"),
    }
}

fn document_name(document: Document, language: Language) -> &'static str {
    match document {
        Document::Case => language.pick("费用单", "bill"),
        Document::Catalog => language.pick("目录", "catalog"),
        Document::CityRules => language.pick("规则", "rules"),
    }
}

fn class_name(class: ItemClass, language: Language) -> String {
    match language {
        Language::Chinese => format!("{}类", class.chinese()),
        Language::English => format!("class {class:?}"),
    }
}

impl RulesError {
    /// What is wrong and what to do, in one or two sentences.
    pub fn words(&self, language: Language) -> String {
        let zh = language == Language::Chinese;
        match self {
            Self::Json { document, line, column, detail } => {
                let name = document_name(*document, language);
                if zh {
                    format!("{name}文件第 {line} 行第 {column} 列：{detail}")
                } else {
                    format!("{name}, line {line} column {column}: {detail}")
                }
            }
            Self::TooLarge { document, bytes_max, got } => {
                let name = document_name(*document, language);
                if zh {
                    format!("{name}文件有 {got} 字节，最多 {bytes_max} 字节；请拆分")
                } else {
                    format!("the {name} document has {got} bytes, at most {bytes_max} are read; split it")
                }
            }
            Self::Field { document, field, problem } => {
                let name = document_name(*document, language);
                let problem = field_problem(problem, language);
                if zh {
                    format!("{name}文件 {field}：{problem}")
                } else {
                    format!("{name}, {field}: {problem}")
                }
            }
            Self::BillEmpty => language.pick("费用单没有明细", "the bill has no lines").into(),
            Self::LinesTooMany { max, got } => {
                if zh {
                    format!("费用单有 {got} 条明细，最多 {max} 条；请分次结算")
                } else {
                    format!("the bill has {got} lines, at most {max} can be settled; settle it in parts")
                }
            }
            Self::BillTooLarge { max, got } => {
                if zh {
                    format!("费用总额 {got} 元超过上限 {max} 元；请核对单价和数量")
                } else {
                    format!("the bill's total of {got} yuan is above {max}; check prices and counts")
                }
            }
            Self::Line { line, problem } => {
                let problem = line_problem(problem, language);
                if zh {
                    format!("第 {line} 条明细：{problem}")
                } else {
                    format!("line {line} of the bill: {problem}")
                }
            }
            Self::NoRules { region } => {
                if zh {
                    format!("没有 {region} 的结算规则；请同步，或联机结算")
                } else {
                    format!("no rules of {region} are known here; synchronise, or settle online")
                }
            }
            Self::NotInForce { effective_from, date } => {
                if zh {
                    format!("规则自 {effective_from} 起执行，费用日期为 {date}；请取用当时的规则")
                } else {
                    format!(
                        "the rules begin on {effective_from}, the bill is of {date}; use those of that day"
                    )
                }
            }
            Self::NoBenefit { region, person, visit } => {
                let (person, visit) = (person_name(*person, language), visit_name(*visit, language));
                if zh {
                    format!("{region} 的规则没有{person}{visit}待遇；请联机结算")
                } else {
                    format!("the rules of {region} say nothing about {person} {visit} visits; settle online")
                }
            }
            Self::OtherYear { expected, got } => {
                if zh {
                    format!("年度累计属于 {got} 年，费用属于 {expected} 年；请取当年累计")
                } else {
                    format!("the yearly amounts are of {got}, the bill is of {expected}; fetch that year's")
                }
            }
            Self::NegativeInput => language
                .pick(
                    "年度累计或账户余额为负数；请与中心核对",
                    "a yearly amount or balance is below zero; check it with the center",
                )
                .into(),
            Self::Identity(identity) => {
                let which = match identity {
                    Identity::FeeByScope => "medfee = fulamt_ownpay + overlmt + preselfpay + inscp",
                    Identity::FeeByPayer => "medfee = fund + psn_part + hosp_part",
                    Identity::PersonByMeans => "psn_part = acct + acct_mulaid + cash",
                    Identity::FundByFund => "fund = hifp + cvlserv + hifes + hifmi + hifob + maf + oth",
                };
                if zh {
                    format!("结算金额不平：{which}；不得入账")
                } else {
                    format!("the figures do not add up: {which}; do not book them")
                }
            }
        }
    }
}

fn line_problem(problem: &LineProblem, language: Language) -> String {
    let zh = language == Language::Chinese;
    match problem {
        LineProblem::NotInCatalog { code } => {
            if zh {
                format!("目录中没有 {code}；请注明类别 class（01 甲、02 乙、03 丙）或更新目录")
            } else {
                format!("{code} is not in the catalog; give its class (01, 02, 03) or update the catalog")
            }
        }
        LineProblem::ClassDiffers { expected, got } => {
            let (expected, got) = (class_name(*expected, language), class_name(*got, language));
            if zh {
                format!("明细为{got}，目录为{expected}；请改正或删去类别")
            } else {
                format!(
                    "the line says {got}, the catalog {expected}; correct the line or leave its class out"
                )
            }
        }
        LineProblem::SelfPayMissing => language
            .pick(
                "乙类项目缺少先行自付比例 selfpay_prop，例如 \"5%\"",
                "a class B item needs its first share selfpay_prop, for example \"5%\"",
            )
            .into(),
        LineProblem::SelfPay { class, got } => {
            let class = class_name(*class, language);
            if zh {
                format!("{class}项目的先行自付比例不能是 {got}；甲类为 0%，乙类低于 100%，丙类为 100%")
            } else {
                format!("{got} cannot be the first share of a {class} item; A has 0%, B below 100%, C 100%")
            }
        }
        LineProblem::Amount { expected, got, price, count } => {
            if zh {
                format!("金额 {got} 元不等于单价 {price} × 数量 {count} = {expected} 元；请核对")
            } else {
                format!("the amount {got} is not price {price} × count {count} = {expected}; check the three")
            }
        }
        LineProblem::CountZero => language
            .pick(
                "数量为 0；退药请从费用单中删除该条",
                "the count is 0; take a returned item off the bill instead",
            )
            .into(),
        LineProblem::Code { max } => {
            if zh {
                format!("项目编码不能为空，也不能超过 {max} 个字符")
            } else {
                format!("the item code must have 1 to {max} characters")
            }
        }
        LineProblem::Name { max } => {
            if zh {
                format!("项目名称超过 {max} 个字符；请缩短")
            } else {
                format!("the name has more than {max} characters; shorten it")
            }
        }
    }
}

fn field_problem(problem: &FieldProblem, language: Language) -> String {
    let zh = language == Language::Chinese;
    let fixed = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
    match problem {
        FieldProblem::Empty => fixed("不能为空；请填写", "is empty; fill it in"),
        FieldProblem::TooMany { max, got } => {
            if zh {
                format!("有 {got} 项，最多 {max} 项；请合并")
            } else {
                format!("has {got} entries, at most {max} are taken; merge some")
            }
        }
        FieldProblem::TooLong { max } => {
            if zh {
                format!("超过 {max} 个字符；请缩短")
            } else {
                format!("has more than {max} characters; shorten it")
            }
        }
        FieldProblem::Format { expected, got } => {
            if zh {
                format!("格式版本为 {got}，本程序只读 {expected}；请升级程序或改用 {expected}")
            } else {
                format!(
                    "is {got}, this program reads {expected}; update the program or write format {expected}"
                )
            }
        }
        FieldProblem::AmountTooLarge { max, got } => {
            if zh {
                format!("{got} 元超过上限 {max} 元；请检查小数点")
            } else {
                format!("{got} yuan is above the limit of {max}; check the decimal point")
            }
        }
        FieldProblem::BandNotAscending { above, got } => {
            if zh {
                format!("{got} 元应大于前一档的 {above} 元；请按由小到大排列")
            } else {
                format!(
                    "{got} must be above {above}, where the band begins; put the bands in ascending order"
                )
            }
        }
        FieldProblem::OpenBandNotLast => fixed(
            "只有最后一档可以不写上限；请写出上限",
            "is missing, and only the last band may be open; write its upper limit",
        ),
        FieldProblem::LastBandNotOpen => fixed(
            "最后一档不应有上限；请删去上限，或再加一档（不再支付时写 \"fund\": \"0%\"）",
            "stands on the last band, which must be open; remove it, or add a band (\"fund\": \"0%\" if nothing more is paid)",
        ),
        FieldProblem::FirstAgeNotZero => fixed(
            "第一张分段表应从 0 岁开始；请改为 0",
            "of the first table must be 0; no one may be without a table",
        ),
        FieldProblem::AgeNotAscending => fixed(
            "年龄应大于前一张表；请按由小到大排列",
            "must be above that of the table before; sort them by age",
        ),
        FieldProblem::LevelMissing { level } => {
            let name = level_name(*level, language);
            if zh {
                format!("没有{name}医院的值；请补上，或写 other")
            } else {
                format!("has no value for {name} hospitals; add it, or add \"other\"")
            }
        }
        FieldProblem::UnknownCap { name } => {
            if zh {
                format!("caps 中没有 {name}；请在 caps 中定义或改正名称")
            } else {
                format!("\"{name}\" is not defined in caps; define it there or correct the name")
            }
        }
        FieldProblem::Duplicate { person, visit } => {
            let (person, visit) = (person_name(*person, language), visit_name(*visit, language));
            if zh {
                format!("{person}{visit}在前面已有规定；请保留一处")
            } else {
                format!("{person} {visit} visits have an entry before; keep one of the two")
            }
        }
        FieldProblem::LaterStaysNotInpatient => fixed(
            "只有按次计算的住院起付线才能逐次降低；请把住院单独列为一条，并写 \"period\": \"visit\"",
            "only a deductible of each inpatient stay can fall; give inpatients an entry of their own with \"period\": \"visit\"",
        ),
        FieldProblem::FloorAboveFull { level } => {
            let name = level_name(*level, language);
            if zh {
                format!("{name}医院的下限高于首次起付线；请降低下限")
            } else {
                format!("the floor for {name} hospitals is above the first deductible; lower the floor")
            }
        }
        FieldProblem::LayerOutOfOrder => fixed(
            "支付顺序为大病或大额、公务员或企业补充、医疗救助、其他；请移到相应位置",
            "stands too late; the order is major illness or large amount, civil servants or enterprise, medical aid, other",
        ),
        FieldProblem::LayerPooled => {
            fixed("统筹基金应写在 benefits 中", "is the pooled fund, which is written under benefits")
        }
        FieldProblem::Repeated => fixed("有重复项；请删去一项", "lists something twice; remove one"),
        FieldProblem::CodeTwice { code } => {
            if zh {
                format!("编码 {code} 重复；请保留一条")
            } else {
                format!("the code {code} stands there twice; keep one")
            }
        }
        FieldProblem::SelfPay { class } => {
            let class = class_name(*class, language);
            if zh {
                format!("{class}项目的先行自付比例不对；甲类为 0%，乙类必填且低于 100%，丙类为 100%")
            } else {
                format!("does not fit a {class} item; A has 0%, B must have one below 100%, C has 100%")
            }
        }
    }
}

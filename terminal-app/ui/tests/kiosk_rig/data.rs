//! One person and one city, as the center would tell of them.

use card_spec::{
    account::{Amounts as CardAmounts, LogRecord, TYPE_LOAD, TYPE_PURCHASE},
    date::DateTime,
    money::Fen,
    psam::TerminalNumber,
};
use protocol::{
    calendar::{Day, Period},
    evidence::FingerPosition,
    id::TransactionId,
    record::Amounts,
    service::{
        Account, Article, ArticleLine, CardLine, CardsAnswer, CertificationAnswer, Contribution,
        ContributionKind, ContributionState, Contributions, Due, DuesAnswer, Locked, Movement, MovementKind,
        Office, OfficeLine, PensionMonth, PensionsAnswer, SeekWork, Seeker, Treatment, Treatments,
        Unemployment, UnemploymentState, Vacancy, VacancyLine, contribution::UnemploymentAnswer,
        work::WorkAnswer,
    },
    timestamp::Timestamp,
};
use terminal::{
    error::Error,
    flows::service::{CardAccount, Shown, ShownFrom},
    holder::finger::{Advice, FingerFailure},
    ports::LinkError,
    receipt::{Booking, KnownBy, MaskedName, MaskedNumber, Slip, SlipKind},
    session::SessionError,
};
use ui::{
    kiosk::{
        ask::{Answer, Ask, Cause, Fingered, Stop},
        work::Opened,
    },
    trouble::Trouble,
};

/// 2026-11-24 09:42 in China.
pub(crate) const NOW: Timestamp = Timestamp(1_795_484_520_000);

/// What would tell somebody about her.
pub(crate) const TRACES: [&str; 8] =
    ["王", "2,536.40", "13800000001", "3,120.00", "860.00", "WANG", "Wang", "310104"];

pub(crate) fn opened() -> Opened {
    Opened { surname: "王".into(), sex: Some(b'2'), pad: super::PAD, earlier: None }
}

pub(crate) fn stop(error: SessionError) -> Stop {
    Stop::of(Error::Session(error))
}

pub(crate) fn offline_stop() -> Stop {
    offline()
}

pub(crate) fn offline() -> Stop {
    Stop::of(Error::Link(LinkError::Down { detail: "test".into() }))
}

pub(crate) fn paper_out() -> Trouble {
    Trouble::of(&edge::failure::Failure::Printer(hal::printer::PrinterError::PaperOut))
}

pub(crate) fn dry_finger() -> Fingered {
    Fingered::Failed {
        cause: Cause::Image,
        trouble: Trouble::of(&Error::Finger(FingerFailure::PoorImage(Advice::Moister)).into()),
        next: FingerPosition::new(2).map(|position| (position, 2)),
    }
}

pub(crate) fn no_finger_decides() -> Fingered {
    strangers_finger(None)
}

/// None of the fingers on the card; how often another may be tried.
pub(crate) fn strangers_finger(tries_left: Option<u8>) -> Fingered {
    Fingered::Failed {
        cause: Cause::Stranger,
        trouble: Trouble::of(&Error::Finger(FingerFailure::NoMatch).into()),
        next: tries_left.and_then(|tries| Some((FingerPosition::new(2)?, tries))),
    }
}

/// The sensor was unplugged.
pub(crate) fn sensor_away() -> Fingered {
    Fingered::Failed {
        cause: Cause::Sensor,
        trouble: Trouble::of(&Error::Finger(FingerFailure::NoSensor).into()),
        next: None,
    }
}

fn from(offline: bool) -> ShownFrom {
    match offline {
        true => ShownFrom::Copy { as_of: Some(NOW.plus_ms(-3 * 3_600_000)), age_ms: Some(3 * 3_600_000) },
        false => ShownFrom::Center { as_of: NOW },
    }
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

fn period(number: u32) -> Period {
    Period::from_number(number).unwrap()
}

fn id(byte: u8) -> TransactionId {
    TransactionId([byte; 16])
}

fn days_ago(days: i64) -> Timestamp {
    NOW.plus_ms(-days * 86_400_000)
}

pub(crate) fn answer(ask: &Ask, offline: bool) -> Answer {
    let from = from(offline);
    match ask {
        Ask::Account => account(offline),
        Ask::Contributions { until } => contributions(until.unwrap_or_else(|| Period::of(NOW))),
        Ask::Treatments { .. } => Answer::Treatments(Shown { content: treatments(), from }),
        Ask::Pensions => Answer::Pensions(Shown { content: pensions(), from }),
        Ask::Certification => Answer::Certification(Shown {
            content: CertificationAnswer {
                needed: true,
                certified_until: Some(day(20261215)),
                last: Some(days_ago(344)),
                fingers: protocol::pension::Fingers::Enrolled,
                state: Some(protocol::feed::PersonState::Active),
            },
            from,
        }),
        Ask::Cards => Answer::Cards(Shown {
            content: CardsAnswer {
                cards: vec![
                    CardLine { this: true, since: days_ago(400), blocked: None, blocked_since: None },
                    CardLine {
                        this: false,
                        since: days_ago(3_000),
                        blocked: Some(protocol::feed::BlockReason::Replaced),
                        blocked_since: Some(days_ago(400)),
                    },
                ],
                state: Some(protocol::feed::PersonState::Active),
            },
            from,
        }),
        Ask::Registration | Ask::StopSeekingWork => {
            Answer::Work(Shown { content: WorkAnswer { seeker: None }, from })
        }
        Ask::SeekWork { wish, wage_min, phone } => Answer::Work(Shown {
            content: WorkAnswer {
                seeker: Some(Seeker {
                    seek: SeekWork {
                        wish: wish.clone(),
                        district: card_spec::region::RegionCode::parse("430102").unwrap(),
                        wage_min: *wage_min,
                        phone: phone.clone(),
                    },
                    at: NOW,
                    until: day(20270524),
                    taken_by: None,
                }),
            },
            from,
        }),
        Ask::Unemployment => Answer::Unemployment(Shown {
            content: UnemploymentAnswer {
                claim: Some(Unemployment {
                    state: UnemploymentState::Drawing,
                    monthly: Fen(186_000),
                    from: period(202609),
                    months: 12,
                    months_paid: 2,
                }),
                months_insured: 0,
            },
            from,
        }),
        Ask::Dues => Answer::Dues(Shown {
            content: DuesAnswer {
                dues: vec![Due {
                    period: period(202701),
                    months: 12,
                    kind: ContributionKind::ResidentMedical,
                    amount: Fen(40_000),
                    until: day(20261231),
                }],
                held: Vec::new(),
            },
            from,
        }),
        Ask::ReportLoss { this_card } => Answer::Locked(Locked {
            report: 20_261_124_001,
            locked: if *this_card { 2 } else { 1 },
            before: 1,
            as_of: NOW,
        }),
        Ask::ReportLossWithoutCard { .. } => {
            Answer::Locked(Locked { report: 20_261_124_002, locked: 1, before: 0, as_of: NOW })
        }
        Ask::Certify => Answer::Certified { until: day(20271124), slip: Box::new(slip()) },
        Ask::Articles => Answer::Articles(Shown {
            content: articles()
                .iter()
                .map(|article| ArticleLine {
                    code: article.code.clone(),
                    title: article.title.clone(),
                    topic: article.topic.clone(),
                    published: article.published,
                })
                .collect(),
            from,
        }),
        Ask::Article(code) => Answer::Article(Shown {
            content: articles().into_iter().find(|article| article.code == *code).map(Box::new),
            from,
        }),
        Ask::Offices => Answer::Offices(Shown { content: offices(), from }),
        Ask::Vacancies => Answer::Vacancies(Shown {
            content: vacancies()
                .iter()
                .enumerate()
                .map(|(at, vacancy)| VacancyLine {
                    code: vacancy.code.clone(),
                    title: vacancy.title.clone(),
                    employer: vacancy.employer.clone(),
                    district: vacancy.district,
                    near: at < 2,
                    wage_min: vacancy.wage_min,
                    wage_max: vacancy.wage_max,
                    places: vacancy.places,
                    published: vacancy.published,
                })
                .collect(),
            from,
        }),
        Ask::Vacancy(code) => Answer::Vacancy(Shown {
            content: vacancies().into_iter().find(|vacancy| vacancy.code == *code).map(Box::new),
            from,
        }),
    }
}

fn account(offline: bool) -> Answer {
    let log = [(7, TYPE_PURCHASE, 8_650), (6, TYPE_PURCHASE, 12_000), (3, TYPE_LOAD, 30_000)]
        .into_iter()
        .map(|(serial, transaction_type, account_fen)| LogRecord {
            serial,
            transaction_type,
            terminal: TerminalNumber([0x43, 0x01, 0, 0, 0, 1]),
            date_time: DateTime::from_cn([0x20, 0x26, 0x11, 0x10 + serial as u8, 0x10, 0x20, 0x30]).unwrap(),
            amounts: CardAmounts { account_fen, self_paid_fen: 0, pooled_fen: 0 },
        })
        .collect();
    let card = Shown { content: CardAccount { balance: Fen(253_640), log }, from: ShownFrom::Card };
    let movement = |byte, days, kind, amount, balance, institution: &str| Movement {
        id: id(byte),
        at: days_ago(days),
        kind,
        amount: Fen(amount),
        balance: Some(Fen(balance)),
        institution: institution.into(),
    };
    let center = Account {
        movements: vec![
            movement(1, 2, MovementKind::Purchase, -8_650, 253_640, "市第一医院"),
            movement(2, 9, MovementKind::Purchase, -12_000, 262_290, "康宁大药房河西路店"),
            movement(3, 24, MovementKind::Load, 30_000, 274_290, "清河街道便民服务中心"),
        ],
        next: None,
        credit: Fen(30_000),
        owed: Fen::ZERO,
    };
    Answer::Account {
        card: Some(Box::new(card)),
        center: match offline {
            true => Err(*offline_stop().trouble),
            false => Ok(Box::new(Shown { content: center, from: from(false) })),
        },
    }
}

fn contributions(until: Period) -> Answer {
    let mut rows = Vec::new();
    let number = until.number();
    let months = number / 100 * 12 + number % 100 - 1;
    for back in 0..12_u32 {
        let at = months - back;
        // One month without anything, as after a change of the employer, and one that is not paid.
        if back == 6 {
            continue;
        }
        for (kind, unit, person) in
            [(ContributionKind::Pension, 96_000, 48_000), (ContributionKind::Medical, 48_000, 12_000)]
        {
            rows.push(Contribution {
                period: period(at / 12 * 100 + at % 12 + 1),
                kind,
                base: Fen(600_000 - i64::from(back / 5) * 60_000),
                by_unit: Fen(unit - i64::from(back / 5) * 10_000),
                by_person: Fen(person),
                state: match back {
                    2 if kind == ContributionKind::Medical => ContributionState::Unpaid,
                    7 => ContributionState::PaidLate,
                    _ => ContributionState::Paid,
                },
            });
        }
    }
    let content = Contributions { rows, earliest: Some(period(201503)), latest: Some(period(202611)) };
    Answer::Contributions { shown: Shown { content, from: from(false) }, until }
}

fn treatments() -> Treatments {
    let treatment = |byte, days, institution: &str, med_type: &str, total: i64| {
        let (own, first) = (total / 20, total / 10);
        let scope = total - own - first;
        let deductible = (scope / 2).min(20_000);
        let fund = (scope - deductible) * 7 / 10;
        Treatment {
            id: id(byte),
            at: days_ago(days),
            institution: institution.into(),
            level: 3,
            med_type: med_type.into(),
            insutype: "310".into(),
            rules_version: "2026.1".into(),
            lines: 6,
            amounts: Amounts {
                medfee_sumamt: Fen(total),
                fulamt_ownpay_amt: Fen(own),
                preselfpay_amt: Fen(first),
                inscp_scp_amt: Fen(scope),
                act_pay_dedc: Fen(deductible),
                hifp_pay: Fen(fund),
                fund_pay_sumamt: Fen(fund),
                psn_part_amt: Fen(total - fund),
                acct_pay: Fen((total - fund).min(8_650)),
                psn_cash_pay: Fen((total - fund - 8_650).max(0)),
                ..Amounts::default()
            },
            cancelled_by: None,
        }
    };
    Treatments {
        treatments: vec![
            treatment(11, 2, "市第一医院", "11", 86_000),
            treatment(12, 40, "市中医院", "11", 31_240),
            Treatment { cancelled_by: Some(id(14)), ..treatment(13, 40, "市中医院", "11", 31_240) },
            treatment(15, 200, "市第一医院", "21", 1_254_880),
        ],
        next: None,
    }
}

fn pensions() -> PensionsAnswer {
    PensionsAnswer {
        monthly: Some(Fen(312_000)),
        next_unpaid: Some(period(202612)),
        certified_until: Some(day(20261215)),
        state: Some(protocol::feed::PersonState::Active),
        months: (0..4)
            .map(|back: u8| PensionMonth {
                period: period(202611 - u32::from(back)),
                amount: Fen(312_000),
                at: days_ago(9 + 30 * i64::from(back)),
                id: id(20 + back),
            })
            .collect(),
        next: None,
    }
}

fn slip() -> Slip {
    Slip {
        kind: SlipKind::Certification { until: day(20271124), place: Default::default() },
        copy: false,
        institution: "清河街道便民服务中心".into(),
        terminal: "430100000001".parse().unwrap(),
        operator: "001".into(),
        transaction: id(0x5a),
        sequence: Some(12),
        time: NOW,
        name: MaskedName::of("王芳"),
        number: MaskedNumber::of(&card_spec::person::PersonNumber::parse("11010519491231002X").unwrap()),
        known: KnownBy::Pin,
        booking: Booking::Pending { offline: false },
    }
}

fn articles() -> Vec<Article> {
    [
        ("yl-1", "养老保险怎样转移接续", "养老保险"),
        ("yl-2", "满 60 岁怎样申领养老金", "养老保险"),
        ("yb-1", "医保个人账户的钱能给家人用吗", "医疗保险"),
        ("yb-2", "到外地看病怎样备案", "医疗保险"),
        ("yb-3", "门诊慢特病怎样认定", "医疗保险"),
        ("sy-1", "失业金怎样申请，能领多久", "失业保险"),
        ("k-1", "社保卡丢了怎么办", "社会保障卡"),
        ("k-2", "社保卡密码忘了怎么办", "社会保障卡"),
    ]
    .into_iter()
    .map(|(code, title, topic)| Article {
        code: code.into(),
        title: title.into(),
        topic: topic.into(),
        text: "参保人员可以在参保地或者居住地办理，不收任何费用。\n\
               本人带社保卡到任一服务窗口、自助终端，或在手机上申请。材料齐全的当场办结，需要核实的五个工作日内答复。\n\
               符合条件的，从申请的次月起享受待遇。对结果有疑问，可以要求书面说明。"
            .into(),
        issuer: "市人力资源和社会保障局".into(),
        reference: "市人社发〔2026〕12 号".into(),
        keywords: vec![],
        published: day(20260301),
    })
    .collect()
}

fn offices() -> Vec<OfficeLine> {
    [
        ("清河街道便民服务中心", "清河路 8 号一楼", Some(0)),
        ("市社会保险事业中心城东办事处", "解放东路 220 号政务大楼三层", Some(1_240)),
        ("市医疗保障事务中心", "人民路 15 号", Some(3_860)),
        ("河西区人力资源市场", "桥西大街 102 号", None),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (name, address, distance_m))| OfficeLine {
        office: Office {
            code: format!("o-{at}"),
            name: name.into(),
            district: card_spec::region::RegionCode::parse("430102").unwrap(),
            address: address.into(),
            phone: "0731-12333".into(),
            hours: "周一至周五 9:00–17:00".into(),
            services: vec!["社保卡申领、补换".into(), "养老、失业待遇申领".into(), "资格认证".into()],
            place: None,
        },
        distance_m,
    })
    .collect()
}

fn vacancies() -> Vec<Vacancy> {
    [
        ("社区保洁员", "清河物业服务有限公司", 280_000, 320_000),
        ("超市理货员", "万家惠超市清河店", 320_000, 400_000),
        ("包装工（白班）", "晨光食品厂", 420_000, 560_000),
        ("养老护理员", "夕阳红养老服务中心", 450_000, 600_000),
        ("仓库管理员", "通达物流园", 480_000, 580_000),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (title, employer, min, max))| Vacancy {
        code: format!("v-{at}"),
        title: title.into(),
        employer: employer.into(),
        district: card_spec::region::RegionCode::parse("430102").unwrap(),
        address: "清河路 30 号".into(),
        wage_min: Fen(min),
        wage_max: Fen(max),
        places: 3,
        education: "不限".into(),
        text: "负责小区楼道和公共区域的清扫，每周休一天，包午餐，缴社保。身体健康，能吃苦，五十五岁以下。"
            .into(),
        phone: "0731-12345678".into(),
        published: day(20261101),
        until: day(20261231),
    })
    .collect()
}

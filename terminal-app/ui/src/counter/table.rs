//! Lists as the screen shows them: operators, failed payments, dues, payments, a registration.

use card_spec::money::Fen;
use protocol::service::Due;
use terminal::{
    flows::DuesTaken,
    ledger::State as Record,
    receipt::Booking,
    roles::{Operator, Role},
    words,
};

use super::{
    state::{Page, State},
    write::Write,
};

/// A column. `width` 0 takes what the others leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) title: [&'static str; 2],
    pub(super) width: i32,
    pub(super) right: bool,
    pub(super) strong: bool,
}

/// How a row is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowTone {
    #[default]
    Calm,
    Care,
    Warn,
    NotNow,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// What is to be done about it.
    pub(super) under: String,
    pub(super) tone: RowTone,
}

/// A list with its heading and what it comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) hint: String,
    pub(super) source: String,
    pub(super) empty: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// Rows have a line below.
    pub(super) tall: bool,
    /// Keys go to one of the rows.
    pub(super) marks: bool,
    /// It is about whoever stands there.
    pub(super) of_holder: bool,
    /// What it comes to, large; its name; and whether that is done.
    pub(super) total: Option<(String, String, bool)>,
}

fn column(chinese: &'static str, english: &'static str, width: i32) -> Column {
    Column { title: [chinese, english], width, right: false, strong: false }
}

fn amounts(chinese: &'static str, english: &'static str, width: i32) -> Column {
    Column { title: [chinese, english], width, right: true, strong: true }
}

impl Table {
    /// Of the page that the state is on; `None` for pages of another kind.
    pub(super) fn of(state: &State, write: Write) -> Option<Self> {
        match state.page {
            Page::Operators => Some(operators(state, write)),
            Page::Failed => Some(failed(state, write)),
            Page::Dues => Some(dues(state, write)),
            Page::Taken => Some(taken(state, write)),
            Page::Seeking => Some(seeking(state, write)),
            _ => None,
        }
    }
}

fn operators(state: &State, write: Write) -> Table {
    let me = state.clerk.as_ref().map(|clerk| clerk.number.as_str());
    let row = |operator: &Operator| {
        let locked = operator.locked_until.filter(|until| state.wall.is_none_or(|wall| wall < *until));
        let standing = match (operator.active, locked, operator.must_change) {
            (false, _, _) => write.pick(["× 已停用", "× stopped"]),
            (_, Some(until), _) => {
                let at = write.locale.time(until);
                write.pick(["! 口令连错，锁定至", "! locked after wrong secrets until"]) + " " + &at
            }
            (_, _, true) => write.pick(["● 首次口令，签到时须改", "● first secret, to be changed"]),
            _ if me == Some(&operator.number) => write.pick(["✓ 已签到", "✓ signed in"]),
            _ => write.pick(["✓ 可签到", "✓ may sign in"]),
        };
        let role = write.pick(match operator.role {
            Role::Cashier => ["收费员", "Cashier"],
            Role::Supervisor => ["主管", "Supervisor"],
            Role::Installer => ["安装维护员", "Installer"],
            Role::Auditor => ["审计员", "Auditor"],
        });
        let tone = match (operator.active, locked) {
            (false, _) => RowTone::NotNow,
            (_, Some(_)) => RowTone::Care,
            _ => RowTone::Calm,
        };
        let cells = vec![operator.number.clone(), operator.name.clone(), role, standing];
        Row { cells, tone, ..Row::default() }
    };
    Table {
        title: write.pick(["操作员", "Operators"]),
        hint: write.pick([
            "上下键选一行。F9 添加，F5 重设口令（停用的同时启用），F4 停用。锁定的到时自动解除，也可用 F5 重设。",
            "Up and Down mark a row. F9 adds, F5 gives a new secret (and lets a stopped one in again), F4 stops. A lock ends by itself, or by F5.",
        ]),
        empty: write.pick(["没有操作员", "No operators"]),
        columns: vec![
            Column { strong: true, ..column("工号", "Number", 140) },
            column("姓名", "Name", 0),
            column("角色", "Role", 130),
            column("状态", "Standing", 300),
        ],
        rows: state.operators.iter().map(row).collect(),
        marks: true,
        ..Table::default()
    }
}

fn failed(state: &State, write: Write) -> Table {
    let failed = &state.failed;
    let payments = failed.payments.as_deref().unwrap_or_default();
    let rows = payments.iter().map(|payment| {
        let why = match payment.reason {
            Some(reason) => write.core(|language| words::refusal(reason, language).what),
            None => {
                write.pick(["中心已有同名而内容不同的记录", "The center has another record of that name"])
            }
        };
        let next = write.core(|language| words::next_step_words(payment.next_step(), language).to_owned());
        let cells = vec![
            write.locale.date(payment.at),
            payment.person.clone(),
            payment.period.to_string(),
            write.locale.amount(payment.amount),
            payment.operator.clone(),
            format!("{} / {}", payment.terminal, payment.sequence),
        ];
        Row { cells, under: format!("{why} → {next}"), tone: RowTone::Calm }
    });
    Table {
        title: match failed.everywhere {
            false => write.pick(["发放失败 · 本终端", "Failed payments · this terminal"]),
            true => write.pick(["发放失败 · 本机构全部终端", "Failed payments · all terminals"]),
        },
        hint: write.pick([
            "已付现而中心没有记账的养老金。不要再付一次；按每行下面的办法处理。",
            "Pensions that were handed out and that the center did not book. Do not pay again; do what stands below each row.",
        ]),
        source: match (payments.len(), failed.next.is_some()) {
            (0, _) => String::new(),
            (count, false) => write.pick(["共 {} 笔", "{} in all"]).replace("{}", &count.to_string()),
            (count, true) => write
                .pick(["已列 {} 笔，按 F3 看更早的", "{} so far; F3 for earlier ones"])
                .replace("{}", &count.to_string()),
        },
        empty: match &failed.payments {
            None => write.pick(["按 F9 向中心查询", "Press F9 to ask the center"]),
            Some(_) => write.pick(["✓ 没有发放失败的养老金", "✓ No failed payments"]),
        },
        columns: vec![
            column("日期", "Day", 130),
            column("领取人", "Person", 190),
            column("月份", "Month", 80),
            amounts("金额", "Amount", 110),
            column("经办", "Operator", 0),
            column("终端 / 序号", "Terminal / number", 200),
        ],
        rows: rows.collect(),
        tall: true,
        marks: true,
        ..Table::default()
    }
}

/// Months of a due: one, or the first and the last.
fn months(due: &Due) -> String {
    let mut last = due.period;
    (1..due.months).for_each(|_| last = last.next());
    if due.months > 1 { format!("{} – {last}", due.period) } else { due.period.to_string() }
}

/// Whose money it is.
fn fund(due: &Due, write: Write) -> String {
    write.core(|language| words::fund_name(due.kind.fund(), language).to_owned())
}

fn due_cells(due: &Due, mark: String, write: Write) -> Vec<String> {
    vec![
        mark,
        write.core(|language| words::contribution_name(due.kind, language).to_owned()),
        months(due),
        due.months.to_string(),
        write.locale.amount(due.amount),
        due.until.to_string(),
    ]
}

fn dues(state: &State, write: Write) -> Table {
    let dues = &state.dues;
    let columns = vec![
        column("缴", "Pay", 110),
        column("险种", "Insurance", 0),
        column("月份", "Months", 190),
        Column { right: true, ..column("月数", "Count", 60) },
        amounts("金额（元）", "Amount, yuan", 130),
        column("截止", "Until", 120),
    ];
    let table = Table {
        title: write.pick(["缴费", "Contributions due"]),
        columns,
        of_holder: true,
        ..Table::default()
    };
    if let Some(paid) = &dues.paid {
        let booking = match &paid.booking {
            Booking::Booked { receipt } => {
                write.pick(["✓ 中心已记账，回执 ", "✓ booked by the center, receipt "]) + receipt
            }
            Booking::Refused { reason } => {
                write.pick(["× 中心未记账：", "× not booked: "])
                    + &write.core(|language| words::refusal(*reason, language).to_string())
            }
            Booking::Conflict => {
                write.pick(["× 与中心记录冲突，请报告主管", "× conflict with the center: tell a supervisor"])
            }
            Booking::Pending { .. } => write.pick([
                "● 已入账，等待中心记账，无需再缴",
                "● in the books, the center will book it: nothing more to do",
            ]),
        };
        let paid_by = write.core(|language| words::paid_by_words(&paid.paid_by, language));
        let mark = write.pick(["✓ 已缴", "✓ paid"]);
        return Table {
            hint: format!("{booking}  ·  {paid_by}"),
            source: write.pick(["序号 ", "number "]) + &paid.sequence.to_string(),
            rows: paid
                .dues
                .iter()
                .map(|due| Row { cells: due_cells(due, mark.clone(), write), ..Row::default() })
                .collect(),
            total: Some((
                write.pick(["✓ 已入账，请收款", "✓ Booked: the money is yours to keep"]),
                write.locale.amount(paid.amount),
                true,
            )),
            ..table
        };
    }
    let Some(shown) = &dues.shown else {
        let empty = match state.serve.card.is_some() {
            true => write.pick([
                "按 F9 向中心查询这位持卡人的应缴款",
                "Press F9 to ask the center what this holder owes",
            ]),
            false => write.pick(["请持卡人插卡；然后按 F9", "Have the holder put the card in; then F9"]),
        };
        return Table { empty, ..table };
    };
    let rows = shown.content.dues.iter().zip(&dues.chosen).map(|(due, chosen)| {
        let (mark, tone) = match (*chosen, shown.content.open(due), due.payable()) {
            (true, _, _) => ("● ".to_owned() + &write.pick(["缴", "pay"]), RowTone::Calm),
            (false, true, _) => ("–".to_owned(), RowTone::Calm),
            (false, false, true) => (write.pick(["! 正在缴", "! being paid"]), RowTone::NotNow),
            (false, false, false) => (write.pick(["单位缴", "unit pays"]), RowTone::NotNow),
        };
        Row { cells: due_cells(due, mark, write), under: fund(due, write), tone }
    });
    let count = dues.to_pay().len();
    let name = write
        .pick(["应收合计（元），已选 {} 项", "To collect, yuan; {} chosen"])
        .replace("{}", &count.to_string());
    Table {
        hint: write.pick([
            "上下键移动，回车或空格选中或取消，F5 全选，F9 收款。",
            "Up and Down move, Enter or Space chooses, F5 takes all, F9 collects.",
        ]),
        source: write.core(|language| words::shown_from(&shown.from, language)),
        empty: write.pick(["✓ 没有应缴款", "✓ Nothing is due"]),
        rows: rows.collect(),
        marks: true,
        tall: true,
        total: (!shown.content.dues.is_empty()).then(|| (name, write.locale.amount(dues.sum()), false)),
        ..table
    }
}

fn taken(state: &State, write: Write) -> Table {
    let row = |taken: &DuesTaken| {
        let (standing, tone) = match (taken.taken_back_by, taken.state) {
            (Some(_), _) => (write.pick(["已退回", "given back"]), RowTone::NotNow),
            (_, Record::Booked) => (write.pick(["✓ 中心已记账", "✓ booked"]), RowTone::Calm),
            (_, Record::Refused) => (write.pick(["× 中心拒绝", "× refused"]), RowTone::Warn),
            (_, Record::Conflict) => (write.pick(["× 与中心冲突", "× conflict"]), RowTone::Warn),
            _ => (write.pick(["● 待上传", "● waits"]), RowTone::Care),
        };
        let kinds: Vec<String> = taken
            .dues
            .iter()
            .map(|due| {
                write.core(|language| words::contribution_name(due.kind, language).to_owned())
                    + " "
                    + &months(due)
            })
            .collect();
        let cells = vec![
            write.locale.time(taken.at),
            taken.name.to_string(),
            kinds.join(write.locale_comma()),
            write.core(|language| words::paid_by_words(&taken.paid_by, language)),
            write.locale.amount(taken.amount),
            standing,
        ];
        Row { cells, tone, ..Row::default() }
    };
    let kept: Fen =
        state.taken.iter().filter(|taken| taken.taken_back_by.is_none()).map(|taken| taken.amount).sum();
    Table {
        title: write.pick(["收缴记录", "Contributions taken"]),
        hint: write.pick([
            "本终端收的缴费，最近的在前。当天的可由主管按 F4 退回；F6 补打凭证。",
            "What this terminal has taken, the latest first. On the same day a supervisor gives it back with F4; F6 prints again.",
        ]),
        source: write.pick(["合计（不含退回） ", "Sum without what was given back "]) + &write.locale.amount(kept),
        empty: write.pick(["还没有收过缴费", "Nothing was taken yet"]),
        columns: vec![
            column("时间", "Time", 90),
            column("缴费人", "Person", 100),
            column("缴的是", "What for", 0),
            column("方式", "Paid by", 200),
            amounts("金额", "Amount", 110),
            column("状态", "Standing", 140),
        ],
        rows: state.taken.iter().map(row).collect(),
        marks: true,
        ..Table::default()
    }
}

fn seeking(state: &State, write: Write) -> Table {
    let facts = |rows: Vec<([&'static str; 2], String)>| {
        rows.into_iter()
            .map(|(name, value)| Row { cells: vec![write.pick(name), value], ..Row::default() })
            .collect()
    };
    let table = Table {
        title: write.pick(["求职登记", "Register of job seekers"]),
        columns: vec![column("项目", "Item", 200), Column { strong: true, ..column("内容", "Content", 0) }],
        of_holder: true,
        ..Table::default()
    };
    let Some(answer) = &state.seeking else {
        let empty = match state.serve.card.is_some() {
            true => write.pick(["按 F9 查询这位持卡人的登记", "Press F9 to see how this holder stands"]),
            false => write.pick(["请持卡人插卡；然后按 F9", "Have the holder put the card in; then F9"]),
        };
        return Table { empty, ..table };
    };
    let Some(seeker) = &answer.seeker else {
        let empty = write.pick(["没有有效的登记。按 F9 登记", "Not registered. Press F9 to register"]);
        return Table { empty, ..table };
    };
    let seek = &seeker.seek;
    let wage = match seek.wage_min {
        Fen::ZERO => write.pick(["不限", "any"]),
        wage => write.locale.money(wage),
    };
    let by = seeker.taken_by.as_ref().map_or_else(
        || write.pick(["本人在自助终端", "by the person, at a kiosk"]),
        |by| format!("{} · {}", by.operator, by.terminal),
    );
    let rows = facts(vec![
        (["求职意向", "Work wanted"], seek.wish.clone()),
        (["期望月薪", "Least wage a month"], wage),
        (["联系电话", "Telephone"], seek.phone.clone()),
        (["登记日期", "Registered on"], write.locale.date(seeker.at)),
        (["有效期至", "Holds until"], seeker.until.to_string()),
        (["经办", "Taken by"], by),
    ]);
    Table {
        hint: write.pick(["✓ 已登记。F9 更改，F4 注销。", "✓ Registered. F9 changes it, F4 takes it out."]),
        rows,
        ..table
    }
}

//! Texts for the books, the cache, the keys and the operators.

use super::{Words, say};
use crate::{
    cache::CacheError,
    keys::KeysError,
    language::Language,
    ledger::{HaltReason, LedgerError, Numbered, VisitState},
    reconcile::ReconcileError,
    roles::{Action, SignInError},
    store::StoreError,
};

impl StoreError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Damaged { .. } => say(
                l,
                ("数据文件已损坏，或密钥不符。", "业务已停止。请联系设备维护人员，不要删除任何文件。"),
                (
                    "A data file is damaged, or its key differs.",
                    "Business is stopped. Call the installer and delete nothing.",
                ),
            ),
            Self::Full => say(
                l,
                ("磁盘已满。", "请联系设备维护人员清理磁盘。"),
                ("The disk is full.", "Call the installer to make room."),
            ),
            Self::Busy => say(
                l,
                ("数据文件正被占用。", "请稍候再试。"),
                ("A data file is in use.", "Try again in a moment."),
            ),
            Self::NewerLayout { .. } => say(
                l,
                ("数据文件由更新版本的程序写成。", "请联系设备维护人员升级程序。"),
                ("A data file was written by a newer program.", "Call the installer to update this one."),
            ),
            Self::OtherFile { .. } => say(
                l,
                ("数据文件不是本程序的。", "请联系设备维护人员核对文件位置。"),
                ("A data file is of another kind.", "Call the installer to check the paths."),
            ),
            Self::Io { code } => say(
                l,
                (format!("磁盘读写失败（代码 {code}）。"), "请联系设备维护人员检查磁盘。"),
                (format!("The disk failed (code {code})."), "Call the installer to check the disk."),
            ),
            Self::Copy { .. } => say(
                l,
                ("升级前的备份没有做成，数据未改动。", "请联系设备维护人员检查磁盘空间。"),
                (
                    "The copy before the migration failed; nothing was changed.",
                    "Call the installer to make room.",
                ),
            ),
            Self::Refused { .. } => say(
                l,
                ("程序试图写入不允许的数据，已拒绝。", "这是程序错误，请联系设备维护人员。"),
                (
                    "The program tried a forbidden change; it was refused.",
                    "This is a fault of the program: call the installer.",
                ),
            ),
        }
    }
}

impl HaltReason {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let next = language.pick(
            "业务已停止，记录仍可上传和导出。请联系设备维护人员与中心核对后恢复。",
            "Business is stopped; records can still be sent and exported. The installer has to compare with the center and resume.",
        );
        let what = match self {
            Self::RolledBack { ledger, before } => match language {
                Language::Chinese => {
                    format!("账本被换成了旧的：现在到第 {ledger} 笔，原来到第 {before} 笔。")
                }
                Language::English => format!(
                    "An old copy of the books was put back: they end at {ledger} and ended at {before} before."
                ),
            },
            Self::ChainDiffers { sequence } => match language {
                Language::Chinese => format!("第 {sequence} 笔与中心（或本机留底）的不一致。"),
                Language::English => format!("Record {sequence} differs from the one known before."),
            },
            Self::ChainBroken { sequence } => match language {
                Language::Chinese => format!("账本在第 {sequence} 笔处被改动或损坏。"),
                Language::English => format!("The books are changed or damaged at record {sequence}."),
            },
            Self::CenterBehind { center, kept_from } => match language {
                Language::Chinese => {
                    format!("中心只到第 {center} 笔，本机只保留从第 {kept_from} 笔起的记录。")
                }
                Language::English => {
                    format!("The center ends at record {center}; here they are kept from {kept_from} on.")
                }
            },
        };
        Words { what, next: next.into() }
    }
}

impl LedgerError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        let fault = |chinese: &str, english: &str| {
            say(
                l,
                (chinese.to_owned(), "这是程序错误，请联系设备维护人员。"),
                (english.to_owned(), "This is a fault of the program: call the installer."),
            )
        };
        match self {
            Self::Store(error) => error.words(l),
            Self::Halted(reason) => reason.words(l),
            Self::CycleOver { .. } => say(
                l,
                ("业务周期已满 24 小时，或已结束。", "请先对账，再重新签到。"),
                ("The working cycle is over.", "Reconcile, then sign in again."),
            ),
            Self::NotReconciled { cycle, online: true } => say(
                l,
                (
                    format!("业务周期 {cycle} 已结束，断网期间未能对账；网络已恢复。"),
                    "请先对账，再办理新业务。",
                ),
                (
                    format!("Cycle {cycle} is over and could not be reconciled offline; the line is back."),
                    "Reconcile first, then go on.",
                ),
            ),
            Self::NotReconciled { cycle, online: false } => say(
                l,
                (
                    format!("业务周期 {cycle} 未对账，断网时间已超过允许的时限，暂停新业务。"),
                    "请恢复网络，对账后重新签到。",
                ),
                (
                    format!("Cycle {cycle} is not reconciled, and the line has been down for too long."),
                    "Restore the line, reconcile, then sign in again.",
                ),
            ),
            Self::QueueFull { waiting, queue_max } => say(
                l,
                (
                    format!("待上传记录 {waiting} 笔，达到上限 {queue_max} 笔，暂停新业务。"),
                    "请检查网络，上传后自动恢复。",
                ),
                (
                    format!("{waiting} records wait for upload, at most {queue_max} may: no new business."),
                    "Check the network; business goes on once they are sent.",
                ),
            ),
            Self::SpaceLow => say(
                l,
                ("本机存储空间不足，暂停新业务。", "请联系设备维护人员清理磁盘；已开始的业务可以完成。"),
                (
                    "Space is short: no new business.",
                    "Call the installer to make room; what was begun can be finished.",
                ),
            ),
            Self::Unresolved { .. } | Self::OutcomeUnknown { .. } => say(
                l,
                ("这张卡上一笔交易的结果待核实。", "请先核实上一笔交易。"),
                ("The outcome of this card's last transaction is not known yet.", "Resolve that one first."),
            ),
            Self::IdTaken { .. } => fault("交易编号重复。", "A transaction name was given twice."),
            Self::TransactionUnknown { .. } => say(
                l,
                ("本机没有这笔交易。", "请核对交易编号。"),
                ("This terminal has no such transaction.", "Check its name."),
            ),
            Self::WrongState { .. } => say(
                l,
                ("这笔交易已有结果。", "请查看交易状态。"),
                ("The transaction has its outcome already.", "Look at its state."),
            ),
            Self::PurposeDiffers { .. } => {
                fault("交易结果与种类不符。", "An outcome is of another kind than its intention.")
            }
            Self::BodyTooLarge { .. } => fault("记录过大。", "A record is too large."),
            Self::NothingToCancel { .. } => say(
                l,
                ("没有可撤销的结算：不是本机结算的，或已撤销。", "请核对交易编号。"),
                ("There is nothing to cancel: not settled here, or cancelled already.", "Check its name."),
            ),
            Self::NothingToLoad { .. } => say(
                l,
                ("没有待退回卡内的金额。", "请核对撤销记录。"),
                ("Nothing is owed to this card.", "Check the cancellation."),
            ),
            Self::PeriodPaid { period } => say(
                l,
                (format!("本终端已发放过 {period} 的养老金。"), "不得重复发放；请查询发放记录。"),
                (
                    format!("The pension of {period} was paid out at this terminal."),
                    "Do not pay it again; look at the records.",
                ),
            ),
            Self::VisitUnknown => say(
                l,
                ("没有这个就诊登记。", "请核对就诊号，或先登记。"),
                ("There is no such visit.", "Check its number, or register it."),
            ),
            Self::VisitExists => say(
                l,
                ("就诊号已被另一就诊使用。", "请换一个就诊号。"),
                ("Another visit has this number.", "Use another number."),
            ),
            Self::VisitNotOpen { state } => say(
                l,
                (
                    format!("就诊{}，不能再改动。", visit_state(*state, Language::Chinese)),
                    "需要更正时请先撤销结算。",
                ),
                (
                    format!("The visit is {}.", visit_state(*state, Language::English)),
                    "To correct it, cancel the settlement first.",
                ),
            ),
            Self::LineDiffers { serial } => say(
                l,
                (format!("费用明细流水号 {serial} 已存在且内容不同。"), "请删除该批次后重新上传。"),
                (format!("Fee line {serial} exists and differs."), "Delete its batch and send it again."),
            ),
            Self::LinesTooMany { lines_max } => say(
                l,
                (format!("一次就诊最多 {lines_max} 条明细。"), "请分开结算。"),
                (format!("A visit has at most {lines_max} lines."), "Settle in parts."),
            ),
            Self::NumberWrong { what } => {
                let (chinese, english) = match what {
                    Numbered::Visit => ("就诊号", "The visit number"),
                    Numbered::Line => ("费用明细流水号", "The serial of a fee line"),
                    Numbered::Batch => ("收费批次号", "The batch of a fee line"),
                    Numbered::Operator => ("操作员号", "The operator's number"),
                };
                say(
                    l,
                    (format!("{chinese}不符合要求。"), "请使用 1 到 64 个可见的英文字母、数字或符号。"),
                    (format!("{english} cannot be used."), "Use 1 to 64 visible ASCII characters."),
                )
            }
            Self::LineTooLarge { serial: Some(serial), bytes, bytes_max } => say(
                l,
                (
                    format!("费用明细 {serial} 过大（{bytes} 字节，上限 {bytes_max}）。"),
                    "请核对医院系统的明细内容。",
                ),
                (
                    format!("Fee line {serial} is too large ({bytes} bytes, at most {bytes_max})."),
                    "Check the line in the hospital's system.",
                ),
            ),
            Self::LineTooLarge { serial: None, bytes, bytes_max } => say(
                l,
                (format!("一次上传的明细过大（{bytes} 字节，上限 {bytes_max}）。"), "请分批上传。"),
                (
                    format!("The lines are too large together ({bytes} bytes, at most {bytes_max})."),
                    "Send them in several calls.",
                ),
            ),
            Self::NotSigned => say(
                l,
                ("回执没有中心的有效签名，未采用。", "请联系设备维护人员核对中心公钥。"),
                (
                    "The receipt is not signed by our center and was not taken.",
                    "Call the installer to check the center's key.",
                ),
            ),
            Self::ReceiptDiffers => say(
                l,
                ("回执与所发记录不符，未采用。", "终端会再次上传；仍不行请联系设备维护人员。"),
                (
                    "The receipt does not answer what was sent.",
                    "It is sent again; if it stays, call the installer.",
                ),
            ),
            Self::ChainBroken { at, .. } => HaltReason::ChainBroken { sequence: *at }.words(l),
        }
    }
}

fn visit_state(state: VisitState, language: Language) -> &'static str {
    match state {
        VisitState::Open => language.pick("未结算", "open"),
        VisitState::Settling => language.pick("正在结算", "being settled"),
        VisitState::Settled => language.pick("已结算", "settled"),
        VisitState::Cancelled => language.pick("已取消登记", "cancelled"),
    }
}

impl CacheError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Damaged { .. } => say(
                l,
                ("本机参保数据已损坏，已停用。", "终端会隔离旧文件并重新下载；期间只能联机办理。"),
                (
                    "The eligibility data here are damaged.",
                    "They are put aside and fetched again; until then the line is needed.",
                ),
            ),
            Self::OtherCity => say(
                l,
                ("参保数据属于另一城市。", "请联系设备维护人员核对终端设置。"),
                ("The eligibility data are of another city.", "Call the installer to check the settings."),
            ),
            Self::NotSigned => say(
                l,
                ("中心下发的数据签名无效，未采用。", "请联系设备维护人员核对中心公钥。"),
                (
                    "The center's data are not signed and were not taken.",
                    "Call the installer to check the center's key.",
                ),
            ),
            Self::Content => say(
                l,
                ("中心下发的数据本机无法识别。", "请联系设备维护人员升级程序。"),
                ("This program cannot read the center's data.", "Call the installer to update it."),
            ),
            Self::OutOfOrder { .. } | Self::Outdated => say(
                l,
                ("收到的数据不衔接，未采用。", "终端会自动重新获取。"),
                ("The data do not continue those here.", "They are fetched again by themselves."),
            ),
            Self::Store(error) => error.words(l),
        }
    }
}

impl KeysError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        let what = match self {
            Self::Version => l.pick("密钥文件版本不符。", "The keys are of no known version."),
            Self::Sealed => {
                l.pick("密钥文件不是本机的，或被改动。", "The keys are of another machine, or were changed.")
            }
            Self::Content => l.pick("密钥文件内容不完整。", "The sealed file holds no keys."),
        };
        let next =
            l.pick("请联系设备维护人员重新注册终端。", "Call the installer to enrol the terminal again.");
        Words { what: what.into(), next: next.into() }
    }
}

impl SignInError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Wrong { tries_left: Some(tries) } => say(
                l,
                (format!("操作员号或口令错误，还可以尝试 {tries} 次。"), "请重新输入。"),
                (format!("Wrong number or secret, {tries} tries left."), "Type them again."),
            ),
            Self::Wrong { tries_left: None } => say(
                l,
                ("操作员号或口令错误。", "请重新输入。"),
                ("Wrong number or secret.", "Type them again."),
            ),
            Self::Locked { until } => say(
                l,
                (format!("口令错误次数过多，锁定到 {until}。"), "请稍后再试，或请主管重置口令。"),
                (
                    format!("Too many wrong secrets: locked until {until}."),
                    "Try later, or ask the supervisor for a new one.",
                ),
            ),
            Self::SecretLength => say(
                l,
                ("口令长度不符合要求。", "请输入 6 到 128 个字符。"),
                ("The secret has the wrong length.", "Use 6 to 128 characters."),
            ),
            Self::LastSupervisor => say(
                l,
                ("不能停用最后一名主管。", "请先增加另一名主管。"),
                ("The last supervisor cannot be taken out.", "Add another one first."),
            ),
            Self::ShiftOver => say(
                l,
                ("签到已超过 24 小时，已失效。", "请重新签到。"),
                ("You signed in more than 24 hours ago.", "Sign in again."),
            ),
            Self::SecretToChange => say(
                l,
                ("首次口令须由本人修改后才能办理。", "请先修改口令（jinbao operator change-secret 工号）。"),
                (
                    "Your first secret has to be changed before you can work.",
                    "Change it (jinbao operator change-secret NUMBER).",
                ),
            ),
            Self::NotPermitted { action } => say(
                l,
                (
                    format!("您的角色不能{}。", action_name(*action, Language::Chinese)),
                    "请由有权限的人员办理。",
                ),
                (
                    format!("Your role may not {}.", action_name(*action, Language::English)),
                    "Ask someone who may.",
                ),
            ),
            Self::Ledger(error) => error.words(l),
        }
    }
}

/// What an action is called.
pub fn action_name(action: Action, language: Language) -> &'static str {
    let (chinese, english) = match action {
        Action::AcceptDifference => ("认可对账差异", "accept a difference"),
        Action::CancelContribution => ("撤销缴费", "take a contribution back"),
        Action::CancelSettlement => ("撤销结算", "cancel a settlement"),
        Action::Certify => ("资格认证", "certify a person"),
        Action::ChangeSettings => ("修改设置", "change settings"),
        Action::CollectContribution => ("收缴社会保险费", "take contributions"),
        Action::ConfirmHolder => ("复核持卡人身份", "confirm who a holder is"),
        Action::Enrol => ("注册终端", "enrol the terminal"),
        Action::EnrolFinger => ("采集指纹", "enrol fingers"),
        Action::ExportLedger => ("导出账本", "export the books"),
        Action::Load => ("圈存", "load the account"),
        Action::ManageBoard => ("维护读卡主板", "look after the reader board"),
        Action::ManageOperators => ("管理操作员", "manage operators"),
        Action::PayPension => ("发放养老金", "pay a pension"),
        Action::ReadCard => ("读卡", "read a card"),
        Action::RebuildCache => ("重建参保数据", "rebuild the eligibility data"),
        Action::Reconcile => ("对账", "reconcile"),
        Action::Register => ("登记就诊", "register a visit"),
        Action::Resolve => ("核实未决交易", "resolve a transaction"),
        Action::Resume => ("恢复业务", "resume business"),
        Action::Settle => ("结算", "settle"),
        Action::SupportBundle => ("生成支持包", "make a support bundle"),
        Action::Synchronise => ("同步数据", "synchronise"),
        Action::ViewAudit => ("查看审计", "see the audit"),
        Action::ViewQueue => ("查看队列", "see the queue"),
        Action::VisitHome => ("上门认证", "certify at home"),
        Action::WipeKeys => ("销毁密钥", "destroy the keys"),
        Action::WriteCard => ("写卡", "write a card"),
    };
    language.pick(chinese, english)
}

impl ReconcileError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        match self {
            Self::CycleUnknown => say(
                language,
                ("没有这个业务周期，或尚未对账。", "请核对周期号。"),
                ("There is no such cycle, or it was never compared.", "Check its number."),
            ),
            Self::Purged => say(
                language,
                ("该业务周期早已对账一致，明细已到期清除。", "无需再对账。"),
                ("This cycle agreed long ago and its records are purged.", "There is nothing to compare."),
            ),
            Self::Link(error) => error.words(language),
            Self::Ledger(error) => error.words(language),
        }
    }
}

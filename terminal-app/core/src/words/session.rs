//! Texts for what goes wrong with cards, security modules and PINs.

use card_spec::error::PinError;
use hal::{
    pin_pad::PinPadError,
    slot::{Outcome, SlotError},
};

use super::{Words, say};
use crate::{
    language::Language,
    session::{Chip, SessionError, Step},
};

/// Text of an error between the terminal and its two chips.
pub(super) fn session(error: &SessionError, language: Language) -> Words {
    let l = language;
    match error {
        SessionError::Slot { chip, step, error } => slot(*chip, *step, error, l),
        SessionError::Status { chip: Chip::Card, step, got } => say(
            l,
            (
                format!("卡片在“{}”时返回状态字 {got}，无法继续。", step_name(*step, Language::Chinese)),
                "请取出卡片重新插入再试一次；仍然如此，请到发卡机构检查卡片。",
            ),
            (
                format!("The card answered {got} to \"{}\".", step_name(*step, Language::English)),
                "Take the card out and try once more; if it stays, have the card checked by its issuer.",
            ),
        ),
        SessionError::Status { chip: Chip::Psam, step, got } => say(
            l,
            (
                format!("安全模块（PSAM）在“{}”时返回状态字 {got}。", step_name(*step, Language::Chinese)),
                "请联系设备维护人员检查安全模块。",
            ),
            (
                format!(
                    "The security module (PSAM) answered {got} to \"{}\".",
                    step_name(*step, Language::English)
                ),
                "Call the installer to check the security module.",
            ),
        ),
        SessionError::Data { chip: Chip::Card, step, problem } => say(
            l,
            (
                format!(
                    "卡片在“{}”时返回的数据不正确（{}）。",
                    step_name(*step, Language::Chinese),
                    problem_name(problem, Language::Chinese)
                ),
                "请取出卡片重新插入再试一次；仍然如此，请到发卡机构检查卡片。",
            ),
            (
                format!(
                    "The card's data for \"{}\" cannot be right ({}).",
                    step_name(*step, Language::English),
                    problem_name(problem, Language::English)
                ),
                "Take the card out and try once more; if it stays, have the card checked by its issuer.",
            ),
        ),
        SessionError::Data { chip: Chip::Psam, step, problem } => say(
            l,
            (
                format!(
                    "安全模块（PSAM）在“{}”时返回的数据不正确（{}）。",
                    step_name(*step, Language::Chinese),
                    problem_name(problem, Language::Chinese)
                ),
                "请联系设备维护人员检查安全模块。",
            ),
            (
                format!(
                    "The security module's data for \"{}\" cannot be right ({}).",
                    step_name(*step, Language::English),
                    problem_name(problem, Language::English)
                ),
                "Call the installer to check the security module.",
            ),
        ),
        SessionError::Atr { .. } => say(
            l,
            ("卡片的复位应答无法识别。", "请确认插入的是社会保障卡，擦净芯片后重新插入。"),
            (
                "The card's answer to reset cannot be read.",
                "Make sure that it is a social security card, wipe its contacts and put it in again.",
            ),
        ),
        SessionError::ForeignCard => say(
            l,
            ("这不是社会保障卡。", "请取出，换社会保障卡插入。"),
            ("This is not a social security card.", "Take it out and put the social security card in."),
        ),
        SessionError::HealthCard => say(
            l,
            ("这是居民健康卡，不是社会保障卡。", "请取出，换社会保障卡插入。"),
            (
                "This is a resident health card, not a social security card.",
                "Take it out and put the social security card in.",
            ),
        ),
        SessionError::UnsupportedAlgorithm { id } => say(
            l,
            (
                format!("卡片使用的密码算法（标识 {id:02X}）本终端不支持。"),
                "请到发卡机构换领新卡；本次可自费结算后报销。",
            ),
            (
                format!("The card works with algorithm {id:02X}, which this terminal does not support."),
                "Have the card replaced by its issuer; this visit can be paid in cash and claimed later.",
            ),
        ),
        SessionError::UnknownGeneration { .. } => say(
            l,
            ("卡片的规范版本本终端不认识。", "请联系设备维护人员升级终端程序。"),
            (
                "This terminal does not know the card's specification version.",
                "Call the installer: the terminal needs a newer program.",
            ),
        ),
        SessionError::CardBlocked => say(
            l,
            ("卡片已锁定。", "请持卡人携带身份证到发卡机构办理。"),
            ("The card is blocked.", "The holder has to see the issuer, with an identity card."),
        ),
        SessionError::ApplicationBlocked { for_good: false } => say(
            l,
            ("卡片的应用已锁定。", "请持卡人到发卡机构解锁。"),
            ("The card's application is blocked.", "The holder has to have it unblocked by the issuer."),
        ),
        SessionError::ApplicationBlocked { for_good: true } => say(
            l,
            ("卡片的应用已永久锁定。", "请持卡人到发卡机构换卡。"),
            (
                "The card's application is blocked for good.",
                "The holder has to have the card replaced by the issuer.",
            ),
        ),
        SessionError::Forged => say(
            l,
            ("卡片未通过真伪认证。", "不得结算。请留存卡片并报告主管。"),
            (
                "The card has failed to prove that it is genuine.",
                "Do not settle. Keep the card and report to the supervisor.",
            ),
        ),
        SessionError::CannotVerify => say(
            l,
            (
                "本终端的安全模块（PSAM）无法验证这张卡：发卡地区不是本市，可能没有该地区的密钥。",
                "请把卡还给持卡人。本次可自费结算，回参保地报销。",
            ),
            (
                "This terminal's security module (PSAM) cannot verify the card: it is of another city, whose key may be missing.",
                "Give the card back. This visit can be paid in cash and claimed at home.",
            ),
        ),
        SessionError::OtherCard => say(
            l,
            ("插入的不是刚才的那张卡。", "请插回原来的卡片继续。"),
            ("This is not the card that was here before.", "Put the first card back to go on."),
        ),
        SessionError::NotAuthorised { tries_left: Some(left) } => say(
            l,
            (
                format!("卡片不接受本终端的认证（该密钥还可尝试 {left} 次）。"),
                "请勿重复尝试。请联系设备维护人员核对安全模块（PSAM）的密钥。",
            ),
            (
                format!("The card does not accept this terminal ({left} tries of its key left)."),
                "Do not try again. Call the installer to check the keys of the security module (PSAM).",
            ),
        ),
        SessionError::NotAuthorised { tries_left: None } => say(
            l,
            ("卡片不接受本终端的认证。", "请勿重复尝试。请联系设备维护人员核对安全模块（PSAM）的密钥。"),
            (
                "The card does not accept this terminal.",
                "Do not try again. Call the installer to check the keys of the security module (PSAM).",
            ),
        ),
        SessionError::KeyLocked => say(
            l,
            ("卡片的认证密钥已锁定。", "请持卡人到发卡机构处理。"),
            ("A key of the card is locked.", "The holder has to see the issuer."),
        ),
        SessionError::NoSuchKey => say(
            l,
            ("卡片中没有所需的密钥。", "请持卡人到发卡机构检查卡片。"),
            (
                "The card lacks a key that is needed.",
                "The holder has to have the card checked by the issuer.",
            ),
        ),
        SessionError::NoPsam => say(
            l,
            ("没有找到安全模块（PSAM）。", "请联系设备维护人员安装安全模块。"),
            ("There is no security module (PSAM).", "Call the installer to put the security module in."),
        ),
        SessionError::PsamLacksAlgorithm => say(
            l,
            ("安全模块（PSAM）不支持这张卡的密码算法。", "请联系设备维护人员更换安全模块。"),
            (
                "The security module (PSAM) lacks this card's algorithm.",
                "Call the installer to replace the security module.",
            ),
        ),
        SessionError::PsamLacksReadKey => say(
            l,
            ("安全模块（PSAM）没有第三代社保卡所需的 RKSSSE 密钥。", "请联系设备维护人员更换安全模块。"),
            (
                "The security module (PSAM) has no RKSSSE key, which third-generation cards demand.",
                "Call the installer to replace the security module.",
            ),
        ),
        SessionError::PsamKeyLevel => say(
            l,
            ("安全模块（PSAM）的密钥级别不足，不能认证该城市的卡。", "请联系设备维护人员更换安全模块。"),
            (
                "The security module's key level is too low for cards of this city.",
                "Call the installer to replace the security module.",
            ),
        ),
        SessionError::PsamLacksPurchase => say(
            l,
            ("安全模块（PSAM）不支持账户消费。", "请联系设备维护人员更换安全模块。"),
            (
                "The security module (PSAM) does not support purchases.",
                "Call the installer to replace the security module.",
            ),
        ),
        SessionError::PsamLocked => say(
            l,
            ("安全模块（PSAM）已锁定。", "请联系设备维护人员更换安全模块。"),
            ("The security module (PSAM) is locked.", "Call the installer to replace the security module."),
        ),
        SessionError::OtherPsam => say(
            l,
            ("安全模块（PSAM）不属于本终端。", "请联系设备维护人员装回本终端的安全模块。"),
            (
                "The security module (PSAM) is of another terminal.",
                "Call the installer to put this terminal's own module back.",
            ),
        ),
        SessionError::PurchaseMac => say(
            l,
            ("卡片给出的扣款凭证不正确。", "请勿取卡，终端正在向卡片核实扣款结果。"),
            (
                "The card's proof of the purchase is wrong.",
                "Leave the card in: the terminal is asking it again what happened.",
            ),
        ),
        SessionError::NoMedicalAccount => say(
            l,
            ("卡片没有医疗个人账户。", "可不使用个人账户结算，或请持卡人到发卡机构开通。"),
            (
                "The card has no medical account.",
                "Settle without the account, or have one opened by the issuer.",
            ),
        ),
        SessionError::NotEnoughMoney => say(
            l,
            ("个人账户余额不足。", "请减少账户支付金额，其余用现金支付。"),
            (
                "There is not enough money on the personal account.",
                "Pay less from the account and the rest in cash.",
            ),
        ),
        SessionError::Amount => say(
            l,
            ("金额超出卡片账户能表示的范围（42949672.95 元）。", "请分开结算。"),
            ("The amount does not fit the card's account (42949672.95 yuan).", "Settle in parts."),
        ),
        SessionError::CounterAtEnd => say(
            l,
            ("卡片的交易计数已用完。", "请持卡人到发卡机构换卡。"),
            (
                "The card's transaction counter is at its end.",
                "The holder has to have the card replaced by the issuer.",
            ),
        ),
        SessionError::WrongPin { tries_left } => say(
            l,
            (format!("密码错误，还可以输入 {tries_left} 次。"), "请重新输入密码。"),
            (format!("Wrong PIN. {tries_left} tries left."), "Type the PIN again."),
        ),
        SessionError::PinBlocked => say(
            l,
            ("密码已锁定。", "请持卡人携带身份证到服务窗口办理密码解锁。"),
            (
                "The PIN is blocked.",
                "The holder can have it unblocked at a service counter, with an identity card.",
            ),
        ),
        SessionError::PinUnknown { .. } => say(
            l,
            ("核对密码时卡片失去接触，密码没有核对完。这不是密码错误。", "请重新插卡，然后再输入一次密码。"),
            (
                "Contact with the card was lost while the PIN was checked. This is not a wrong PIN.",
                "Put the card in again, then type the PIN once more.",
            ),
        ),
        SessionError::PinChangeUnknown { .. } => say(
            l,
            (
                "修改密码时卡片失去接触，新密码可能已生效，也可能没有。",
                "请重新插卡，先用新密码核对；不对时再用旧密码。",
            ),
            (
                "Contact with the card was lost while the PIN was changed: the old or the new one is in force.",
                "Put the card in again and try the new PIN first, then the old one.",
            ),
        ),
        SessionError::FingerprintsDamaged => say(
            l,
            ("卡内指纹数据不完整，无法使用。", "请改用密码核验，并到服务窗口重新采集指纹。"),
            (
                "The fingerprints on the card are not whole and cannot be used.",
                "Use the PIN instead, and have the fingers enrolled anew at a service counter.",
            ),
        ),
        SessionError::FingerprintsForeign => say(
            l,
            ("卡内指纹不属于这张卡和持卡人，可能被非法复制。", "请停止办理，收好卡片并报告主管。"),
            (
                "The fingerprints on the card are not of this card and holder; they may have been copied.",
                "Stop here, keep the card and report it to the supervisor.",
            ),
        ),
        SessionError::FingerprintsNotWritten { .. } => say(
            l,
            (
                "写指纹时卡片失去接触，没有写入，卡内原有指纹不变。",
                "请重新插卡，再写一次，提示取卡之前不要动它。",
            ),
            (
                "Contact with the card was lost while fingerprints were written. Nothing has changed on the card.",
                "Put the card in again, write once more and leave it until you are asked to take it.",
            ),
        ),
        SessionError::FingerprintsUnknown { .. } => say(
            l,
            ("写指纹时卡片失去接触，新指纹可能已写入。", "请重新插卡，再写一次；终端会先核对卡内的内容。"),
            (
                "Contact with the card was lost as the fingerprints were written: the old or the new ones are in force.",
                "Put the card in again and write once more; the terminal looks first at what is there.",
            ),
        ),
        SessionError::WrongFinger { tries_left } => say(
            l,
            (format!("指纹与卡内的不符，还可以比对 {tries_left} 次。"), "请确认手指，擦净后放在中央重新按。"),
            (
                format!("This is not the finger on the card. {tries_left} tries left."),
                "Make sure that it is the right finger, wipe it and press again in the middle.",
            ),
        ),
        SessionError::FingerBlocked => say(
            l,
            ("卡片的指纹比对已锁定。", "请改用密码核验；持卡人可携带身份证到服务窗口解锁。"),
            (
                "The card compares no more fingers.",
                "Use the PIN instead; the holder can have it unblocked at a service counter, with an identity card.",
            ),
        ),
        SessionError::FingerUnknown { .. } => say(
            l,
            ("比对指纹时卡片失去接触，没有比对完。这不是指纹不符。", "请重新插卡，再按一次手指。"),
            (
                "Contact with the card was lost while it compared. This is not a wrong finger.",
                "Put the card in again, then press the finger once more.",
            ),
        ),
        SessionError::FingerNotOnCard => say(
            l,
            ("卡内没有这个手指的指纹。", "请换已采集的手指；没有采集过，请改用密码核验。"),
            (
                "The card holds no fingerprint of this finger.",
                "Use a finger that is enrolled; if none is, use the PIN.",
            ),
        ),
        SessionError::NoMatchOnCard => say(
            l,
            ("这张卡不能在卡内比对指纹。", "请由终端比对指纹，或改用密码核验。"),
            (
                "This card cannot compare fingers itself.",
                "Have the terminal compare the finger, or use the PIN.",
            ),
        ),
        SessionError::PinEntry(PinPadError::Cancelled) => say(
            l,
            ("持卡人取消了密码输入。", "需要时请重新开始。"),
            ("The holder cancelled the entry of the PIN.", "Start again when wanted."),
        ),
        SessionError::PinEntry(PinPadError::Timeout) => say(
            l,
            ("没有在规定时间内输入密码。", "请重新输入。"),
            ("No PIN was typed in time.", "Type it again."),
        ),
        SessionError::PinEntry(PinPadError::Length { .. }) => say(
            l,
            ("密码位数不对。", "请输入 4 到 12 位数字。"),
            ("The PIN has the wrong number of digits.", "Type 4 to 12 digits."),
        ),
        SessionError::PinEntry(_) => say(
            l,
            ("密码键盘没有响应。", "请联系设备维护人员。"),
            ("The PIN pad does not work.", "Call the installer."),
        ),
        SessionError::Pin(error) => pin(*error, l),
        SessionError::PinsDiffer => say(
            l,
            ("两次输入的新密码不一致。", "请重新输入新密码。"),
            ("The two new PINs differ.", "Type the new PIN again."),
        ),
        SessionError::PinFirst => say(
            l,
            ("还没有核对密码。", "请先输入密码。"),
            ("No PIN has been verified yet.", "Type the PIN first."),
        ),
        SessionError::CardFirst => say(
            l,
            ("还没有读卡。", "请插入社会保障卡。"),
            ("No card has been read yet.", "Put the social security card in."),
        ),
        SessionError::Command { step, .. } => say(
            l,
            (
                format!("程序无法生成“{}”命令。", step_name(*step, Language::Chinese)),
                "这是程序错误，请联系设备维护人员。",
            ),
            (
                format!("The program cannot build the command \"{}\".", step_name(*step, Language::English)),
                "This is a fault of the program: call the installer.",
            ),
        ),
    }
}

fn slot(chip: Chip, step: Step, error: &SlotError, l: Language) -> Words {
    // Where money may have moved, the first thing to say is that nothing is taken twice.
    if matches!(step, Step::Debit | Step::CreditLoad) && error.outcome() == Outcome::Unknown {
        return say(
            l,
            (
                "卡片在交易时失去接触，结果待核实。金额未重复扣除。",
                "请重新插卡，终端会向卡片核实并完成交易。",
            ),
            (
                "Contact with the card was lost during the transaction; its result is being found out. No amount is taken twice.",
                "Put the card in again: the terminal asks the card and completes the transaction.",
            ),
        );
    }
    match error {
        SlotError::NoReader { .. } => say(
            l,
            ("读卡器没有连接。", "请检查读卡器的连线；仍不行请联系设备维护人员。"),
            (
                "The card reader is not connected.",
                "Check its cable; if that does not help, call the installer.",
            ),
        ),
        SlotError::NoCard => say(
            l,
            ("没有卡片。", "请插入社会保障卡。"),
            ("There is no card.", "Put the social security card in."),
        ),
        SlotError::Removed { .. } => say(
            l,
            ("卡片被取出。", "请重新插卡，并在提示取卡之前不要动它。"),
            ("The card was taken out.", "Put it in again and leave it until you are asked to take it."),
        ),
        SlotError::Mute => say(
            l,
            ("卡片没有应答。", "请确认芯片朝向正确，擦净后重新插入。"),
            ("The card does not answer.", "Check which way the chip faces, wipe it and put it in again."),
        ),
        SlotError::Timeout { .. } => say(
            l,
            ("卡片没有在规定时间内应答。", "请重新插卡再试。"),
            ("The card did not answer in time.", "Put it in again."),
        ),
        SlotError::Busy { holders } if holders.is_empty() => say(
            l,
            ("读卡器正被其他程序占用。", "请关闭其他使用读卡器的程序后再试。"),
            ("Another program holds the card.", "Close other programs that use the reader and try again."),
        ),
        SlotError::Busy { holders } => say(
            l,
            (format!("读卡器正被其他程序占用：{}。", holders.join("、")), "请关闭该程序后再试。"),
            (format!("The card is held by {}.", holders.join(", ")), "Close that program and try again."),
        ),
        SlotError::ResetByOther { .. } => say(
            l,
            ("其他程序复位了卡片。", "请关闭其他使用读卡器的程序，重新插卡。"),
            (
                "Another program has reset the card.",
                "Close other programs that use the reader and put the card in again.",
            ),
        ),
        SlotError::Service { .. } => say(
            l,
            ("读卡服务（pcscd）中断。", "终端正在重新连接，请稍候再插卡；仍不行请联系设备维护人员。"),
            (
                "The smart card service (pcscd) was interrupted.",
                "The terminal reconnects; put the card in again in a moment, or call the installer.",
            ),
        ),
        SlotError::AnswerToReset => say(
            l,
            ("卡片的复位应答无法识别。", "请确认插入的是社会保障卡，擦净芯片后重新插入。"),
            (
                "The card's answer to reset cannot be read.",
                "Make sure that it is a social security card, wipe its contacts and put it in again.",
            ),
        ),
        SlotError::Contact { .. } => say(
            l,
            ("卡片接触不良。", "请擦净芯片，重新插卡，并在提示取卡之前不要动它。"),
            (
                "Contact with the card is bad.",
                "Wipe its contacts, put it in again and leave it until you are asked to take it.",
            ),
        ),
        SlotError::NotPowered => say(
            l,
            ("卡片还没有上电。", "请重新插卡。"),
            ("The card has not been powered on.", "Put it in again."),
        ),
        SlotError::Answer { .. } => say(
            l,
            (
                match chip {
                    Chip::Card => "卡片的应答不完整。",
                    Chip::Psam => "安全模块（PSAM）的应答不完整。",
                },
                "请重新插卡再试。",
            ),
            (
                match chip {
                    Chip::Card => "The card's answer is not whole.",
                    Chip::Psam => "The security module's answer is not whole.",
                },
                "Put the card in again.",
            ),
        ),
        other => say(
            l,
            (format!("读卡器故障（{other}）。"), "请重新插卡再试；仍不行请联系设备维护人员。"),
            (
                format!("The reader failed ({other})."),
                "Put the card in again; if that does not help, call the installer.",
            ),
        ),
    }
}

fn pin(error: PinError, l: Language) -> Words {
    match error {
        PinError::Length { min, max, .. } => say(
            l,
            (format!("密码应为 {min} 到 {max} 位数字。"), "请重新输入。"),
            (format!("A PIN has {min} to {max} digits."), "Type it again."),
        ),
        PinError::NotDigits => {
            say(l, ("密码只能是数字。", "请重新输入。"), ("A PIN has digits only.", "Type it again."))
        }
        PinError::Initial => say(
            l,
            ("不能使用初始密码。", "请先修改密码，再办理结算。"),
            ("An initial PIN may not be used.", "Change the PIN first, then settle."),
        ),
        PinError::Unchanged => say(
            l,
            ("新密码与旧密码相同。", "请输入不同的新密码。"),
            ("The new PIN is the old one.", "Choose another."),
        ),
        _ => say(l, ("密码不能使用。", "请重新输入。"), ("This PIN cannot be used.", "Type another.")),
    }
}

/// Name of a step for people.
pub fn step_name(step: Step, language: Language) -> &'static str {
    let (chinese, english) = match step {
        Step::PowerOn => ("上电复位", "power on"),
        Step::Select => ("选择应用", "select"),
        Step::ReadIssuer => ("读发卡信息", "read the issuer's data"),
        Step::ReadHolder => ("读持卡人信息", "read the holder's data"),
        Step::ReadFile => ("读文件", "read a file"),
        Step::WriteFile => ("写文件", "write a file"),
        Step::ReadFingerprints => ("读指纹文件", "read the fingerprints"),
        Step::WriteFingerprints => ("写指纹文件", "write the fingerprints"),
        Step::VerifyFinger => ("卡内比对指纹", "compare a finger on the card"),
        Step::UnblockFinger => ("解锁指纹比对", "unblock the comparison of fingers"),
        Step::Challenge => ("取随机数", "get a challenge"),
        Step::InternalAuthenticate => ("内部认证", "internal authentication"),
        Step::ExternalAuthenticate => ("外部认证", "external authentication"),
        Step::VerifyPin => ("核对密码", "verify the PIN"),
        Step::ChangePin => ("修改密码", "change the PIN"),
        Step::ResetPin => ("重置密码", "reset the PIN"),
        Step::Balance => ("查询余额", "balance"),
        Step::InitializePurchase => ("消费初始化", "initialise the purchase"),
        Step::Debit => ("账户扣款", "debit"),
        Step::Proof => ("取交易认证", "transaction proof"),
        Step::ReadLog => ("读交易明细", "read the transaction log"),
        Step::InitializeLoad => ("圈存初始化", "initialise the load"),
        Step::CreditLoad => ("账户圈存", "credit"),
        Step::TerminalNumber => ("读终端号", "read the terminal number"),
        Step::DeliverKey => ("密钥分散", "deliver a key"),
        Step::Cipher => ("数据加密", "cipher data"),
        Step::PsamPurchase => ("PSAM 消费初始化", "initialise the purchase on the PSAM"),
        Step::PsamCredit => ("校验交易凭证", "check the card's MAC2"),
    };
    language.pick(chinese, english)
}

/// What is wrong with bytes, for people, without their content.
fn problem_name(problem: &card_spec::Error, language: Language) -> String {
    use card_spec::Error;
    match problem {
        Error::Truncated { .. } => language.pick("数据不完整", "cut short").into(),
        Error::TooLong { .. } => language.pick("数据过长", "too long").into(),
        Error::Malformed { .. } => language.pick("格式不符", "malformed").into(),
        Error::Check { .. } => language.pick("校验不符", "wrong check byte").into(),
        Error::Mac { .. } => language.pick("校验码不符", "wrong MAC").into(),
        Error::Text { .. } => language.pick("文字编码不符", "no GBK text").into(),
        Error::PersonNumber(_) => language.pick("社会保障号码不符合规则", "no person number").into(),
        other => other.to_string(),
    }
}

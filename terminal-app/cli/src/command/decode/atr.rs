//! Answers to reset. Source: ISO/IEC 7816-3 §8, and the social security card's historical bytes.

use card_spec::atr::{Atr, ChipMaker, Convention, HistoricalBytes, InterfaceByte, InterfaceKind};

use super::{Explanation, Parts, Words, not_one, same, words};
use crate::failure::EdgeError;

/// Clock rate conversion factor by the upper half of TA1 (ISO/IEC 7816-3 table 7), 0 reserved.
const FI: [u16; 16] = [372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0];

/// Baud rate adjustment factor by the lower half of TA1 (table 8), 0 reserved.
const DI: [u8; 16] = [0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0];

pub(super) fn explain(mut parts: Parts, bytes: &[u8]) -> Result<Explanation, EdgeError> {
    let atr =
        Atr::parse(bytes).map_err(|_| not_one("完整的复位应答（ATR）", "a whole answer to reset (ATR)"))?;
    let [ts, t0, ..] = *bytes else {
        return Err(not_one("完整的复位应答（ATR）", "a whole answer to reset (ATR)"));
    };
    let convention = match atr.convention() {
        Convention::Direct => words("正向约定", "direct convention"),
        Convention::Inverse => words("反向约定", "inverse convention"),
    };
    parts.push(&[ts], same("TS"), convention);
    parts.push(
        &[t0],
        same("T0"),
        words(
            format!("后随接口字节 {}；历史字节 {} 个", following(t0, 1), t0 & 0x0F),
            format!("interface bytes {} follow; {} historical bytes", following(t0, 1), t0 & 0x0F),
        ),
    );
    for byte in atr.interface_bytes() {
        let letter = match byte.kind {
            InterfaceKind::Ta => "TA",
            InterfaceKind::Tb => "TB",
            InterfaceKind::Tc => "TC",
            InterfaceKind::Td => "TD",
        };
        parts.push(&[byte.value], same(format!("{letter}{}", byte.index)), interface(&atr, byte));
    }
    let social = atr.social_security_bytes();
    match &social {
        Some(history) => historical(&mut parts, history),
        None => parts.push(
            atr.historical_bytes(),
            words("历史字节", "historical bytes"),
            words("不是社会保障卡的格式", "not in the form of a social security card"),
        ),
    }
    if let Some(check) = atr.check_byte() {
        parts.push(&[check], same("TCK"), words("校验字节，正确", "check byte, right"));
    }
    let summary = if social.is_some() {
        words(
            "复位应答：符合社会保障卡的格式（银行卡也可能如此，以选择 SSSE 成功为准；代次不能由 ATR 判断）",
            "Answer to reset in the form of a social security card (bank cards may share it: only SELECT of \
             SSSE proves one; the generation cannot be told from it)",
        )
    } else {
        words("复位应答：不是社会保障卡的格式", "Answer to reset, not of a social security card")
    };
    Ok(parts.finish("atr", summary))
}

fn following(presence: u8, index: usize) -> String {
    let names: Vec<String> = ["TA", "TB", "TC", "TD"]
        .iter()
        .enumerate()
        .filter(|(bit, _)| presence >> (4 + bit) & 1 == 1)
        .map(|(_, letter)| format!("{letter}{index}"))
        .collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}

/// Protocol that interface bytes with an index above 2 belong to: that of the TD before them.
fn protocol_before(atr: &Atr, index: u8) -> Option<u8> {
    atr.interface_byte(InterfaceKind::Td, index.checked_sub(1)?).map(|td| td & 0x0F)
}

fn interface(atr: &Atr, byte: &InterfaceByte) -> Words {
    let value = byte.value;
    let t1 = byte.index > 2 && protocol_before(atr, byte.index) == Some(1);
    match (byte.kind, byte.index) {
        (InterfaceKind::Ta, 1) => {
            let (fi, di) = (FI[usize::from(value >> 4)], DI[usize::from(value & 0x0F)]);
            if fi == 0 || di == 0 {
                return words("时钟与波特率：保留值", "clock and baud rate: reserved value");
            }
            let text = format!("Fi={fi}, Di={di}, {} clk/etu", fi / u16::from(di));
            words(format!("时钟与波特率：{text}"), format!("clock and baud rate: {text}"))
        }
        (InterfaceKind::Tb, 1) if value & 0x1F == 0 => {
            words("不需要编程电压", "no programming voltage needed")
        }
        (InterfaceKind::Tb, 1) => words("编程电压（已废弃）", "programming voltage (deprecated)"),
        (InterfaceKind::Tc, 1) if value == 0xFF => words("额外保护时间：最小", "extra guard time: minimum"),
        (InterfaceKind::Tc, 1) => {
            words(format!("额外保护时间 {value} etu"), format!("extra guard time {value} etu"))
        }
        (InterfaceKind::Ta, 2) => {
            let protocol = value & 0x0F;
            words(format!("专用模式，协议 T={protocol}"), format!("specific mode, protocol T={protocol}"))
        }
        (InterfaceKind::Tb, 2) => words("编程电压（已废弃）", "programming voltage (deprecated)"),
        (InterfaceKind::Tc, 2) => {
            words(format!("T=0 等待时间整数 WI={value}"), format!("waiting time integer of T=0, WI={value}"))
        }
        (InterfaceKind::Td, index) => {
            let (protocol, next) = (value & 0x0F, following(value, usize::from(index) + 1));
            let protocol = match protocol {
                15 => words("全局接口字节", "global interface bytes"),
                protocol => words(format!("协议 T={protocol}"), format!("protocol T={protocol}")),
            };
            words(format!("{}；后随 {next}", protocol.0), format!("{}; {next} follow", protocol.1))
        }
        (InterfaceKind::Ta, _) if t1 => words(
            format!("卡接收块长度 IFSC={value}"),
            format!("size of a block that the card takes, IFSC={value}"),
        ),
        (InterfaceKind::Tb, _) if t1 => {
            let text = format!("BWI={}, CWI={}", value >> 4, value & 0x0F);
            words(format!("T=1 等待时间：{text}"), format!("waiting times of T=1: {text}"))
        }
        (InterfaceKind::Tc, _) if t1 => {
            let code = if value & 1 == 1 { "CRC" } else { "LRC" };
            words(format!("T=1 检错码 {code}"), format!("error detection of T=1: {code}"))
        }
        (InterfaceKind::Ta, _) if protocol_before(atr, byte.index) == Some(15) => {
            words("停时钟与电压等级", "clock stop and supply voltage classes")
        }
        (_, _) => words("其他协议的接口字节", "interface byte of another protocol"),
    }
}

fn historical(parts: &mut Parts, history: &HistoricalBytes) {
    let bytes = history.as_bytes();
    let maker = match history.chip_maker() {
        ChipMaker::Huada => words("华大", "Huada"),
        ChipMaker::Huahong => words("华虹", "Huahong"),
        ChipMaker::Datang => words("大唐", "Datang"),
        ChipMaker::Fudan => words("复旦", "Fudan"),
        ChipMaker::Other(_) => words("公开资料未载", "not named in public"),
    };
    parts.push(&bytes[..2], words("芯片厂商 T1T2", "chip maker T1 T2"), maker);
    parts.push(
        &bytes[2..5],
        words("芯片操作系统标记 T3–T5", "marks of the chip's system T3 to T5"),
        words("由 COS 厂商自定", "set by the maker of the card's system"),
    );
    parts.push(
        &bytes[5..7],
        words("卡片厂商 T6T7", "card maker T6 T7"),
        words(
            "注册号；与其后六字节合为卡级分散因子",
            "registered number; with the six bytes after it the card's diversification factor",
        ),
    );
    let city = match history.city() {
        Some(city) => {
            let province = city.province_names().unwrap_or(("", ""));
            words(format!("城市 {city}（{}）", province.0), format!("city {city} ({})", province.1))
        }
        None => words("发卡前为日期；不是行政区划", "a date before issue; no region code"),
    };
    parts.push(&bytes[7..9], words("卡序列号 T8T9", "card serial T8 T9"), city);
    parts.push(
        &bytes[9..],
        words("卡序列号 TA–TD", "card serial TA to TD"),
        words("本卡编号", "number of this card"),
    );
}

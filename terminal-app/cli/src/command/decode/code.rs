//! What the values of single items mean: code tables and checked numbers.

use card_spec::{
    card_id::CardId,
    card_number::CardNumber,
    date::CardDate,
    file::{Application, FileId},
    generation::Generation,
    person::PersonNumber,
    region::RegionCode,
    text,
};

use super::{Words, same, words};

/// Longest text of an item in UTF-8: 255 bytes of GBK.
const TEXT_UTF8_BYTES_MAX: usize = 384;

/// Ethnic groups by code, from 01. Source: GB/T 3304.
const ETHNIC_GROUPS: [&str; 56] = [
    "汉",
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
];

/// Text of an `an` value.
pub(super) fn text_of(value: &[u8]) -> Words {
    if value.iter().all(|byte| *byte == 0) || value.iter().all(|byte| *byte == 0xFF) {
        return words("空", "empty");
    }
    match text::decode_an::<TEXT_UTF8_BYTES_MAX>(value) {
        Ok(text) => same(text.as_str()),
        Err(_) => words("不是 GBK 文本", "no GBK text"),
    }
}

/// Digits of a `cn` value.
pub(super) fn digits_of(value: &[u8]) -> Words {
    if value.iter().all(|byte| *byte == 0xFF) {
        return words("空", "empty");
    }
    match text::decode_cn::<TEXT_UTF8_BYTES_MAX>(value) {
        Ok(digits) => same(digits.as_str()),
        Err(_) => words("不是 BCD 数字", "no BCD digits"),
    }
}

/// What is known of an item beyond its encoding; `None` when that says all.
pub(super) fn item(application: Application, file: FileId, tag: Option<u8>, value: &[u8]) -> Option<Words> {
    if application != Application::Ssse {
        return None;
    }
    match (file, tag?) {
        (FileId::EF05, 0x02) => Some(class_of_card(value)),
        (FileId::EF05, 0x03) => Some(version(value)),
        (FileId::EF05, 0x05 | 0x06) | (FileId::EF06, 0x0D) => Some(date(value)),
        (FileId::EF05, 0x07) => Some(card_number(value)),
        (FileId::EF06, 0x08) => Some(person_number(value)),
        (FileId::EF06, 0x0A) => Some(sex(value)),
        (FileId::EF06, 0x0B) => Some(ethnic_group(value)),
        (FileId::EF06, 0x0C) | (FileId::EF0D, 0xEB) => Some(region(value)),
        _ => None,
    }
}

/// The four parts of a card identification code with their lengths.
pub(super) fn card_id(value: &[u8]) -> Option<[(usize, Words, Words); 4]> {
    let id = CardId::parse(value).ok()?;
    let mac = if id.is_test() {
        words("测试卡", "that of a test card")
    } else {
        words("由发卡密钥计算", "made with the issuer's key")
    };
    Some([
        (3, words("发卡地区", "issuing city"), region_name(id.city())),
        (5, words("注册标识", "registered identifier"), same("D156000005")),
        (4, words("卡序号", "serial"), same(hex::encode_upper(id.serial()))),
        (4, same("MAC"), mac),
    ])
}

fn class_of_card(value: &[u8]) -> Words {
    match value {
        [b'1'] => words("1 主卡", "1, main card"),
        [b'3'] => words("3 社会保障卡（加载金融功能）", "3, with a bank application"),
        _ => text_of(value),
    }
}

fn version(value: &[u8]) -> Words {
    let text = text_of(value).0;
    match Generation::from_version(value) {
        Ok(Generation::One) => words(format!("{text}，第一代"), format!("{text}, generation 1.0")),
        Ok(Generation::Two) => words(format!("{text}，第二代"), format!("{text}, generation 2.0")),
        Ok(Generation::Three) => words(format!("{text}，第三代"), format!("{text}, generation 3.0")),
        Err(_) => words(format!("{text}，不认识的代次"), format!("{text}, unknown generation")),
    }
}

fn date(value: &[u8]) -> Words {
    match CardDate::parse(value) {
        Ok(CardDate::Day(day)) => same(format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())),
        Ok(CardDate::Year(year)) => {
            words(format!("{year} 年（按文本写入）"), format!("year {year}, written as text"))
        }
        Ok(CardDate::NotIssued) => words("未填", "not filled in"),
        Err(_) => words("不是日期", "no date"),
    }
}

fn card_number(value: &[u8]) -> Words {
    let text = text_of(value).0;
    match CardNumber::parse(value).map(|number| number.check()) {
        Ok(Ok(())) => words(format!("{text}，校验位正确"), format!("{text}, check character right")),
        Ok(Err(_)) => words(format!("{text}，校验位错误"), format!("{text}, check character wrong")),
        Err(_) => words(format!("{text}，不是卡号"), format!("{text}, no card number")),
    }
}

fn person_number(value: &[u8]) -> Words {
    let text = text_of(value).0;
    match PersonNumber::parse(&text) {
        Ok(_) => words(format!("{text}，校验位正确"), format!("{text}, check character right")),
        Err(error) => words(format!("{text}，不是有效号码"), format!("{text}: {error}")),
    }
}

fn sex(value: &[u8]) -> Words {
    match value {
        [b'1'] => words("1 男", "1, male"),
        [b'2'] => words("2 女", "2, female"),
        [b'0'] => words("0 未知", "0, unknown"),
        [b'9'] => words("9 未说明", "9, not stated"),
        _ => words("不在代码表中", "not in the code table"),
    }
}

fn ethnic_group(value: &[u8]) -> Words {
    let code = match value {
        [byte] if byte >> 4 < 10 && byte & 0x0F < 10 => {
            usize::from(byte >> 4) * 10 + usize::from(byte & 0x0F)
        }
        _ => 0,
    };
    match code.checked_sub(1).and_then(|index| ETHNIC_GROUPS.get(index)) {
        Some(name) => words(format!("{code:02} {name}族"), format!("{code:02} ({name})")),
        None => words("不在代码表中", "not in the code table"),
    }
}

fn region(value: &[u8]) -> Words {
    match <[u8; 3]>::try_from(value).map(RegionCode::from_cn) {
        Ok(Ok(region)) => region_name(region),
        _ => digits_of(value),
    }
}

fn region_name(region: RegionCode) -> Words {
    match region.province_names() {
        Some((chinese, english)) => words(format!("{region} {chinese}"), format!("{region}, {english}")),
        None => same(region.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_tables() {
        assert_eq!(ethnic_group(&[0x01]).0, "01 汉族");
        assert_eq!(ethnic_group(&[0x56]).0, "56 基诺族");
        assert_eq!(ethnic_group(&[0x57]).1, "not in the code table");
        assert_eq!(ethnic_group(&[0x0A]).1, "not in the code table");
        assert_eq!(sex(b"1").1, "1, male");
        assert_eq!(date(&[0x20, 0x24, 0x02, 0x29]).1, "2024-02-29");
        assert_eq!(date(b"2012").1, "year 2012, written as text");
        assert_eq!(date(&[0xFF; 4]).1, "not filled in");
    }
}

//! Who the card belongs to: the records of EF06 in the environment.

use heapless::Vec;

use crate::{
    Error,
    date::CardDate,
    name::Name,
    person::{PersonNumber, Sex},
    region::RegionCode,
    tlv,
};

/// Longest value of a record of EF05 or EF06.
pub const VALUE_BYTES_MAX: usize = 30;

/// Holder data (持卡人基本数据).
///
/// From 3.0 readable only after EXTERNAL AUTHENTICATE with RKSSSE. `Debug` hides number and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderData {
    /// Social security number (tag 08), the same as the person number.
    pub number: PersonNumber,
    /// Name (tags 09 and 4E).
    pub name: Name,
    /// Sex (tag 0A); `None` for another code than 1 and 2.
    pub sex: Option<Sex>,
    /// Ethnic group (tag 0B); `None` when unwritten or no code of GB/T 3304.
    pub ethnic_group: Option<EthnicGroup>,
    /// Place of birth (tag 0C); `None` when unwritten or no region code.
    pub birthplace: Option<RegionCode>,
    /// Date of birth (tag 0D).
    pub born: CardDate,
}

impl HolderData {
    /// Tags in the order of the records; 4E from 2.0.
    pub const TAGS: [u8; 7] = [0x08, 0x09, 0x4E, 0x0A, 0x0B, 0x0C, 0x0D];

    /// Reads records one after the other, as they came tag by tag or as the whole file.
    ///
    /// Number and name must be there (`Missing`) and right (`PersonNumber`, `Text`); the rest may be
    /// absent. Records of other tags are ignored.
    pub fn parse(records: &[u8]) -> Result<Self, Error> {
        let find = |tag| tlv::find(records, tag);
        let need = |tag| find(tag).ok_or(Error::Missing { tag });
        let number = crate::text::decode_an::<{ VALUE_BYTES_MAX }>(need(0x08)?)?;
        let born = match find(0x0D) {
            Some(value) => CardDate::parse(value)?,
            None => CardDate::NotIssued,
        };
        Ok(HolderData {
            number: PersonNumber::parse(&number)?,
            name: Name::from_records(need(0x09)?, find(0x4E))?,
            sex: match find(0x0A) {
                Some([b'1']) => Some(Sex::Male),
                Some([b'2']) => Some(Sex::Female),
                _ => None,
            },
            ethnic_group: find(0x0B).and_then(|value| EthnicGroup::from_cn(*value.first()?)),
            birthplace: find(0x0C).and_then(|value| RegionCode::from_cn(value.try_into().ok()?).ok()),
            born,
        })
    }

    /// Value of the record with this tag, of the length that the table of files gives; `None` for a tag
    /// of another file. What is not known is filled with FF.
    pub fn value(&self, tag: u8) -> Option<Vec<u8, VALUE_BYTES_MAX>> {
        let (name, extension) = self.name.to_records();
        let value = match tag {
            0x08 => Vec::from_slice(self.number.as_str().as_bytes()),
            0x09 => Vec::from_slice(&name),
            0x4E => Vec::from_slice(&extension),
            0x0A => Vec::from_slice(match self.sex {
                Some(Sex::Male) => b"1",
                Some(Sex::Female) => b"2",
                None => &[0xFF],
            }),
            0x0B => Vec::from_slice(&[self.ethnic_group.map_or(0xFF, EthnicGroup::to_cn)]),
            0x0C => Vec::from_slice(&self.birthplace.map_or([0xFF; 3], |region| region.to_cn())),
            0x0D => Vec::from_slice(&self.born.to_cn()),
            _ => return None,
        };
        value.ok()
    }
}

/// Ethnic group (民族), 1 to 56. Source: GB/T 3304.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EthnicGroup(u8);

#[rustfmt::skip]
const ETHNIC_GROUPS: [&str; 56] = [
    "汉", "蒙古", "回", "藏", "维吾尔", "苗", "彝", "壮", "布依", "朝鲜", "满", "侗", "瑶", "白", "土家", "哈尼", "哈萨克",
    "傣", "黎", "傈僳", "佤", "畲", "高山", "拉祜", "水", "东乡", "纳西", "景颇", "柯尔克孜", "土", "达斡尔", "仫佬", "羌",
    "布朗", "撒拉", "毛南", "仡佬", "锡伯", "阿昌", "普米", "塔吉克", "怒", "乌孜别克", "俄罗斯", "鄂温克", "德昂", "保安", "裕固",
    "京", "塔塔尔", "独龙", "鄂伦春", "赫哲", "门巴", "珞巴", "基诺",
];

impl EthnicGroup {
    /// `None` outside 1 to 56.
    pub fn new(code: u8) -> Option<Self> {
        (1..=56).contains(&code).then_some(EthnicGroup(code))
    }

    /// From a byte of BCD.
    pub fn from_cn(byte: u8) -> Option<Self> {
        crate::text::number_from_bcd(&[byte]).and_then(|code| Self::new(code as u8))
    }

    /// A byte of BCD.
    pub fn to_cn(self) -> u8 {
        ((self.0 / 10) << 4) | (self.0 % 10)
    }

    /// The code.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Chinese name without 族.
    pub fn chinese(self) -> &'static str {
        ETHNIC_GROUPS[usize::from(self.0 - 1)]
    }
}

//! Administrative division codes (行政区划代码).

use core::{fmt, str};

/// Six digits: province, city, county; `00` where a level is not given.
///
/// Source: GB/T 2260.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode([u8; 6]);

/// Why text is no division code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionCodeError {
    /// Not six digits.
    NotSixDigits,
    /// The first two digits name no province-level division.
    NoProvince,
}

/// Province-level divisions (省级行政区) by their first two digits.
///
/// GB/T 2260, and 66 for the Xinjiang corps, which has insurance funds of its own.
pub const PROVINCES: &[(u8, &str, &str)] = &[
    (11, "北京市", "Beijing"),
    (12, "天津市", "Tianjin"),
    (13, "河北省", "Hebei"),
    (14, "山西省", "Shanxi"),
    (15, "内蒙古自治区", "Inner Mongolia"),
    (21, "辽宁省", "Liaoning"),
    (22, "吉林省", "Jilin"),
    (23, "黑龙江省", "Heilongjiang"),
    (31, "上海市", "Shanghai"),
    (32, "江苏省", "Jiangsu"),
    (33, "浙江省", "Zhejiang"),
    (34, "安徽省", "Anhui"),
    (35, "福建省", "Fujian"),
    (36, "江西省", "Jiangxi"),
    (37, "山东省", "Shandong"),
    (41, "河南省", "Henan"),
    (42, "湖北省", "Hubei"),
    (43, "湖南省", "Hunan"),
    (44, "广东省", "Guangdong"),
    (45, "广西壮族自治区", "Guangxi"),
    (46, "海南省", "Hainan"),
    (50, "重庆市", "Chongqing"),
    (51, "四川省", "Sichuan"),
    (52, "贵州省", "Guizhou"),
    (53, "云南省", "Yunnan"),
    (54, "西藏自治区", "Tibet"),
    (61, "陕西省", "Shaanxi"),
    (62, "甘肃省", "Gansu"),
    (63, "青海省", "Qinghai"),
    (64, "宁夏回族自治区", "Ningxia"),
    (65, "新疆维吾尔自治区", "Xinjiang"),
    (66, "新疆生产建设兵团", "Xinjiang corps"),
    (71, "台湾省", "Taiwan"),
    (81, "香港特别行政区", "Hong Kong"),
    (82, "澳门特别行政区", "Macao"),
];

impl RegionCode {
    /// Parses six digits whose first two name a province-level division.
    pub fn parse(text: &str) -> Result<Self, RegionCodeError> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| RegionCodeError::NotSixDigits)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(RegionCodeError::NotSixDigits);
        }
        let code = RegionCode(digits);
        if code.province_names().is_none() {
            return Err(RegionCodeError::NoProvince);
        }
        Ok(code)
    }

    /// From three bytes of BCD, as the card identification code begins. Errors as for [`Self::parse`].
    pub fn from_cn(bytes: [u8; 3]) -> Result<Self, RegionCodeError> {
        let [a, b, c] = bytes;
        let digits = [a >> 4, a & 15, b >> 4, b & 15, c >> 4, c & 15].map(|nibble| nibble.wrapping_add(b'0'));
        Self::parse(str::from_utf8(&digits).map_err(|_| RegionCodeError::NotSixDigits)?)
    }

    /// Three bytes of BCD.
    pub fn to_cn(&self) -> [u8; 3] {
        let [a, b, c, d, e, f] = self.0.map(|digit| digit - b'0');
        [a << 4 | b, c << 4 | d, e << 4 | f]
    }

    /// Chinese and English name of the province; `None` for a code that came from an old person number
    /// and names none.
    pub fn province_names(&self) -> Option<(&'static str, &'static str)> {
        let number = (self.0[0] - b'0') * 10 + (self.0[1] - b'0');
        PROVINCES.iter().find(|row| row.0 == number).map(|row| (row.1, row.2))
    }

    /// Whether both lie in one city, the reach of one insurance fund.
    pub fn is_same_city(&self, other: &RegionCode) -> bool {
        self.city() == other.city()
    }

    pub(crate) fn from_digits(digits: [u8; 6]) -> Self {
        RegionCode(digits)
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The same code cut to its city: `430121` becomes `430100`.
    pub fn city(&self) -> Self {
        let d = self.0;
        RegionCode([d[0], d[1], d[2], d[3], b'0', b'0'])
    }

    /// The same code cut to its province: `430121` becomes `430000`.
    pub fn province(&self) -> Self {
        RegionCode([self.0[0], self.0[1], b'0', b'0', b'0', b'0'])
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RegionCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSixDigits => "a region code has six digits",
            Self::NoProvince => "the region code names no province",
        })
    }
}

impl core::error::Error for RegionCodeError {}

#[cfg(feature = "serde")]
impl serde::Serialize for RegionCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for RegionCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = RegionCode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a six-digit region code")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RegionCode, E> {
                RegionCode::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

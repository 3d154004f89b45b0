//! Names and identifiers of files.

use core::fmt;

/// Two-byte file identifier, unique within its directory only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

impl FileId {
    /// Master file.
    pub const MF: Self = FileId(0x3F00);
    /// Issuer data (发卡机构基本数据) of the environment; each directory has its own EF05.
    pub const EF05: Self = FileId(0xEF05);
    /// Holder data (持卡人基本数据) of the environment.
    pub const EF06: Self = FileId(0xEF06);
    /// Fingerprints of the environment.
    pub const EF07: Self = FileId(0xEF07);
    /// Photo in the environment, transaction log in DF04.
    pub const EF08: Self = FileId(0xEF08);
    /// Local area of the environment.
    pub const EF0D: Self = FileId(0xEF0D);

    /// As it stands in a command.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// Short file identifier, 1 to 30.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortFileId(u8);

impl ShortFileId {
    /// Highest value (ISO/IEC 7816-4 §7.3.2).
    pub const MAX: u8 = 30;

    /// `None` outside 1 to 30.
    pub const fn new(value: u8) -> Option<Self> {
        if value == 0 || value > Self::MAX { None } else { Some(ShortFileId(value)) }
    }

    /// A fixed one; a value outside 1 to 30 does not compile in a constant.
    pub(crate) const fn from_static(value: u8) -> Self {
        assert!(value > 0 && value <= Self::MAX, "a short file identifier is 1 to 30");
        ShortFileId(value)
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for ShortFileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

/// Name of a directory, 1 to 16 bytes (DF name, AID). `Debug` and `Display` write hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationName {
    bytes: [u8; 16],
    length: u8,
}

impl ApplicationName {
    /// Longest name.
    pub const BYTES_MAX: usize = 16;

    /// `sx1.sh.社会保障`: the social security environment. Selecting it is the only proof of a social
    /// security card.
    pub const SSSE: Self = Self::from_static(b"sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF");
    /// `sx2.sh.社会保障`: a second environment for SSF33, which this stack refuses.
    pub const SSSE_SSF33: Self = Self::from_static(b"sx2.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF");
    /// `1PAY.SYS.DDF01`: the MF of cards with a bank application.
    pub const PAYMENT_ENVIRONMENT: Self = Self::from_static(b"1PAY.SYS.DDF01");
    /// `PKI.社会保障`: certificates, from 3.0.
    pub const PKI: Self = Self::from_static(b"PKI.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF");
    /// `SS.CERT.ADF1`: the certificate application in it.
    pub const CERTIFICATES: Self = Self::from_static(b"SS.CERT.ADF1");
    /// Bank debit application.
    pub const BANK_DEBIT: Self = Self::from_static(&[0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01]);
    /// Bank credit application.
    pub const BANK_CREDIT: Self = Self::from_static(&[0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02]);

    /// `None` when empty or longer than 16 bytes.
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        (!name.is_empty()).then_some(ApplicationName { bytes, length: name.len() as u8 })
    }

    pub(crate) const fn from_static(name: &[u8]) -> Self {
        assert!(!name.is_empty() && name.len() <= Self::BYTES_MAX, "a name has 1 to 16 bytes");
        let mut bytes = [0; 16];
        let mut index = 0;
        while index < name.len() {
            bytes[index] = name[index];
            index += 1;
        }
        ApplicationName { bytes, length: name.len() as u8 }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

//! The table of keys.

use super::{KeyId, KeyName, KeyRole, PsamKey, Usage};
use crate::{file::Application, generation::Generation};

/// Where a row of a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The public record.
    Record,
    /// A choice of ours where the public record is silent.
    OurChoice,
}

/// One key of a card and its root in a PSAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardKey {
    /// Which key.
    pub name: KeyName,
    /// P2 of EXTERNAL AUTHENTICATE or its number on the card; `None` for keys that no command names.
    pub id: Option<KeyId>,
    /// Root in the PSAM; `None` when terminals have none.
    pub psam: Option<PsamKey>,
    /// Levels from the national root to the card: 2 is city and card, 3 begins with the province.
    pub levels: u8,
    /// First generation that has it.
    pub from: Generation,
    /// Where the numbers come from.
    pub origin: Origin,
}

const fn psam(usage: u8, id: u8) -> Option<PsamKey> {
    Some(PsamKey { usage: Usage(usage), id })
}

const fn key(name: KeyName, id: Option<u8>, root: Option<PsamKey>, from: Generation) -> CardKey {
    let levels = match root {
        Some(root) => root.usage.levels(),
        None => 2,
    };
    let id = match id {
        Some(id) => Some(KeyId(id)),
        None => None,
    };
    CardKey { name, id, psam: root, levels, from, origin: Origin::Record }
}

const fn ours(mut row: CardKey) -> CardKey {
    row.origin = Origin::OurChoice;
    row
}

const fn rk(application: Application, number: u8, id: u8, psam_id: u8, from: Generation) -> CardKey {
    key(KeyName::new(application, KeyRole::Rk(number)), Some(id), psam(0x67, psam_id), from)
}

const fn uk(application: Application, number: u8, id: u8, usage: u8, psam_id: u8) -> CardKey {
    key(KeyName::new(application, KeyRole::Uk(number)), Some(id), psam(usage, psam_id), Generation::One)
}

const fn stk(application: Application) -> CardKey {
    ours(key(KeyName::new(application, KeyRole::Stk), None, None, Generation::One))
}

/// Every key, environment first.
///
/// The PSAM numbers of IRK, BK, LK, DLK, DPK and RKSSSE and the numbers on the card of BK and LK are not
/// public; the ones here are ours and marked so.
pub const CARD_KEYS: &[CardKey] = {
    use Application::{Df01, Df02, Df03, Df04, Ssse};
    use Generation::{One, Three, Two};
    &[
        key(KeyName::new(Ssse, KeyRole::Mk), Some(0x00), None, One),
        ours(key(KeyName::IRK, Some(0x00), psam(0x4F, 0x11), One)),
        key(KeyName::UKSSSE, Some(0x04), psam(0x48, 0x12), One),
        key(KeyName::PUK, Some(0x06), psam(0x48, 0x10), One),
        key(KeyName::STK, Some(0x07), psam(0x48, 0x09), One),
        ours(key(KeyName::BK, Some(0x08), psam(0x48, 0x14), One)),
        ours(key(KeyName::RKSSSE, Some(0x0A), psam(0x47, 0x40), Three)),
        key(KeyName::UK_LOCAL, Some(0x0D), psam(0x48, 0x13), One),
        rk(Df01, 1, 0x88, 0x2E, Two),
        uk(Df01, 1, 0x83, 0x48, 0x42),
        uk(Df01, 2, 0x84, 0x48, 0x43),
        uk(Df01, 3, 0x85, 0x47, 0x24),
        uk(Df01, 4, 0x86, 0x47, 0x25),
        uk(Df01, 5, 0x87, 0x48, 0x44),
        uk(Df01, 6, 0x89, 0x47, 0x2F),
        stk(Df01),
        rk(Df02, 1, 0x88, 0x35, Two),
        uk(Df02, 2, 0x84, 0x48, 0x45),
        uk(Df02, 3, 0x85, 0x48, 0x46),
        uk(Df02, 4, 0x86, 0x47, 0x27),
        uk(Df02, 5, 0x87, 0x47, 0x28),
        uk(Df02, 6, 0x89, 0x47, 0x36),
        stk(Df02),
        rk(Df03, 1, 0x84, 0x2B, One),
        rk(Df03, 2, 0x85, 0x2C, One),
        uk(Df03, 1, 0x86, 0x48, 0x47),
        uk(Df03, 2, 0x87, 0x47, 0x29),
        uk(Df03, 3, 0x88, 0x48, 0x48),
        uk(Df03, 4, 0x89, 0x47, 0x37),
        uk(Df03, 5, 0x8A, 0x47, 0x38),
        uk(Df03, 6, 0x8B, 0x47, 0x39),
        uk(Df03, 7, 0x8C, 0x47, 0x3A),
        uk(Df03, 8, 0x8D, 0x47, 0x3B),
        stk(Df03),
        ours(key(KeyName::new(Df03, KeyRole::Lk), Some(0x8E), psam(0x48, 0x15), One)),
        rk(Df04, 1, 0x84, 0x2D, One),
        uk(Df04, 1, 0x85, 0x48, 0x49),
        uk(Df04, 2, 0x86, 0x47, 0x2A),
        stk(Df04),
        ours(key(KeyName::new(Df04, KeyRole::Lk), Some(0x8E), psam(0x48, 0x16), One)),
        ours(key(KeyName::DLK, None, psam(0x49, 0x01), One)),
        ours(key(KeyName::DPK, None, psam(0x42, 0x01), One)),
        ours(key(KeyName::DTK, None, None, One)),
    ]
};

/// The row of a key; `None` when cards have no such key.
pub fn card_key(name: KeyName) -> Option<&'static CardKey> {
    CARD_KEYS.iter().find(|row| row.name == name)
}

/// The key that EXTERNAL AUTHENTICATE names with this number while `current` is selected.
///
/// Numbers below 80 are keys of the environment, the others of the current application.
pub fn card_key_by_id(current: Application, id: KeyId) -> Option<&'static CardKey> {
    let application = if id.is_local() { current } else { Application::Ssse };
    CARD_KEYS.iter().find(|row| {
        row.id == Some(id)
            && row.name.application == application
            && !matches!(row.name.role, KeyRole::Irk | KeyRole::Dlk | KeyRole::Dpk | KeyRole::Dtk)
    })
}

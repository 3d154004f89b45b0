//! Finding an item by the few letters that a clerk types (拼音首字母).

use std::collections::HashMap;

use pinyin::ToPinyin;

use super::Item;

/// What can be typed for an item.
#[derive(Clone, Debug, Default)]
struct Key {
    code: String,
    /// The code as it is compared: capitals.
    folded: String,
    /// First letters of the name's characters, capitals; letters and digits as they stand.
    initials: String,
    name: String,
}

/// The items of a catalog by what can be typed for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder {
    /// By code.
    keys: Vec<Key>,
    barcodes: HashMap<String, usize>,
}

impl Finder {
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut items: Vec<&Item> = items.collect();
        items.sort_unstable_by(|one, other| one.code.cmp(&other.code));
        let barcodes =
            items.iter().enumerate().filter_map(|(at, item)| Some((item.barcode.clone()?, at))).collect();
        let keys = items
            .into_iter()
            .map(|item| Key {
                code: item.code.clone(),
                folded: item.code.to_uppercase(),
                initials: initials(&item.name),
                name: item.name.clone(),
            })
            .collect();
        Finder { keys, barcodes }
    }

    /// Codes of what is meant, the best first.
    pub(super) fn find(&self, words: &str, rows_max: usize) -> Vec<&str> {
        let words = words.trim();
        if words.is_empty() || rows_max == 0 {
            return Vec::new();
        }
        if let Some(key) = self.barcodes.get(words).and_then(|at| self.keys.get(*at)) {
            return vec![&key.code];
        }
        let wanted = words.to_uppercase();
        // One pass; a million items take some milliseconds, and no list is kept but the best rows.
        let mut ranks: [Vec<&Key>; 5] = Default::default();
        for key in &self.keys {
            let rank = if key.folded == wanted {
                0
            } else if key.initials.starts_with(&wanted) {
                1
            } else if key.folded.starts_with(&wanted) {
                2
            } else if key.name.contains(words) {
                3
            } else if key.initials.contains(&wanted) {
                4
            } else {
                continue;
            };
            if let Some(rows) = ranks.get_mut(rank)
                && rows.len() < rows_max
            {
                rows.push(key);
            }
        }
        ranks.into_iter().flatten().take(rows_max).map(|key| key.code.as_str()).collect()
    }
}

/// `阿莫西林胶囊 0.25g` is `AMXLJN0.25G`: each character's most usual reading.
fn initials(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_whitespace())
        .filter_map(|character| match character.to_pinyin() {
            Some(reading) => reading.first_letter().chars().next(),
            None if character.is_ascii() => Some(character),
            None => None,
        })
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ItemClass;

    fn item(code: &str, name: &str, barcode: Option<&str>) -> Item {
        Item {
            code: code.into(),
            name: name.into(),
            class: ItemClass::A,
            selfpay_prop: None,
            price_ceiling: None,
            essential: false,
            barcode: barcode.map(str::to_owned),
        }
    }

    fn finder() -> Finder {
        Finder::of(
            [
                item("XA01", "阿莫西林胶囊 0.25g×24", Some("6901234567892")),
                item("XA02", "阿司匹林肠溶片", None),
                item("001102", "普通门诊诊查费", None),
                item("0011", "复方丹参片", None),
            ]
            .iter(),
        )
    }

    #[test]
    fn initials_are_those_that_clerks_type() {
        assert_eq!(initials("阿莫西林胶囊 0.25g×24"), "AMXLJN0.25G24");
        assert_eq!(initials("血常规（五分类）"), "XCGWFL");
    }

    #[test]
    fn the_best_comes_first() {
        let finder = finder();
        assert_eq!(finder.find("amxl", 9), ["XA01"]);
        // Begins with it before contains it.
        assert_eq!(finder.find("a", 9), ["XA01", "XA02"]);
        assert_eq!(finder.find("0011", 9), ["0011", "001102"]);
        assert_eq!(finder.find("xa", 9), ["XA01", "XA02"]);
        assert_eq!(finder.find("丹参", 9), ["0011"]);
        assert_eq!(finder.find("zcf", 9), ["001102"]);
        assert_eq!(finder.find("6901234567892", 9), ["XA01"]);
        assert_eq!(finder.find("x", 1), ["XA01"]);
        assert!(finder.find(" ", 9).is_empty() && finder.find("QQQ", 9).is_empty());
    }
}

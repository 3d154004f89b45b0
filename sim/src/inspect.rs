//! What is in an image, explained by the table of files: a tree for people and, serialised, for machines.
//!
//! Everything is shown, names and numbers included: images hold invented people only. Keys are not shown.
//! None of these views has a `Debug` form, so that none ends in a log.

use card_spec::{
    file::{Application, Encoding, File, Item, UNNAMED_CHINESE},
    generation::Generation,
    text,
    tlv::Record,
};
use serde::Serialize;

use crate::image::{
    AccountImage, CardImage, DirectoryImage, FileBody, FileImage, Life, PsamImage, WalletImage,
};

/// Most bytes of UTF-8 that a value becomes.
const TEXT_BYTES_MAX: usize = 384;
/// Bytes of a transparent file that are shown.
const SHOWN_BYTES_MAX: usize = 32;

/// A card, explained.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CardView {
    /// What the image says it is.
    pub note: String,
    /// Answer to reset, hex.
    pub atr: String,
    /// Algorithm id: 1 triple DES, 2 SSF33, 3 SM4.
    pub algorithm: u8,
    /// Specification version as the card has it, when it has one.
    pub version: Option<String>,
    /// Whether the card is blocked.
    pub blocked: bool,
    /// Whether an interrupted update waits for the next power-on.
    pub interrupted: bool,
    /// Its directories.
    pub root: DirectoryView,
}

/// A directory, explained.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct DirectoryView {
    /// Name for people.
    pub label: String,
    /// File identifier, hex.
    pub id: String,
    /// Name to select it by, hex.
    pub name: String,
    /// Its life: `active`, `blocked`, `terminated`.
    pub life: Life,
    /// Tries of the PIN: left, of how many.
    pub pin_tries: Option<(u8, u8)>,
    /// Comparisons of fingers on the card that may still fail: left, of how many; 0 is blocked.
    pub finger_tries: Option<(u8, u8)>,
    /// Its keys.
    pub keys: Vec<KeyView>,
    /// Its files.
    pub files: Vec<FileView>,
    /// The medical account.
    pub account: Option<AccountImage>,
    /// The wallets.
    pub wallet: Option<WalletImage>,
    /// Directories below.
    pub directories: Vec<DirectoryView>,
}

/// A key, without its value.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// The specification's name.
    pub name: String,
    /// Identifier, hex.
    pub id: Option<String>,
    /// Versions.
    pub versions: usize,
    /// Tries left.
    pub tries_left: u8,
    /// Tries of how many.
    pub tries_max: u8,
}

/// A file, explained.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// File identifier, hex.
    pub id: String,
    /// Chinese name.
    pub chinese: String,
    /// English name, when the table knows the file.
    pub english: Option<&'static str>,
    /// How it is built.
    pub structure: &'static str,
    /// Who may read.
    pub read: String,
    /// Who may write.
    pub write: String,
    /// Its records; for a transparent file its first bytes as one.
    pub records: Vec<RecordView>,
}

/// A record, explained.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Number, from 1.
    pub number: usize,
    /// All of its bytes, hex.
    pub bytes: String,
    /// What it means.
    pub values: Vec<ValueView>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// One value of a record.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ValueView {
    /// Tag, hex.
    pub tag: Option<String>,
    /// Chinese name, when it has one.
    pub chinese: Option<&'static str>,
    /// English name, when it has one.
    pub english: Option<&'static str>,
    /// The value as text or digits; hex when it is neither.
    pub value: String,
}

/// A PSAM, explained.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PsamView {
    /// What the image says it is.
    pub note: String,
    /// Answer to reset, hex.
    pub atr: String,
    /// Number of the terminal, hex.
    pub terminal_number: String,
    /// Serial number of the last purchase.
    pub terminal_serial: u32,
    /// Index of DPK.
    pub purchase_key_index: u8,
    /// Tries for MAC2 left.
    pub credit_tries_left: u8,
    /// Its root keys: name, usage and identifier, algorithm, version.
    pub keys: Vec<String>,
}

/// Explains a card.
pub fn card(image: &CardImage) -> CardView {
    let version = version(&image.root);
    // A card whose version cannot be read is explained as one of the newest.
    let generation = version
        .as_ref()
        .and_then(|version| Generation::from_version(version.as_bytes()).ok())
        .unwrap_or(Generation::Three);
    CardView {
        note: image.note.clone(),
        atr: hex::encode_upper(&image.atr.0),
        algorithm: image.algorithm.0,
        version,
        blocked: image.blocked,
        interrupted: image.interrupted.is_some(),
        root: directory(&image.root, generation),
    }
}

/// Explains a PSAM.
pub fn psam(image: &PsamImage) -> PsamView {
    PsamView {
        note: image.note.clone(),
        atr: hex::encode_upper(&image.atr.0),
        terminal_number: hex::encode_upper(image.terminal_number.0),
        terminal_serial: image.terminal_serial,
        purchase_key_index: image.purchase_key_index,
        credit_tries_left: image.credit_tries_left,
        keys: image
            .keys
            .iter()
            .map(|key| {
                let (usage, id, algorithm) = (key.usage, key.id, key.algorithm);
                format!("{} {usage:?}/{id:?} algorithm {algorithm:?} version {}", key.name, key.version)
            })
            .collect(),
    }
}

/// The version record of the environment, wherever it lies.
fn version(directory: &DirectoryImage) -> Option<String> {
    let own = (Application::by_name(&directory.name.0) == Some(Application::Ssse))
        .then(|| {
            let file = directory.files.iter().find(|file| file.id.0 == 0xEF05)?;
            let FileBody::Linear(records) = &file.body else { return None };
            let record =
                records.iter().filter_map(|record| Record::parse(&record.0).ok()).find(|r| r.tag == 3)?;
            text::decode_an::<TEXT_BYTES_MAX>(record.value).ok().map(|version| version.as_str().to_owned())
        })
        .flatten();
    own.or_else(|| directory.directories.iter().find_map(version))
}

fn directory(image: &DirectoryImage, generation: Generation) -> DirectoryView {
    let table = Application::by_name(&image.name.0).map(Application::directory);
    DirectoryView {
        label: image.label.clone(),
        id: format!("{:?}", image.id),
        name: hex::encode_upper(&image.name.0),
        life: image.life,
        pin_tries: image.pin.as_ref().map(|pin| (pin.tries_left, pin.tries_max)),
        finger_tries: image.finger.map(|finger| (finger.tries_left, finger.tries_max)),
        keys: image
            .keys
            .iter()
            .map(|key| KeyView {
                name: key.name.clone(),
                id: key.id.map(|id| format!("{id:?}")),
                versions: key.versions.len(),
                tries_left: key.tries_left,
                tries_max: key.tries_max,
            })
            .collect(),
        files: image
            .files
            .iter()
            .map(|file| {
                let row = table.and_then(|table| table.file(card_spec::file::FileId(file.id.0)));
                file_view(file, row, generation)
            })
            .collect(),
        account: image.account.clone(),
        wallet: image.wallet.clone(),
        directories: image.directories.iter().map(|child| directory(child, generation)).collect(),
    }
}

fn file_view(image: &FileImage, row: Option<&'static File>, generation: Generation) -> FileView {
    let (structure, records) = match &image.body {
        FileBody::Linear(records) => {
            let views =
                records.iter().enumerate().map(|(at, record)| tagged(at + 1, &record.0, row, generation));
            ("linear TLV", views.collect())
        }
        FileBody::Fixed(records) | FileBody::Cyclic { records, .. } => {
            let structure = if matches!(image.body, FileBody::Fixed(_)) { "linear fixed" } else { "cyclic" };
            let views = records.iter().enumerate().map(|(at, record)| untagged(at + 1, &record.0, row));
            (structure, views.collect())
        }
        FileBody::Transparent(bytes) => ("transparent", vec![beginning(&bytes.0)]),
        FileBody::Internal => ("internal", Vec::new()),
    };
    FileView {
        id: format!("{:?}", image.id),
        chinese: image.label.clone(),
        english: row.map(|row| row.english),
        structure,
        read: image.read.to_string(),
        write: image.write.to_string(),
        records,
    }
}

fn tagged(number: usize, bytes: &[u8], row: Option<&'static File>, generation: Generation) -> RecordView {
    let mut view = RecordView { number, bytes: hex::encode_upper(bytes), values: Vec::new(), problem: None };
    match Record::parse(bytes) {
        Ok(record) => {
            let item = row.and_then(|row| row.item(generation, record.tag));
            view.values = values(Some(record.tag), record.value, item);
        }
        Err(error) => view.problem = Some(error.to_string()),
    }
    view
}

fn untagged(number: usize, bytes: &[u8], row: Option<&'static File>) -> RecordView {
    let mut values = Vec::new();
    let mut rest = bytes;
    for item in row.map(|row| row.items).unwrap_or_default() {
        let Some((field, after)) = rest.split_at_checked(usize::from(item.bytes)) else { break };
        values.push(value(None, field, Some(item)));
        rest = after;
    }
    RecordView { number, bytes: hex::encode_upper(bytes), values, problem: None }
}

fn beginning(bytes: &[u8]) -> RecordView {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let mut text = hex::encode_upper(shown);
    if shown.len() < bytes.len() {
        text.push('…');
    }
    let value =
        ValueView { tag: None, chinese: None, english: None, value: format!("{} bytes", bytes.len()) };
    RecordView { number: 1, bytes: text, values: vec![value], problem: None }
}

/// The value of a record, or those of its parts when it is made of parts.
fn values(tag: Option<u8>, bytes: &[u8], item: Option<&'static Item>) -> Vec<ValueView> {
    let Some(Encoding::Group(parts)) = item.map(|item| item.encoding) else {
        return vec![value(tag, bytes, item)];
    };
    card_spec::tlv::records(bytes)
        .map_while(Result::ok)
        .map(|record| {
            let part = parts.iter().find(|part| part.tag == Some(record.tag));
            value(Some(record.tag), record.value, part)
        })
        .collect()
}

fn value(tag: Option<u8>, bytes: &[u8], item: Option<&'static Item>) -> ValueView {
    let decoded = match item.map(|item| item.encoding) {
        Some(Encoding::An) => {
            text::decode_an::<TEXT_BYTES_MAX>(bytes).ok().map(|text| text.as_str().to_owned())
        }
        Some(Encoding::Cn) => {
            text::decode_cn::<TEXT_BYTES_MAX>(bytes).ok().map(|text| text.as_str().to_owned())
        }
        _ => None,
    };
    let named = item.filter(|item| item.chinese != UNNAMED_CHINESE);
    ValueView {
        tag: tag.map(|tag| format!("{tag:02X}")),
        chinese: named.map(|item| item.chinese),
        english: named.map(|item| item.english),
        value: decoded.unwrap_or_else(|| hex::encode_upper(bytes)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{
        keys::TestKeys,
        people::Population,
        personalise::{CardOrder, FINGER_TRIES, Flaw, PsamOrder},
    };

    fn find<'a>(view: &'a DirectoryView, id: &str) -> &'a DirectoryView {
        fn go<'a>(view: &'a DirectoryView, id: &str) -> Option<&'a DirectoryView> {
            if view.id == id { Some(view) } else { view.directories.iter().find_map(|child| go(child, id)) }
        }
        go(view, id).unwrap()
    }

    #[test]
    fn a_card_is_explained_by_the_table() {
        let person = Population::new(5, 10).person(3).unwrap();
        for generation in Generation::ALL {
            let order = CardOrder::new(&person, TestKeys::from_seed(1)).generation(generation);
            let view = card(&order.build().unwrap());
            let version = String::from_utf8(generation.version().to_vec()).unwrap();
            assert_eq!(view.version, Some(version));
            let environment = if generation == Generation::One { "3F00" } else { "DDF1" };
            let holder = find(&view.root, environment).files.iter().find(|file| file.id == "EF06").unwrap();
            let shown: Vec<_> = holder.records.iter().map(|record| &record.values[0]).collect();
            assert_eq!(shown[0].english, Some("social security number"));
            assert_eq!(shown[0].value, person.number.as_str());
            assert_eq!(holder.records.len(), if generation == Generation::One { 6 } else { 7 });
            assert!(view.root.keys.iter().all(|key| key.tries_left == 3));
            let medical = find(&view.root, "DF04");
            assert_eq!(medical.files.iter().find(|file| file.id == "EF05").unwrap().read, "PIN+key 84");
            assert!(medical.account.is_some());
            // Every record of every file is whole.
            fn whole(view: &DirectoryView) {
                for file in &view.files {
                    assert!(file.records.iter().all(|record| record.problem.is_none()), "{}", file.id);
                }
                view.directories.iter().for_each(whole);
            }
            whole(&view.root);
        }
    }

    #[test]
    fn the_tries_of_fingers_are_shown_where_a_card_compares() {
        let person = Population::new(5, 10).person(3).unwrap();
        let order = CardOrder::new(&person, TestKeys::from_seed(1));
        let tries = |order: CardOrder<'_>, left: Option<u8>| {
            let mut image = order.build().unwrap();
            for directory in &mut image.root.directories {
                if let (Some(finger), Some(left)) = (&mut directory.finger, left) {
                    finger.tries_left = left;
                }
            }
            find(&card(&image).root, "DDF1").finger_tries
        };
        assert_eq!(tries(order.clone(), None), None);
        assert_eq!(tries(order.clone().match_on_card(), None), Some((FINGER_TRIES, FINGER_TRIES)));
        assert_eq!(tries(order.match_on_card(), Some(0)), Some((0, FINGER_TRIES)));
    }

    #[test]
    fn a_damaged_record_is_named() {
        let person = Population::new(5, 10).person(3).unwrap();
        let order = CardOrder::new(&person, TestKeys::from_seed(1));
        let image = order.flaw(Flaw::TruncatedRecord { tag: 0x08, bytes: 5 }).build().unwrap();
        let view = card(&image);
        let holder = find(&view.root, "DDF1").files.iter().find(|file| file.id == "EF06").unwrap();
        assert!(holder.records[0].problem.as_ref().unwrap().contains("cut short"));
    }

    #[test]
    fn keys_are_not_shown() {
        let person = Population::new(5, 10).person(3).unwrap();
        let keys = TestKeys::from_seed(1);
        let image = CardOrder::new(&person, keys).build().unwrap();
        let text = serde_json::to_string(&card(&image)).unwrap();
        for key in &image.root.directories[0].keys {
            assert!(!text.contains(&hex::encode_upper(&key.versions[0].0)));
        }
        let module = PsamOrder::new([0x43, 0x01, 0, 0, 0, 1], keys).build();
        let text = serde_json::to_string(&psam(&module)).unwrap();
        assert!(text.contains("430100000001") && text.contains("PUK 48/10"));
        assert!(!text.contains(&hex::encode_upper(module.keys[0].key.0)));
    }
}

//! The table of files: what must hold in it, and the document that is written from it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, env, fs, path::Path};

use card_spec::{
    file::{
        Access, Application, Encoding, Item, Structure, TRANSPARENT_BYTES_MAX, directories, write_document,
    },
    generation::Generation,
    key::{CARD_KEYS, KeyId, KeyName, KeyRole, card_key, card_key_by_id},
    tlv::RECORD_VALUE_BYTES_MAX,
};

/// `JINBAO_BLESS=1` writes the document instead of comparing it.
#[test]
fn document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/card-files.md");
    let mut text = String::new();
    write_document(&mut text).unwrap();
    if env::var_os("JINBAO_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/card-files.md is not what the table says; JINBAO_BLESS=1 writes it anew");
}

#[test]
fn names_and_identifiers_of_applications() {
    let names: BTreeSet<_> = Application::ALL.iter().map(|application| application.name()).collect();
    let ids: BTreeSet<_> = Application::ALL.iter().map(|application| application.file_id()).collect();
    assert_eq!((names.len(), ids.len()), (8, 8));
    for application in Application::ALL {
        assert_eq!(Application::by_name(application.name().as_bytes()), Some(application));
        assert_eq!(Application::by_file_id(application.file_id()), Some(application));
        assert_eq!(application.directory().application, application);
    }
    // The two numberings cross.
    assert_eq!(Application::Df07.name().to_string(), "D15600000504");
    assert_eq!(Application::Df05.name().to_string(), "D15600000505");
    assert_eq!(Application::Ssse.name().to_string(), "7378312E73682EC9E7BBE1B1A3D5CF");
}

#[test]
fn files_are_addressable() {
    for directory in directories() {
        let mut ids = BTreeSet::new();
        let mut short_ids = BTreeSet::new();
        for file in directory.files {
            assert_eq!(file.application, directory.application);
            assert!(ids.insert(file.id), "{} {}", directory.english, file.id);
            assert!(directory.file(file.id).is_some_and(|found| found.id == file.id));
            if let Some(short) = file.short_id() {
                assert!(short_ids.insert(short), "{} {short:?}", directory.english);
                assert!(directory.file_by_short_id(short).is_some_and(|found| found.id == file.id));
            }
            assert!(file.from >= directory.from);
        }
    }
}

#[test]
fn items_fit_their_files() {
    for file in directories().flat_map(|directory| directory.files) {
        let fields: usize = file.items.iter().map(|item| usize::from(item.bytes)).sum();
        let by_tag = matches!(file.structure, Structure::LinearTlv);
        assert!(file.items.iter().all(|item| item.tag.is_some() == by_tag), "{}", file.english);
        match file.structure {
            Structure::LinearTlv => {
                for generation in Generation::ALL {
                    let tags: Vec<_> = file.items_of(generation).map(|item| item.tag).collect();
                    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len(), "{}", file.english);
                }
                file.items.iter().for_each(group_fits);
            }
            Structure::LinearFixed { record_bytes, .. } | Structure::Cyclic { record_bytes, .. } => {
                assert_eq!(fields, usize::from(record_bytes), "{}", file.english);
            }
            Structure::Internal { bytes } => assert!(fields <= usize::from(bytes)),
            Structure::Transparent { bytes } => {
                assert_eq!(fields, 0);
                assert!((1..=TRANSPARENT_BYTES_MAX).contains(&bytes));
            }
        }
    }
}

fn group_fits(item: &Item) {
    assert!(usize::from(item.bytes) <= RECORD_VALUE_BYTES_MAX);
    if let Encoding::Group(parts) = item.encoding {
        let bytes: usize = parts.iter().map(|part| usize::from(part.bytes) + 2).sum();
        assert_eq!(bytes, usize::from(item.bytes), "parts of {:02X?}", item.tag);
    }
}

#[test]
fn record_numbers_move_between_generations() {
    let holder = Application::Ssse.directory().file(card_spec::file::FileId::EF06).unwrap();
    // Sex is record 3 on 1.0, which has no name extension, and record 4 later.
    assert_eq!(holder.record_number(Generation::One, 0x0A), Some(3));
    assert_eq!(holder.record_number(Generation::Two, 0x0A), Some(4));
    assert_eq!(holder.record_number(Generation::One, 0x4E), None);
    assert_eq!(holder.record_number(Generation::Three, 0x0D), Some(7));
    let residence = Application::Df01.directory().file(card_spec::file::FileId::EF06).unwrap();
    assert_eq!(residence.record_number(Generation::One, 0x3E), Some(1));
    assert_eq!(residence.record_number(Generation::Two, 0x23), Some(1));
    assert!(residence.item(Generation::Two, 0x3E).is_none());
}

#[test]
fn every_access_key_is_in_the_table_of_keys() {
    for file in directories().flat_map(|directory| directory.files) {
        for generation in Generation::ALL {
            for access in [file.read.of(generation), file.write.of(generation)] {
                let Some(key) = access.key() else { continue };
                let row = card_key(key).unwrap_or_else(|| panic!("{} asks for {key}", file.english));
                assert!(row.from <= generation, "{key} came after {generation:?}");
                let id = row.id.unwrap();
                assert_eq!(id.is_local(), key.application != Application::Ssse);
                assert_eq!(card_key_by_id(file.application, id).map(|row| row.name), Some(key));
            }
        }
    }
}

#[test]
fn keys_are_named_and_numbered_once() {
    let names: BTreeSet<_> = CARD_KEYS.iter().map(|row| row.name.to_string()).collect();
    assert_eq!(names.len(), CARD_KEYS.len());
    let roots: BTreeSet<_> = CARD_KEYS.iter().filter_map(|row| row.psam).collect();
    assert_eq!(roots.len(), CARD_KEYS.iter().filter(|row| row.psam.is_some()).count());
    for name in ["UKSSSE", "RKSSSE", "IRK", "PUK", "STKDF04", "UK1DF04", "RK2DF03", "LKDF03", "DPK"] {
        assert!(names.contains(name), "{name}");
    }
    for row in CARD_KEYS {
        if let Some(root) = row.psam {
            assert_eq!(root.usage.levels(), row.levels, "{}", row.name);
        }
        // Read keys begin with the province, the others with the city.
        let reads = matches!(row.name.role, KeyRole::Rk(_)) && row.name.application != Application::Ssse;
        assert_eq!(row.levels, if reads { 3 } else { 2 }, "{}", row.name);
    }
    // Only keys that give a right answer to EXTERNAL AUTHENTICATE.
    assert_eq!(card_key_by_id(Application::Df04, KeyId(0x00)).map(|row| row.name.role), Some(KeyRole::Mk));
    assert_eq!(card_key_by_id(Application::Df04, KeyId(0x0A)).map(|row| row.name), Some(KeyName::RKSSSE));
    assert!(card_key_by_id(Application::Ssse, KeyId(0x85)).is_none());
}

#[test]
fn rules_are_granted_by_what_they_ask_for() {
    let key = KeyName::UKSSSE;
    let other = KeyName::RKSSSE;
    let cases = [
        (Access::Free, [true, true, true, true]),
        (Access::Never, [false; 4]),
        (Access::Transaction, [false; 4]),
        (Access::Pin, [false, true, false, true]),
        (Access::Key(key), [false, false, true, true]),
        (Access::EitherKey(other, key), [false, false, true, true]),
        (Access::PinAndKey(key), [false, false, false, true]),
        (Access::PinOrKey(key), [false, true, true, true]),
        (Access::Key(other), [false; 4]),
    ];
    for (access, expected) in cases {
        let states = [(false, false), (true, false), (false, true), (true, true)];
        let granted = states.map(|(pin, has)| access.is_granted(pin, |asked| has && asked == key));
        assert_eq!(granted, expected, "{access:?}");
    }
}

#[test]
fn personal_data_close_with_generation_three() {
    let environment = Application::Ssse.directory();
    for id in [0xEF06, 0xEF07, 0xEF08] {
        let file = environment.file(card_spec::file::FileId(id)).unwrap();
        assert_eq!(file.read.of(Generation::Two), Access::Free);
        assert_eq!(file.read.of(Generation::Three), Access::Key(KeyName::RKSSSE));
    }
    let issuer = environment.file(card_spec::file::FileId::EF05).unwrap();
    assert!(Generation::ALL.iter().all(|generation| issuer.read.of(*generation) == Access::Free));
}

//! Files of the environment.

use super::{
    Access, Application, Directory, Encoding, FINGERPRINT_BYTES, File, FileId, Item, Origin, PHOTO_BYTES,
    Rule, Structure,
};
use crate::{generation::Generation, key::KeyName};

const APPLICATION: Application = Application::Ssse;
const UPDATE: Rule = Rule::always(Access::Key(KeyName::UKSSSE));
/// Personal data: free until 3.0, which asks the terminal for its key first.
const PERSONAL: Rule = Rule::from_three(Access::Free, Access::Key(KeyName::RKSSSE));

pub(super) const DIRECTORY: Directory = Directory {
    application: APPLICATION,
    chinese: "社会保障系统环境",
    english: "social security system environment",
    from: Generation::One,
    files: &[
        File {
            application: APPLICATION,
            id: FileId::EF05,
            chinese: "发卡机构基本数据",
            english: "issuer data",
            structure: Structure::LinearTlv,
            items: &[
                Item::new(Some(0x01), 0x10, Encoding::Binary, "卡识别码", "card identification code"),
                Item::an(0x02, 0x01, "卡的类别", "class of card"),
                Item::an(0x03, 0x04, "规范版本", "specification version"),
                Item::new(Some(0x04), 0x0C, Encoding::Binary, "初始化机构编号", "initialising agency"),
                Item::cn(0x05, 0x04, "发卡日期", "date of issue"),
                Item::cn(0x06, 0x04, "卡有效期", "date of expiry"),
                Item::an(0x07, 0x09, "卡号", "card number"),
            ],
            read: Rule::always(Access::Free),
            write: UPDATE,
            from: Generation::One,
            optional: false,
            origin: Origin::Record,
        },
        File {
            application: APPLICATION,
            id: FileId::EF06,
            chinese: "持卡人基本数据",
            english: "holder data",
            structure: Structure::LinearTlv,
            items: &[
                Item::an(0x08, 0x12, "社会保障号码", "social security number"),
                Item::an(0x09, 0x1E, "姓名", "name"),
                Item::an(0x4E, 0x14, "姓名扩展", "name extension").since(Generation::Two),
                Item::an(0x0A, 0x01, "性别", "sex"),
                Item::cn(0x0B, 0x01, "民族", "ethnic group"),
                Item::cn(0x0C, 0x03, "出生地", "place of birth"),
                Item::cn(0x0D, 0x04, "出生日期", "date of birth"),
            ],
            read: PERSONAL,
            write: UPDATE,
            from: Generation::One,
            optional: false,
            origin: Origin::Record,
        },
        File {
            application: APPLICATION,
            id: FileId::EF07,
            chinese: "指纹",
            english: "fingerprints",
            structure: Structure::Transparent { bytes: FINGERPRINT_BYTES },
            items: &[],
            read: PERSONAL,
            write: UPDATE,
            from: Generation::One,
            optional: false,
            origin: Origin::OurChoice,
        },
        File {
            application: APPLICATION,
            id: FileId::EF08,
            chinese: "照片",
            english: "photo",
            structure: Structure::Transparent { bytes: PHOTO_BYTES },
            items: &[],
            read: PERSONAL,
            write: UPDATE,
            from: Generation::One,
            optional: false,
            origin: Origin::OurChoice,
        },
        File {
            application: APPLICATION,
            id: FileId::EF0D,
            chinese: "地方自用",
            english: "local area",
            structure: Structure::LinearTlv,
            items: &[
                Item::an(0xEA, 0x0C, "个人编号", "person number of the city"),
                Item::cn(0xEB, 0x03, "首次申领地区", "area of first application"),
            ],
            read: PERSONAL,
            write: Rule::always(Access::Key(KeyName::UK_LOCAL)),
            from: Generation::One,
            optional: true,
            origin: Origin::Record,
        },
        File {
            application: APPLICATION,
            id: FileId(0xEF1E),
            chinese: "目录",
            english: "directory",
            structure: Structure::LinearTlv,
            items: &[],
            read: Rule::always(Access::Free),
            write: Rule::always(Access::Never),
            from: Generation::One,
            optional: false,
            origin: Origin::Record,
        },
    ],
};

//! Files of DF01, the public application area.

use super::{Access, Application, Directory, File, FileId, Item, Origin, Rule, Structure};
use crate::{
    generation::Generation,
    key::{KeyName, KeyRole},
};

const APPLICATION: Application = Application::Df01;
const RK1: Access = Access::Key(KeyName::new(APPLICATION, KeyRole::Rk(1)));

const fn linear(
    id: u16,
    chinese: &'static str,
    english: &'static str,
    items: &'static [Item],
    update: u8,
) -> File {
    File {
        application: APPLICATION,
        id: FileId(id),
        chinese,
        english,
        structure: Structure::LinearTlv,
        items,
        // RK1DF01 came with 2.0.
        read: Rule::from_two(Access::Free, RK1),
        write: Rule::always(Access::Key(KeyName::new(APPLICATION, KeyRole::Uk(update)))),
        from: Generation::One,
        optional: false,
        origin: Origin::Record,
    }
}

pub(super) const DIRECTORY: Directory = Directory {
    application: APPLICATION,
    chinese: "公共应用信息区",
    english: "public application area",
    from: Generation::One,
    files: &[
        linear(
            0xEF05,
            "户籍信息",
            "household",
            &[
                Item::an(0x20, 0x02, "户口类别", "household type"),
                Item::an(0x21, 0x50, "户籍地址", "household address"),
                Item::cn(0x0E, 0x03, "户籍所在地", "household area"),
            ],
            1,
        ),
        linear(
            0xEF06,
            "居住信息",
            "residence",
            &[
                Item::an(0x3E, 0x50, "居住地址", "residential address").only_in(Generation::One),
                Item::an(0x23, 0x50, "居住地址", "residential address").since(Generation::Two),
                Item::cn(0x24, 0x03, "邮政编码", "post code"),
                Item::an(0x28, 0x0F, "联系电话", "telephone"),
                Item::unnamed_an(0x2C, 0x32),
                Item::unnamed_an(0x2D, 0x0F),
            ],
            4,
        ),
        linear(
            0xEF07,
            "个人状况",
            "personal state",
            &[Item::an(0x29, 0x01, "个人状况", "personal state")],
            2,
        ),
        linear(0xEF08, "婚姻状况", "marriage", &[Item::an(0x2B, 0x01, "婚姻状况", "marital status")], 3),
        linear(
            0xEF09,
            "身份与单位",
            "status and employer",
            &[
                Item::an(0x2E, 0x46, "单位名称", "employer"),
                Item::unnamed_an(0x30, 0x09),
                Item::unnamed_an(0x32, 0x02),
            ],
            2,
        ),
        linear(
            0xEF0A,
            "国籍与政治面貌",
            "nationality and politics",
            &[
                Item::an(0x37, 0x03, "国籍", "nationality"),
                Item::an(0x38, 0x02, "政治面貌", "political status"),
                Item::unnamed_cn(0x39, 0x04),
            ],
            5,
        ),
        linear(
            0xEF15,
            "教育信息",
            "education",
            &[
                Item::cn(0x2A, 0x01, "文化程度", "level of education"),
                Item::group(
                    0x40,
                    0x34,
                    &[
                        Item::unnamed_an(0x57, 0x03),
                        Item::unnamed_cn(0x58, 0x03),
                        Item::unnamed_an(0x59, 0x28),
                    ],
                ),
            ],
            6,
        ),
    ],
};

//! Files of DF02, employment and unemployment.

use super::{Access, Application, Directory, Encoding, File, FileId, Item, Origin, Rule, Structure};
use crate::{
    generation::Generation,
    key::{KeyName, KeyRole},
};

const APPLICATION: Application = Application::Df02;
const RK1: Access = Access::Key(KeyName::new(APPLICATION, KeyRole::Rk(1)));

const fn file(
    id: u16,
    names: (&'static str, &'static str),
    structure: Structure,
    items: &'static [Item],
    update: u8,
) -> File {
    File {
        application: APPLICATION,
        id: FileId(id),
        chinese: names.0,
        english: names.1,
        structure,
        items,
        // RK1DF02 came with 2.0.
        read: Rule::from_two(Access::Free, RK1),
        write: Rule::always(Access::Key(KeyName::new(APPLICATION, KeyRole::Uk(update)))),
        from: Generation::One,
        optional: false,
        origin: Origin::Record,
    }
}

pub(super) const DIRECTORY: Directory = Directory {
    application: APPLICATION,
    chinese: "就业与失业信息区",
    english: "employment and unemployment",
    from: Generation::One,
    files: &[
        // The record names the fields' lengths, not the number of groups nor the key that writes them.
        File {
            origin: Origin::OurChoice,
            ..file(
                0xEF05,
                ("职业技能", "skills"),
                Structure::LinearFixed { record_bytes: 0x64, records: 5 },
                &[
                    Item::unnamed_field(0x02, Encoding::An),
                    Item::unnamed_field(0x07, Encoding::An),
                    Item::unnamed_field(0x01, Encoding::An),
                    Item::unnamed_field(0x46, Encoding::An),
                    Item::unnamed_field(0x04, Encoding::Cn),
                    Item::unnamed_field(0x10, Encoding::An),
                ],
                2,
            )
        },
        file(
            0xEF06,
            ("就业状态", "employment state"),
            Structure::LinearTlv,
            &[
                Item::unnamed_cn(0x4C, 0x04),
                Item::unnamed_an(0x4B, 0x05),
                Item::unnamed_cn(0x4D, 0x03),
                Item::unnamed_cn(0x60, 0x04),
                Item::unnamed_an(0x4F, 0x06),
                Item::unnamed_cn(0x50, 0x03),
                Item::unnamed_an(0x3A, 0x07),
            ],
            2,
        ),
        // The record has no number of records.
        file(
            0xEF07,
            ("就业经历", "employment history"),
            Structure::Cyclic { record_bytes: 0x55, records: 10 },
            &[
                Item::unnamed_field(0x07, Encoding::An),
                Item::unnamed_field(0x04, Encoding::Cn),
                Item::unnamed_field(0x04, Encoding::Cn),
                Item::unnamed_field(0x46, Encoding::An),
            ],
            3,
        ),
        file(
            0xEF09,
            ("就业证件", "certificate"),
            Structure::LinearTlv,
            &[
                Item::unnamed_an(0x55, 0x10),
                Item::unnamed_an(0x56, 0x46),
                Item::unnamed_cn(0x96, 0x04),
                Item::unnamed_cn(0x97, 0x03),
            ],
            4,
        ),
        file(
            0xEF15,
            ("就业援助认定", "recognition for aid"),
            Structure::LinearTlv,
            &[
                Item::group(
                    0x99,
                    0x10,
                    &[
                        Item::unnamed_an(0x10, 0x03),
                        Item::unnamed_cn(0x11, 0x04),
                        Item::unnamed_cn(0x12, 0x03),
                    ],
                ),
                Item::unnamed_cn(0x0F, 0x04),
                Item::unnamed_cn(0x1F, 0x03),
            ],
            5,
        ),
        file(
            0xEF16,
            ("政策享受", "use of policies"),
            Structure::Cyclic { record_bytes: 0x12, records: 10 },
            &[
                Item::unnamed_field(0x03, Encoding::An),
                Item::unnamed_field(0x04, Encoding::Cn),
                Item::unnamed_field(0x04, Encoding::Cn),
                Item::unnamed_field(0x04, Encoding::Cn),
                Item::unnamed_field(0x03, Encoding::Cn),
            ],
            6,
        ),
    ],
};

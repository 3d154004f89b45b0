//! Files of DF03, unemployment, pension, injury and maternity insurance.

use super::{Access, Application, Directory, File, FileId, Item, Origin, Rule, Structure};
use crate::{
    generation::Generation,
    key::{KeyName, KeyRole},
};

const APPLICATION: Application = Application::Df03;
const RK1: KeyName = KeyName::new(APPLICATION, KeyRole::Rk(1));
const RK2: KeyName = KeyName::new(APPLICATION, KeyRole::Rk(2));

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
        read: Rule::always(Access::Key(RK1)),
        write: Rule::always(Access::Key(KeyName::new(APPLICATION, KeyRole::Uk(update)))),
        from: Generation::One,
        optional: false,
        origin: Origin::Record,
    }
}

pub(super) const DIRECTORY: Directory = Directory {
    application: APPLICATION,
    chinese: "社会保险信息区1",
    english: "social insurance 1",
    from: Generation::One,
    files: &[
        File {
            read: Rule::always(Access::EitherKey(RK2, RK1)),
            ..linear(
                0xEF05,
                "失业保险",
                "unemployment insurance",
                &[
                    Item::unnamed_cn(0x61, 0x03),
                    Item::unnamed_cn(0x60, 0x04),
                    Item::unnamed_cn(0x98, 0x04),
                    Item::unnamed_cn(0x62, 0x04),
                    Item::unnamed_an(0x63, 0x03),
                    Item::unnamed_an(0x64, 0x03),
                    Item::unnamed_an(0x65, 0x03),
                    Item::unnamed_an(0x66, 0x03),
                ],
                1,
            )
        },
        linear(
            0xEF06,
            "劳动能力鉴定",
            "work capacity",
            &[
                Item::unnamed_an(0x45, 0x14),
                Item::unnamed_an(0x46, 0x02),
                Item::unnamed_an(0x47, 0x02),
                Item::unnamed_an(0x48, 0x01),
                Item::unnamed_an(0x49, 0x01),
                Item::unnamed_cn(0x67, 0x04),
                Item::unnamed_an(0x6B, 0x3C),
                Item::group(
                    0x4A,
                    0x61,
                    &[
                        Item::unnamed_an(0x13, 0x02),
                        Item::unnamed_an(0x14, 0x01),
                        Item::unnamed_an(0x15, 0x14),
                        Item::unnamed_cn(0x16, 0x04),
                        Item::unnamed_an(0x17, 0x3C),
                    ],
                ),
            ],
            2,
        ),
        linear(
            0xEF07,
            "养老保险",
            "pension insurance",
            &[
                Item::unnamed_an(0x70, 0x03),
                Item::unnamed_cn(0x71, 0x03),
                Item::unnamed_cn(0x6E, 0x04),
                Item::unnamed_cn(0x6C, 0x04),
                Item::unnamed_cn(0x6F, 0x04),
                Item::unnamed_cn(0x73, 0x04),
            ],
            3,
        ),
        linear(
            0xEF15,
            "工伤保险",
            "work injury insurance",
            &[Item::unnamed_cn(0x7A, 0x03), Item::unnamed_cn(0x7B, 0x04), Item::unnamed_cn(0x7C, 0x04)],
            4,
        ),
        linear(
            0xEF16,
            "生育保险",
            "maternity insurance",
            &[Item::unnamed_cn(0x51, 0x03), Item::unnamed_an(0x5F, 0x01)],
            5,
        ),
        linear(
            0xEF17,
            "工伤认定",
            "injury recognition",
            &[
                Item::unnamed_an(0x3B, 0x14),
                Item::unnamed_an(0x3C, 0x46),
                Item::unnamed_an(0x3D, 0x01),
                Item::unnamed_cn(0x3E, 0x04),
                Item::unnamed_an(0x3F, 0x3C),
            ],
            6,
        ),
        linear(
            0xEF18,
            "供养亲属",
            "dependants",
            &[
                Item::unnamed_an(0x74, 0x03),
                Item::unnamed_cn(0x75, 0x03),
                Item::unnamed_cn(0x76, 0x01),
                Item::unnamed_cn(0x77, 0x04),
                Item::unnamed_cn(0x78, 0x04),
            ],
            7,
        ),
        linear(
            0xEF19,
            "参保凭证",
            "proof of insurance",
            &[Item::group(
                0x79,
                0x27,
                &[
                    Item::unnamed_an(0x18, 0x03),
                    Item::unnamed_cn(0x19, 0x03),
                    Item::unnamed_cn(0x1A, 0x04),
                    Item::unnamed_cn(0x1B, 0x04),
                    Item::unnamed_cn(0x1C, 0x04),
                    Item::unnamed_an(0x1D, 0x03),
                    Item::unnamed_cn(0x1E, 0x04),
                ],
            )],
            8,
        ),
    ],
};

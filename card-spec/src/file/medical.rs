//! Files of DF04, medical insurance and its account.

use super::{Access, Application, Directory, Encoding, File, FileId, Item, Origin, Rule, Structure};
use crate::{
    account,
    generation::Generation,
    key::{KeyName, KeyRole},
};

const APPLICATION: Application = Application::Df04;
const PIN_AND_RK1: Rule = Rule::always(Access::PinAndKey(KeyName::new(APPLICATION, KeyRole::Rk(1))));

const fn uk(number: u8) -> Rule {
    Rule::always(Access::Key(KeyName::new(APPLICATION, KeyRole::Uk(number))))
}

const fn file(
    id: u16,
    names: (&'static str, &'static str),
    structure: Structure,
    items: &'static [Item],
    read: Rule,
    write: Rule,
) -> File {
    File {
        application: APPLICATION,
        id: FileId(id),
        chinese: names.0,
        english: names.1,
        structure,
        items,
        read,
        write,
        from: Generation::One,
        optional: false,
        origin: Origin::Record,
    }
}

pub(super) const DIRECTORY: Directory = Directory {
    application: APPLICATION,
    chinese: "社会保险信息区2",
    english: "social insurance 2, medical",
    from: Generation::One,
    files: &[
        file(
            0xEF05,
            ("医疗保险基本信息", "medical insurance, basics"),
            Structure::LinearTlv,
            &[
                Item::unnamed_an(0x81, 0x08),
                Item::unnamed_cn(0x84, 0x03),
                Item::unnamed_an(0x87, 0x11),
                Item::unnamed_cn(0x8C, 0x01),
                Item::unnamed_cn(0x80, 0x04),
                Item::unnamed_an(0x8B, 0x1D),
                Item::unnamed_an(0x8A, 0x0F),
                Item::unnamed_an(0x83, 0x09),
                Item::unnamed_an(0x86, 0x09),
                Item::unnamed_an(0x89, 0x09),
                Item::unnamed_an(0x7D, 0x09),
                Item::unnamed_an(0x7E, 0x09),
                Item::unnamed_an(0x7F, 0x09),
                Item::unnamed_an(0x8D, 0x09),
                Item::unnamed_an(0x8E, 0x09),
                Item::unnamed_an(0x8F, 0x01),
            ],
            PIN_AND_RK1,
            uk(1),
        ),
        file(
            0xEF06,
            ("脱机结算信息", "offline settlement"),
            Structure::LinearTlv,
            &[Item::unnamed_an(0x90, 0x01), Item::unnamed_cn(0x92, 0x04), Item::unnamed_an(0x93, 0x02)],
            PIN_AND_RK1,
            uk(2),
        ),
        file(
            0xEF08,
            ("交易明细", "transaction log"),
            Structure::Cyclic {
                record_bytes: account::LOG_RECORD_BYTES as u8,
                records: account::LOG_RECORDS,
            },
            &[
                Item::field(0x02, Encoding::Binary, "交易序号", "serial of the transaction"),
                Item::field(0x01, Encoding::An, "交易类型", "type of the transaction"),
                Item::field(0x06, Encoding::Cn, "终端机编号", "terminal number"),
                Item::field(0x07, Encoding::Cn, "交易日期时间", "date and time"),
                Item::field(0x04, Encoding::Cn, "个人账户金额", "amount from the personal account"),
                Item::field(0x04, Encoding::Cn, "个人自付金额", "amount paid by the person"),
                Item::field(0x04, Encoding::Cn, "统筹基金金额", "amount from the pooled fund"),
            ],
            Rule::always(Access::Pin),
            Rule::always(Access::Transaction),
        ),
        File {
            origin: Origin::OurChoice,
            ..file(
                0xEF0F,
                ("个人账户", "account"),
                Structure::Internal { bytes: 0x1F },
                &[
                    Item::field(0x04, Encoding::Binary, "个人账户余额", "balance of the personal account"),
                    Item::field(0x04, Encoding::Binary, "个人自付累计", "paid by the person this year"),
                    Item::field(0x04, Encoding::Binary, "统筹基金累计", "paid by the pooled fund this year"),
                    Item::field(0x02, Encoding::Cn, "累计年度", "year of the sums"),
                    Item::field(0x02, Encoding::Binary, "联机交易序号", "serial of loads"),
                    Item::field(0x02, Encoding::Binary, "脱机交易序号", "serial of purchases"),
                ],
                Rule::always(Access::Never),
                Rule::always(Access::Transaction),
            )
        },
        file(
            0xEF15,
            ("特殊结算", "special settlement"),
            Structure::Cyclic { record_bytes: 0x03, records: 8 },
            &[Item::unnamed_field(0x02, Encoding::Cn), Item::unnamed_field(0x01, Encoding::An)],
            Rule::always(Access::Pin),
            uk(2),
        ),
    ],
};

//! DF05, DF06 and DF07, whose contents are not public: directories with their names, and the three files
//! of DF07 that are known to exist, empty.

use super::{Access, Application, Directory, File, FileId, Origin, Rule, Structure};
use crate::generation::Generation;

const fn empty(id: u16, chinese: &'static str, english: &'static str) -> File {
    File {
        application: Application::Df07,
        id: FileId(id),
        chinese,
        english,
        structure: Structure::LinearTlv,
        items: &[],
        read: Rule::always(Access::Never),
        write: Rule::always(Access::Never),
        from: Generation::Two,
        optional: false,
        origin: Origin::OurChoice,
    }
}

pub(super) const HEALTH: Directory = Directory {
    application: Application::Df05,
    chinese: "生命与健康信息区",
    english: "life and health",
    from: Generation::Two,
    files: &[],
};

pub(super) const RELIEF: Directory = Directory {
    application: Application::Df06,
    chinese: "救助与优抚信息区",
    english: "relief and special care",
    from: Generation::Two,
    files: &[],
};

pub(super) const DIRECTORY: Directory = Directory {
    application: Application::Df07,
    chinese: "人事人才信息区",
    english: "personnel and talent",
    from: Generation::Two,
    files: &[
        empty(0xEF05, "荣誉", "honours"),
        empty(0xEF06, "专家", "experts"),
        empty(0xEF07, "军转干部", "demobilised officers"),
    ],
};

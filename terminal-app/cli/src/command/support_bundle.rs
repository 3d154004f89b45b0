//! `jinbao support-bundle`: how the terminal is, for support, without anybody's data.

use std::path::PathBuf;

use clap::Args;
use edge::{bundle::Bundle, options::Options};
use serde_json::json;

use super::Context;
use crate::{exit::Exit, failure::Failure};

/// What `support-bundle` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao support-bundle                     写入 jinbao-support.tar
  jinbao support-bundle case-17.tar --no-center

内容：版本、队列与资格库的数字、读卡器名称与描述符、自检结果、审计事件的种类与次数。
没有姓名、号码、卡号、密钥，也没有操作员和机构的名称。
Inside: versions, figures of queue and cache, names and descriptors of readers, results of the checks, kinds of
audited events. No name, number, card or key; no operator, no institution.")]
pub(crate) struct Arguments {
    /// 写入的文件 · file to write
    #[arg(value_name = "FILE", default_value = "jinbao-support.tar")]
    file: PathBuf,
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    no_center: bool,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let options = Options { offline: arguments.no_center, ..context.options()? };
    let bundle = Bundle::collect(&options);
    bundle.write(&arguments.file)?;
    let name = arguments.file.display();
    context.console.done(
        &format!("已写入 {name}；其中没有个人信息，可以发给技术支持"),
        &format!("written: {name}; nobody's data is in it, it may be sent to support"),
        json!({ "path": arguments.file }),
    );
    Ok(Exit::Done)
}

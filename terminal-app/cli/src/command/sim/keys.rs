//! `jinbao sim keys`: the issuer's keys that a center of one's own needs for the cards made here.

use std::{fs, path::PathBuf};

use card_spec::{
    generation::Algorithm,
    key::{KEY_VERSIONS_MAX, KeyName, card_key},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use sim::keys::TestKeys;

use crate::{
    command::Context,
    exit::Exit,
    failure::{Failure, file_error},
};

/// What `sim keys` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim keys --out issuer.json
  jinbao center keys import issuer.json   中心从此能验 TAC、授权圈存 · the center then checks TACs and grants loads

测试密钥，绝不可用于真实的卡。
Test keys; no real card may ever see them.")]
pub(crate) struct Arguments {
    /// 密钥种子 · seed of the issuer's keys
    #[arg(long, default_value_t = super::SEED)]
    key_seed: u64,
    /// 写入的文件 · file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// One key as the center's software module reads it.
#[derive(Serialize)]
struct Entry {
    #[serde(rename = "use")]
    key_use: &'static str,
    algorithm: u8,
    version: u8,
    levels: u8,
    key: String,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let keys = TestKeys::from_seed(arguments.key_seed);
    let mut entries = Vec::new();
    for (key_use, name) in [("load", KeyName::DLK), ("tac", KeyName::DTK)] {
        let levels = card_key(name).map_or(1, |row| row.levels);
        for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
            for version in 1..=KEY_VERSIONS_MAX {
                let key = hex::encode(keys.root(name, algorithm, version).as_bytes());
                entries.push(Entry { key_use, algorithm: algorithm.id(), version, levels, key });
            }
        }
    }
    let text =
        serde_json::to_string_pretty(&entries).map_err(|error| file_error(&arguments.out)(error.into()))?;
    fs::write(&arguments.out, text + "\n").map_err(file_error(&arguments.out))?;
    let (count, path) = (entries.len(), arguments.out.display().to_string());
    context.console.done(
        &format!("{count} 个测试密钥写入 {path}"),
        &format!("{count} test keys written to {path}"),
        json!({"keys": count, "path": path}),
    );
    Ok(Exit::Done)
}

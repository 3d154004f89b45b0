//! `jinbao enrol`: a terminal becomes known to its center.

use std::path::PathBuf;

use clap::Args;
use edge::{
    certificate,
    config::Readers,
    enrolment::{self, Enrolled, Order},
    first_contact,
    pin_entry::SECRET_TIMEOUT_MS,
};
use protocol::id::TerminalId;
use zeroize::Zeroizing;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What `enrol` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao enrol --terminal 430100000001 --center https://center.example:8444 \\
      --enrolment https://center.example:8443 --fingerprint 3A:5F:…:E2
  printf '%s\\n' ONE-TIME-CODE | jinbao enrol --terminal … --center … --enrolment … --authority ca.pem --pin-stdin

一次性登记码由中心人员提供，从键盘输入；指纹核对无误后才发送。
The one-time code comes from the center's staff and is typed; it is sent only after the fingerprint fits.
The terminal number is the one in its PSAM. Enrolling again with the same code continues what was broken off.")]
pub(crate) struct Arguments {
    /// 终端机编号（与 PSAM 一致） · terminal number, as in its PSAM
    #[arg(long, value_name = "NUMBER")]
    terminal: TerminalId,
    /// 中心地址（业务端口） · the center's address for business
    #[arg(long, value_name = "URL", value_parser = address)]
    center: String,
    /// 中心地址（登记端口） · the center's address for enrolment
    #[arg(long, value_name = "URL", value_parser = address)]
    enrolment: String,
    /// 中心根证书的 SHA-256 指纹 · SHA-256 fingerprint of the center's authority
    #[arg(long, value_name = "HEX", value_parser = fingerprint, required_unless_present = "authority")]
    fingerprint: Option<String>,
    /// 中心根证书文件 · the center's authority as a file
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// 读卡器写入设置 · remember these readers: "CARD READER,PSAM READER"
    #[arg(long, value_name = "NAMES")]
    readers: Option<String>,
}

fn address(text: &str) -> Result<String, String> {
    match first_contact::host_and_port(text) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("地址形如 https://center.example:8443 · an address looks like that".to_owned()),
    }
}

fn fingerprint(text: &str) -> Result<String, String> {
    certificate::parse_fingerprint(text)
        .ok_or_else(|| "指纹为 64 位十六进制数字 · a fingerprint has 64 hexadecimal digits".to_owned())
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let data = context.data()?;
    let authority = authority(arguments)?;
    let mut readers = Readers::default();
    if let Some(names) = &arguments.readers {
        let (card, psam) = names.split_once(',').unwrap_or((names, ""));
        readers.card = Some(card.trim().to_owned()).filter(|name| !name.is_empty());
        readers.psam = Some(psam.trim().to_owned()).filter(|name| !name.is_empty());
    }
    let order = Order {
        terminal: arguments.terminal,
        center: arguments.center.clone(),
        enrolment: arguments.enrolment.clone(),
        authority,
        readers,
    };
    let code = ask_code(context)?;
    let enrolled = enrolment::enrol(&data, &order, &String::from_utf8_lossy(&code))?;
    context.console.answer(&enrolled);
    Ok(Exit::Done)
}

/// The one-time code, typed.
pub(super) fn ask_code(context: &Context) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let question = context.console.language().pick("一次性登记码", "One-time code");
    Ok(context.secrets().ask(question, SECRET_TIMEOUT_MS)?)
}

fn authority(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let Some(path) = &arguments.authority else {
        let expected = arguments.fingerprint.as_deref().unwrap_or_default();
        return enrolment::authority(&arguments.enrolment, expected);
    };
    let chain = certificate::read_chain(path)?;
    let root = chain.into_iter().next().unwrap_or_default();
    if let Some(expected) = &arguments.fingerprint
        && certificate::fingerprint(&root) != *expected
    {
        let got = certificate::fingerprint(&root);
        return Err(EdgeError::Fingerprint { expected: expected.clone(), got }.into());
    }
    Ok(root)
}

impl Show for Enrolled {
    fn show(&self, page: &mut Page) {
        page.say(format!("终端 {} 已登记", self.terminal), format!("Terminal {} is enrolled", self.terminal));
        let language = page.language();
        let until = crate::words::moment(self.certificate.not_after_ms);
        page.pairs([
            (language.pick("城市", "city"), self.city.to_string()),
            (
                language.pick("机构", "institution"),
                format!("{} {}", self.institution_code, self.institution_name),
            ),
            (language.pick("证书有效期至", "certificate good until"), until),
            (
                language.pick("中心根证书指纹", "fingerprint of the authority"),
                self.authority_fingerprint.clone(),
            ),
            (language.pick("终端身份公钥", "identity key"), self.identity.to_string()),
        ]);
        page.gap();
        page.say(
            "下一步：jinbao operator add、jinbao sync、jinbao doctor",
            "Next: `jinbao operator add`, `jinbao sync`, `jinbao doctor`",
        );
    }
}

//! `jinbao enrol`: a terminal becomes known to its center.

use std::path::PathBuf;

use card_spec::region::RegionCode;
use clap::Args;
use edge::{
    center_link::HttpsLink,
    certificate,
    config::{Center, Config, Place},
    data_dir::{self, DataDir},
    files::forget_head,
    first_contact::{self, ContactError},
    lock::{LOCK_TIMEOUT_MS, Lock},
    machine_secret,
    pin_entry::SECRET_TIMEOUT_MS,
    random::SystemChance,
    terminal::{Cabinet, link_failure},
};
use protocol::{
    enrolment::{Enrolment, EnrolmentRequest, PURPOSE},
    id::TerminalId,
    signature::Signature,
};
use serde::Serialize;
use terminal::{error::Error, keys::TerminalKeys};

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

#[derive(Serialize)]
struct Enrolled {
    terminal: TerminalId,
    city: RegionCode,
    institution_code: String,
    institution_name: String,
    level: u8,
    identity: String,
    authority_fingerprint: String,
    certificate: certificate::Facts,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let data = context.data()?;
    data.prepare()?;
    let lock = Lock::take(&data.lock(), LOCK_TIMEOUT_MS)?;
    let authority = authority(arguments)?;
    let (keys, secret) = keys(&data, arguments.terminal)?;
    let question = context.console.language().pick("一次性登记码", "One-time code");
    let code = context.secrets().ask(question, SECRET_TIMEOUT_MS)?;
    let new = certificate::new_key(arguments.terminal)?;
    let identity = keys.identity().map_err(Error::from)?;
    let request = EnrolmentRequest {
        terminal: arguments.terminal,
        code: String::from_utf8_lossy(&code).trim().to_owned(),
        identity: identity.public(),
        signature: identity.sign(PURPOSE, new.request.as_bytes()),
        csr: new.request,
    };
    let link =
        HttpsLink::new(&arguments.enrolment, std::slice::from_ref(&authority), None).map_err(link_failure)?;
    let enrolment: Enrolment = link.send("/v1/enrolment", &request).map_err(link_failure)?;
    let authority_fingerprint = certificate::fingerprint(&authority);
    let named = certificate::chain(enrolment.authority.as_bytes())?;
    if !named.contains(&authority) {
        let got = certificate::fingerprint(&named[0]);
        return Err(EdgeError::Fingerprint { expected: authority_fingerprint, got }.into());
    }
    let keys = keys.with_tls_key(new.pkcs8);
    let seal = keys.seal(&*secret, arguments.terminal, &mut SystemChance::default()).map_err(Error::from)?;
    // The settings come last: with them in place everything else is.
    data_dir::write_atomic(&data.keys(), &seal)?;
    data_dir::write_atomic(&data.certificate(), enrolment.certificate.as_bytes())?;
    data_dir::write_atomic(&data.authority(), enrolment.authority.as_bytes())?;
    let config = config(arguments, &enrolment);
    config.write(&data)?;
    drop(lock);
    // Makes ledger and cache, so that a wrong disk shows now and not at the first patient.
    edge::terminal::Terminal::open(data.clone())?;
    let chain = certificate::read_chain(&data.certificate())?;
    context.console.answer(&Enrolled {
        terminal: arguments.terminal,
        city: enrolment.city,
        institution_code: enrolment.institution_code,
        institution_name: enrolment.institution_name,
        level: enrolment.level,
        identity: identity.public().to_string(),
        authority_fingerprint,
        certificate: certificate::facts(&chain[0])?,
    });
    Ok(Exit::Done)
}

fn authority(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    if let Some(path) = &arguments.authority {
        let chain = certificate::read_chain(path)?;
        let root = chain.into_iter().next().unwrap_or_default();
        if let Some(expected) = &arguments.fingerprint
            && certificate::fingerprint(&root) != *expected
        {
            let got = certificate::fingerprint(&root);
            return Err(EdgeError::Fingerprint { expected: expected.clone(), got }.into());
        }
        return Ok(root);
    }
    let expected = arguments.fingerprint.as_deref().unwrap_or_default();
    first_contact::authority(&arguments.enrolment, expected).map_err(|error| match error {
        ContactError::Address => EdgeError::Argument {
            expected: "an address like https://center.example:8443",
            expected_chinese: "形如 https://center.example:8443 的地址",
        }
        .into(),
        ContactError::Link(error) => link_failure(error).into(),
        ContactError::Authority(error) => Failure::from(error),
    })
}

/// The keys of an earlier attempt, or new ones: the identity key must outlive a broken enrolment.
fn keys(
    data: &DataDir,
    terminal: TerminalId,
) -> Result<(TerminalKeys, machine_secret::MachineSecret), Failure> {
    let mut random = SystemChance::default();
    let secret = match machine_secret::read(&data.machine_secret())? {
        Some(secret) => secret,
        None => machine_secret::create(&data.machine_secret())?,
    };
    if data.keys().exists() {
        let sealed = data_dir::read(&data.keys())?;
        let keys = TerminalKeys::open(&sealed, &*secret, terminal).map_err(Error::from)?;
        return Ok((keys, secret));
    }
    // Without keys there is no ledger that a mark left here could belong to.
    forget_head(&data.head())?;
    let keys = TerminalKeys::generate(&mut random);
    let sealed = keys.seal(&*secret, terminal, &mut random).map_err(Error::from)?;
    data_dir::write_atomic(&data.keys(), &sealed)?;
    Ok((keys, secret))
}

fn config(arguments: &Arguments, enrolment: &Enrolment) -> Config {
    let center = Center {
        address: arguments.center.clone(),
        enrolment: arguments.enrolment.clone(),
        key: enrolment.center,
    };
    let place = Place {
        city: enrolment.city,
        institution_code: enrolment.institution_code.clone(),
        institution_name: enrolment.institution_name.clone(),
        level: enrolment.level,
    };
    let mut config = Config::new(arguments.terminal, center, place);
    if let Some(names) = &arguments.readers {
        let (card, psam) = names.split_once(',').unwrap_or((names, ""));
        config.readers.card = Some(card.trim().to_owned()).filter(|name| !name.is_empty());
        config.readers.psam = Some(psam.trim().to_owned()).filter(|name| !name.is_empty());
    }
    config
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
            (language.pick("终端身份公钥", "identity key"), self.identity.clone()),
        ]);
        page.gap();
        page.say(
            "下一步：jinbao operator add、jinbao sync、jinbao doctor",
            "Next: `jinbao operator add`, `jinbao sync`, `jinbao doctor`",
        );
    }
}

/// Asks for a new certificate under the identity key; works after the old one has run out.
///
/// What the center names as its authorities is trusted from then on, when one that is trusted now is among
/// them.
pub(super) fn renew(cabinet: &mut Cabinet) -> Result<certificate::Facts, Failure> {
    use protocol::enrolment::RenewalRequest;
    let authority = certificate::read_chain(&cabinet.data.authority())?;
    let new = certificate::new_key(cabinet.config.terminal)?;
    let identity = cabinet.identity()?;
    let signature: Signature = identity.sign(PURPOSE, new.request.as_bytes());
    let request = RenewalRequest { terminal: cabinet.config.terminal, csr: new.request, signature };
    let link = HttpsLink::new(&cabinet.config.center.enrolment, &authority, None).map_err(link_failure)?;
    let enrolment: Enrolment = link.send("/v1/renewal", &request).map_err(link_failure)?;
    let chain = certificate::chain(enrolment.certificate.as_bytes())?;
    let facts = certificate::facts(&chain[0])?;
    // The new authority stands beside the old one long before the center's own certificate is issued by it.
    if certificate::follows(&authority, &certificate::chain(enrolment.authority.as_bytes())?) {
        data_dir::write_atomic(&cabinet.data.authority(), enrolment.authority.as_bytes())?;
    }
    // Key first: a certificate without its key is worth nothing, a key without certificate is renewed again.
    let keys = cabinet.keys.clone().with_tls_key(new.pkcs8);
    cabinet.store_keys(keys)?;
    data_dir::write_atomic(&cabinet.data.certificate(), enrolment.certificate.as_bytes())?;
    Ok(facts)
}

//! `jinbao certificate`: the terminal's certificate, shown and renewed.

use clap::{Args, Subcommand};
use edge::{certificate, shift, terminal::Terminal};
use serde::Serialize;
use terminal::{audit::AuditEvent, error::Error, roles::Action};

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

/// What can be done with the certificate.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 查看证书 · show the certificates
    Show(ShowArguments),
    /// 更新证书（过期后也可） · renew it, also after it has run out
    Renew(RenewArguments),
}

/// What `certificate show` is told.
#[derive(Debug, Args)]
#[command(after_help = "例 Example:\n  jinbao certificate show --json")]
pub(crate) struct ShowArguments {}

/// What `certificate renew` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao certificate renew               须安装维护员签到 · an installer must be signed in
  jinbao certificate renew --if-due      到期限三分之二才更新 · only when two thirds of its life are over

更新请求由终端长期身份密钥签名，证书过期后依然有效。--if-due 可由定时任务运行，无需签到。
The request is signed by the identity key, so it works after the certificate has run out. --if-due may be
run by a timer without anybody signed in.")]
pub(crate) struct RenewArguments {
    /// 未到更新期则不做 · do nothing before two thirds of its life
    #[arg(long)]
    if_due: bool,
}

#[derive(Serialize)]
struct Shown {
    certificate: certificate::Facts,
    authority: certificate::Facts,
    valid: bool,
    due: bool,
    renewed: bool,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(ShowArguments {}) => {
            let terminal = Terminal::open(context.data()?)?;
            let shown = shown(&terminal, false)?;
            let exit = if shown.valid { Exit::Done } else { Exit::No };
            context.console.answer(&shown);
            Ok(exit)
        }
        Command::Renew(arguments) => renew(context, &arguments),
    }
}

fn shown(terminal: &Terminal, renewed: bool) -> Result<Shown, Failure> {
    let data = &terminal.cabinet.data;
    let own = certificate::facts(&certificate::read_chain(&data.certificate())?[0])?;
    let authority = certificate::facts(&certificate::read_chain(&data.authority())?[0])?;
    let now = terminal.now().0;
    Ok(Shown { valid: own.is_valid(now), due: own.is_due(now), certificate: own, authority, renewed })
}

fn renew(context: &Context, arguments: &RenewArguments) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    let before = shown(&terminal, false)?;
    if arguments.if_due && !before.due {
        context.console.answer(&before);
        return Ok(Exit::Done);
    }
    let actor = if arguments.if_due {
        None
    } else {
        Some(shift::require(&terminal.cabinet, &mut terminal.ledger, Action::Enrol, now)?)
    };
    edge::enrolment::renew(&mut terminal.cabinet)?;
    let event = AuditEvent::Maintenance { what: "certificate renew".to_owned() };
    let actor = actor.as_ref().map(terminal::roles::SignedIn::actor).unwrap_or_default();
    terminal.ledger.audit(now, actor, &event).map_err(Error::from)?;
    context.console.answer(&shown(&terminal, true)?);
    Ok(Exit::Done)
}

impl Show for Shown {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        if self.renewed {
            page.say("证书已更新", "The certificate is renewed");
        }
        let moment = crate::words::moment;
        let until = match (self.valid, self.due) {
            (false, _) => language.pick("（不在有效期内）", " (not valid now)"),
            (true, true) => language.pick("（应更新）", " (to be renewed)"),
            (true, false) => "",
        };
        page.pairs([
            (language.pick("终端", "terminal"), self.certificate.subject.clone()),
            (language.pick("签发者", "issuer"), self.certificate.issuer.clone()),
            (language.pick("有效期自", "valid from"), moment(self.certificate.not_before_ms)),
            (
                language.pick("有效期至", "valid until"),
                format!("{}{until}", moment(self.certificate.not_after_ms)),
            ),
            (language.pick("指纹", "fingerprint"), self.certificate.fingerprint.clone()),
            (language.pick("中心根证书", "authority"), self.authority.subject.clone()),
            (language.pick("根证书指纹", "its fingerprint"), self.authority.fingerprint.clone()),
            (language.pick("根证书有效期至", "valid until"), moment(self.authority.not_after_ms)),
        ]);
    }
}

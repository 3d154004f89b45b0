//! The commissioning report (验收报告): what was installed, with serials and versions, and that it works; signed.

use protocol::{
    id::TerminalId,
    signature::{Digest, PublicKey, Signature},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{CenterChosen, Enrolled, Face, Filled, Outcome, SelfTested, Setup, Trained};
use crate::{
    keys::Identity,
    language::Language,
    receipt::{FontError, Plain, ReceiptFont, plain_pdf},
};

/// Purpose under which a terminal signs its report.
pub const REPORT_PURPOSE: &str = "jinbao commissioning 1";

/// All that a report tells. Nobody's data is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommissioningReport {
    /// Terminal number.
    pub terminal: TerminalId,
    /// What it is for.
    pub face: Face,
    /// When the set-up was begun.
    pub begun: Timestamp,
    /// When the report was made.
    pub made: Timestamp,
    /// Version of the program.
    pub program: String,
    /// Its center.
    pub center: CenterChosen,
    /// What the center said.
    pub enrolled: Enrolled,
    /// The terminal's identity key.
    pub identity: PublicKey,
    /// How far the cache is filled.
    pub filled: Filled,
    /// Names, serials and versions of devices and of the system, name first.
    pub parts: Vec<(String, String)>,
    /// The self-test.
    pub tested: SelfTested,
    /// The training transaction.
    pub trained: Trained,
}

/// A report with the terminal's signature over its very bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReport {
    /// A [`CommissioningReport`] as JSON.
    pub report: String,
    /// Who signed.
    pub key: PublicKey,
    /// The signature over `report` under [`REPORT_PURPOSE`].
    pub signature: Signature,
}

impl CommissioningReport {
    /// The report of a set-up that has come to its last step; `None` before.
    pub fn of(setup: &Setup, parts: Vec<(String, String)>, made: Timestamp) -> Option<Self> {
        let place = setup.place()?;
        let tested = setup.tested()?.clone();
        Some(CommissioningReport {
            terminal: place.terminal,
            face: place.face,
            begun: setup.begun(),
            made,
            program: tested.program.clone(),
            center: setup.center()?.clone(),
            enrolled: setup.enrolled()?.clone(),
            identity: setup.keys()?.identity,
            filled: *setup.filled()?,
            parts,
            tested,
            trained: setup.trained()?.clone(),
        })
    }

    /// Signs it.
    pub fn sign(&self, identity: &Identity) -> SignedReport {
        // Text and numbers: there is nothing in it that JSON cannot hold.
        let report = serde_json::to_string_pretty(self).unwrap_or_default();
        let signature = identity.sign(REPORT_PURPOSE, report.as_bytes());
        SignedReport { report, key: identity.public(), signature }
    }
}

impl SignedReport {
    /// SHA-256 of what was signed.
    pub fn digest(&self) -> Digest {
        Digest::of(self.report.as_bytes())
    }

    /// Checks the signature, then reads the report; `None` when either fails, or another terminal's key signed.
    pub fn open(&self) -> Option<CommissioningReport> {
        self.key.verify(REPORT_PURPOSE, self.report.as_bytes(), &self.signature).ok()?;
        let report: CommissioningReport = serde_json::from_str(&self.report).ok()?;
        (report.identity == self.key).then_some(report)
    }

    /// The report as a PDF document, with digest, key and signature at its end.
    ///
    /// Errors: [`FontError`]; also for a report that [`SignedReport::open`] does not open.
    pub fn pdf(&self, font: &ReceiptFont, language: Language) -> Result<Vec<u8>, FontError> {
        let report = self.open().ok_or(FontError)?;
        let pick = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
        let mut rows = Vec::new();
        head(&report, language, &mut rows);
        rows.push(Plain::Part(pick("设备与版本", "Devices and versions")));
        rows.extend(report.parts.iter().map(|(name, value)| Plain::Fact(name.clone(), value.clone())));
        rows.push(Plain::Part(pick("自检", "Self-test")));
        for check in &report.tested.checks {
            let outcome = match check.outcome {
                Outcome::Good => language.pick("正常", "in order"),
                Outcome::Look => language.pick("注意", "worth a look"),
                Outcome::Bad => language.pick("须处理", "to be repaired"),
                Outcome::NotThere => language.pick("未检查", "not there"),
            };
            rows.push(Plain::Fact(check.title.clone(), format!("{outcome} · {}", check.text)));
        }
        rows.push(Plain::Part(pick("培训交易", "Training transaction")));
        let trained = &report.trained;
        rows.push(Plain::Fact(pick("时间", "Time"), trained.at.to_string()));
        rows.push(Plain::Identifier(pick("培训交易号", "Transaction"), trained.transaction.to_string()));
        let printed = match trained.printed {
            Some(true) => pick("已打印", "printed"),
            Some(false) => pick("打印失败", "printing failed"),
            None => pick("没有打印机", "no printer"),
        };
        rows.push(Plain::Fact(pick("凭证", "Receipt"), printed));
        rows.push(Plain::Part(pick("签名", "Signature")));
        rows.push(Plain::Identifier(pick("摘要 SHA-256", "SHA-256"), hex::encode(self.digest().0)));
        rows.push(Plain::Identifier(pick("身份公钥", "Identity key"), self.key.to_string()));
        rows.push(Plain::Identifier(pick("签名 Ed25519", "Ed25519"), hex::encode(self.signature.0)));
        plain_pdf(&rows, &format!("{} {}", report.terminal, hex::encode(self.digest().0)), font, language)
    }
}

fn head(report: &CommissioningReport, language: Language, rows: &mut Vec<Plain>) {
    let fact = |chinese: &str, english: &str, value: String| {
        Plain::Fact(language.pick(chinese, english).to_owned(), value)
    };
    let identifier = |chinese: &str, english: &str, value: String| {
        Plain::Identifier(language.pick(chinese, english).to_owned(), value)
    };
    let (enrolled, filled) = (&report.enrolled, report.filled);
    rows.push(Plain::Heading(enrolled.institution_name.clone()));
    rows.push(Plain::Title(language.pick("终端验收报告", "Commissioning Report").to_owned()));
    rows.push(fact("终端机编号", "Terminal", report.terminal.to_string()));
    rows.push(fact("用途", "Role", report.face.name(language).to_owned()));
    rows.push(fact("机构编码", "Institution", enrolled.institution_code.clone()));
    rows.push(fact("城市", "City", enrolled.city.to_string()));
    rows.push(fact("装机开始", "Begun", report.begun.to_string()));
    rows.push(fact("装机完成", "Finished", report.made.to_string()));
    rows.push(fact("中心", "Center", report.center.address.clone()));
    rows.push(identifier("中心根证书指纹", "Center's authority", report.center.fingerprint.to_string()));
    rows.push(identifier("终端证书指纹", "Certificate", enrolled.certificate.to_string()));
    rows.push(fact("证书有效期至", "Good until", enrolled.certificate_until.to_string()));
    rows.push(fact("资格库变更", "Changes in cache", format!("{} / {}", filled.cursor, filled.newest)));
    rows.push(fact("规则版次", "Rules revision", filled.rules_revision.to_string()));
}

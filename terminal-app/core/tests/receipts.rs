//! Receipts on paper and as PDF.
//!
//! The texts stand in `vectors/receipts`; `JINBAO_BLESS=1` writes them anew, to be looked at and committed.
//! `JINBAO_KEEP_PDF=<folder>` keeps the PDF files there.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use card_spec::{money::Fen, person::PersonNumber};
use proptest::{prelude::*, test_runner::Config};
use protocol::{
    record::PaidBy,
    service::{ContributionKind, Due},
    timestamp::Timestamp,
    upload::RefusalReason,
};
use terminal::language::Language;
use terminal::receipt::{
    AccountMovement, Booking, COLUMNS_58_MM, COLUMNS_80_MM, CardProof, KnownBy, LINES_MAX, MaskedName,
    MaskedNumber, Receipt, ReceiptFont, ReceiptKind, ReceiptLine, Slip, SlipKind,
};
use terminal::rules::{Case, CityRules, ItemClass, PersonKind, VisitKind, settle};

/// The font that the set-up installs (Debian package fonts-wqy-microhei).
const FONT: &str = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc";
const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn font() -> ReceiptFont {
    let bytes = fs::read(FONT).unwrap_or_else(|error| {
        panic!("{FONT}: {error}; the project's set-up installs it (apt-get install fonts-wqy-microhei)")
    });
    ReceiptFont::new(bytes, 0).unwrap()
}

/// The receipt of the sample outpatient bill in Beijing.
fn receipt() -> Receipt {
    let rules = CityRules::from_json(&fs::read(root("samples/rules/beijing.json")).unwrap()).unwrap();
    let case = Case::from_json(&fs::read(root("samples/bills/outpatient.json")).unwrap(), None).unwrap();
    let outcome = settle(&rules, &case.bill, &case.person, &case.year, &case.account).unwrap();
    Receipt {
        kind: ReceiptKind::Settlement,
        copy: false,
        institution: "北京市样例医院".into(),
        terminal: "410100813475".parse().unwrap(),
        operator: "0017".into(),
        transaction: "5f0c6e2a9b3d47188c1e00d2aa41f7b9".parse().unwrap(),
        sequence: Some(1042),
        time: Timestamp(1_741_918_951_000),
        name: MaskedName::of("欧阳小敏"),
        number: MaskedNumber::of(&PersonNumber::parse("11010519491231002X").unwrap()),
        person: PersonKind::Worker,
        visit: VisitKind::Outpatient,
        lines: ReceiptLine::of_bill(&case.bill),
        settlement: outcome.settlement,
        account: Some(AccountMovement { before: case.account.balance, after: outcome.balance_after }),
        proof: Some(CardProof { tac: [0x3a, 0x91, 0x0c, 0xe7], card_serial: 214 }),
        booking: Booking::Booked { receipt: "BJ-20250314-000871".into() },
    }
}

fn cancellation() -> Receipt {
    let settled = receipt();
    Receipt {
        kind: ReceiptKind::Cancellation,
        copy: true,
        settlement: settled.settlement.cancellation(),
        account: settled
            .account
            .map(|account| AccountMovement { before: account.after, after: account.before }),
        proof: None,
        sequence: Some(1043),
        booking: Booking::Pending { offline: true },
        lines: Vec::new(),
        ..settled
    }
}

/// Columns as a receipt printer counts them.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn compare(name: &str, text: &str) {
    let path = root("vectors/receipts").join(name);
    if env::var_os("JINBAO_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, expected, "{name}");
}

#[test]
fn texts_are_as_they_were_looked_at() {
    for (name, receipt) in [("settlement", receipt()), ("cancellation", cancellation())] {
        for (language, suffix) in LANGUAGES.into_iter().zip(["zh", "en"]) {
            for columns in [COLUMNS_58_MM, COLUMNS_80_MM] {
                compare(&format!("{name}-{suffix}-{columns}.txt"), &receipt.text(columns, language));
            }
        }
    }
}

#[test]
fn every_state_is_said() {
    let states = [
        (Booking::Pending { offline: false }, "待中心入账", "to be booked"),
        (Booking::Pending { offline: true }, "脱机交易", "offline"),
        (Booking::Booked { receipt: "R1".into() }, "中心已入账", "Booked at the center"),
        (Booking::Refused { reason: RefusalReason::Blacklisted }, "卡已挂失或停用", "the card is blocked"),
        (Booking::Conflict, "不一致", "Differs"),
    ];
    for (booking, chinese, english) in states {
        let receipt = Receipt { booking, ..receipt() };
        assert!(receipt.text(COLUMNS_80_MM, Language::Chinese).contains(chinese), "{chinese}");
        assert!(receipt.text(COLUMNS_80_MM, Language::English).contains(english), "{english}");
    }
}

#[test]
fn long_bills_end_in_a_sum() {
    let line = receipt().lines[0].clone();
    let with = |count: usize| Receipt { lines: vec![line.clone(); count], ..receipt() };
    let text = |receipt: &Receipt| receipt.text(COLUMNS_80_MM, Language::English);
    assert!(!text(&with(LINES_MAX + 1)).contains("further lines"));
    let long = text(&with(LINES_MAX + 40));
    let rest = long.lines().find(|line| line.contains("40 further lines")).unwrap();
    assert!(rest.ends_with(" 2000.00"), "{rest}");
    assert_eq!(long.matches("普通门诊诊查费").count(), LINES_MAX);
}

#[test]
fn no_text_of_others_commands_the_printer() {
    let mut receipt = receipt();
    receipt.institution = "医\u{1b}@院".into();
    receipt.lines[0].name = "药\u{1d}V\0品\n".into();
    receipt.operator = "\u{7}17".into();
    receipt.booking = Booking::Booked { receipt: "\u{1b}p0".into() };
    for line in receipt.lines(COLUMNS_58_MM, Language::Chinese) {
        assert!(!line.text.chars().any(char::is_control), "{:?}", line.text);
    }
}

#[test]
fn no_line_is_too_wide_and_no_character_is_lost() {
    let texts = "[ -~一-十甲-男，。、（）A-Za-z0-9]{0,120}";
    let strategy =
        (texts, prop::collection::vec((texts, 0..10_000_000_000_i64), 0..6), 20..60_usize, any::<bool>());
    let seed = env::var("JINBAO_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), "receipts"));
    println!("JINBAO_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let rng = prop::test_runner::TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let mut runner = prop::test_runner::TestRunner::new_with_rng(config, rng);
    let result = runner.run(&strategy, |(institution, lines, width, english)| {
        let language = if english { Language::English } else { Language::Chinese };
        let lines: Vec<ReceiptLine> = lines
            .into_iter()
            .map(|(name, amount)| ReceiptLine {
                name,
                class: ItemClass::B,
                price: "1".parse().unwrap(),
                count: "1".parse().unwrap(),
                amount: Fen(amount),
            })
            .collect();
        let receipt = Receipt { institution, lines, ..receipt() };
        let width = width.max(terminal::receipt::COLUMNS_MIN);
        let printed = receipt.lines(width, language);
        for line in &printed {
            let limit = if line.large { width / 2 } else { width };
            prop_assert!(columns(&line.text) <= limit, "{:?}", line);
        }
        let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
        let all = bare(&printed.iter().map(|line| line.text.as_str()).collect::<String>());
        prop_assert!(all.contains(&bare(&receipt.institution)));
        for line in &receipt.lines {
            prop_assert!(all.contains(&bare(&line.name)), "{}", line.name);
            let amount = format!(" {}", line.amount);
            prop_assert!(printed.iter().any(|printed| printed.text.ends_with(&amount)), "{}", amount);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("JINBAO_SEED={seed}: {error}");
    }
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program}: {error}; the project's set-up installs it (apt-get install poppler-utils)")
    });
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text_of(pdf: &[u8], folder: &Path) -> String {
    let path = folder.join("receipt.pdf");
    fs::write(&path, pdf).unwrap();
    String::from_utf8(run("pdftotext", &["-layout", path.to_str().unwrap(), "-"])).unwrap()
}

#[test]
fn a_foreign_reader_gets_the_text_back_from_the_pdf() {
    let folder = tempfile::tempdir().unwrap();
    let font = font();
    for receipt in [receipt(), cancellation()] {
        for language in LANGUAGES {
            let pdf = receipt.pdf(&font, language).unwrap();
            if let Some(folder) = env::var_os("JINBAO_KEEP_PDF") {
                let name = format!("{:?}-{language:?}.pdf", receipt.kind).to_lowercase();
                fs::write(Path::new(&folder).join(name), &pdf).unwrap();
            }
            assert!(pdf.starts_with(b"%PDF-"));
            // A subset, not the five megabytes of the font.
            assert!(pdf.len() < 120_000, "{} bytes", pdf.len());
            let read = text_of(&pdf, folder.path());
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            let read = bare(&read);
            for line in receipt.text(COLUMNS_80_MM, language).lines() {
                let words = line.trim_start_matches("** ").split_whitespace();
                for word in words.filter(|word| !word.starts_with("---")) {
                    assert!(read.contains(&bare(word)), "{word} is not in {read}");
                }
            }
        }
    }
    // The font is inside, as a subset, and mapped to characters.
    let path = folder.path().join("receipt.pdf");
    let fonts = String::from_utf8(run("pdffonts", &[path.to_str().unwrap()])).unwrap();
    let line = fonts.lines().nth(2).unwrap();
    assert!(line.contains("WenQuanYi"), "{line}");
    assert!(line.split_whitespace().filter(|word| *word == "yes").count() >= 3, "emb, sub, uni: {line}");
}

#[test]
fn equal_receipts_are_equal_bytes() {
    let receipt = receipt();
    let (one, other) = (font(), font());
    assert_eq!(
        receipt.pdf(&one, Language::Chinese).unwrap(),
        receipt.pdf(&other, Language::Chinese).unwrap()
    );
    let stored: Receipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
    assert_eq!(stored, receipt);
}

#[test]
fn no_font_is_an_error_and_a_missing_character_is_known() {
    assert!(ReceiptFont::new(b"no font".to_vec(), 0).is_err());
    assert!(ReceiptFont::new(fs::read(FONT).unwrap(), 99).is_err());
    let font = font();
    assert_eq!(font.missing("张* 110105"), []);
    assert_eq!(font.missing("张\u{2a700}"), ['\u{2a700}']);
    // It is drawn as a box, and everything else stays.
    let odd = Receipt { name: MaskedName::of("\u{2a700}三"), ..receipt() };
    let folder = tempfile::tempdir().unwrap();
    assert!(text_of(&odd.pdf(&font, Language::Chinese).unwrap(), folder.path()).contains("北京市样例医院"));
}

fn owed(kind: ContributionKind, months: u8) -> Due {
    Due {
        period: protocol::calendar::Period::from_number(202_611).unwrap(),
        months,
        kind,
        amount: Fen(42_000),
        until: protocol::calendar::Day::from_number(20_261_231).unwrap(),
    }
}

/// What is done with a holder without a bill, each known in another way.
fn slips() -> Vec<Slip> {
    let position = |number| protocol::evidence::FingerPosition::new(number).unwrap();
    let kinds = [
        (
            SlipKind::Pension {
                period: protocol::calendar::Period::from_number(202_611).unwrap(),
                amount: Fen(215_050),
            },
            KnownBy::Finger { position: position(1) },
            Booking::Pending { offline: true },
        ),
        (
            SlipKind::Certification {
                until: protocol::calendar::Day::from_number(20_271_124).unwrap(),
                place: Default::default(),
            },
            KnownBy::Clerk { second: true },
            Booking::Booked { receipt: "CS-7".into() },
        ),
        (
            SlipKind::Contribution {
                dues: vec![owed(ContributionKind::ResidentMedical, 12), owed(ContributionKind::Medical, 1)],
                amount: Fen(84_000),
                paid_by: PaidBy::BankCard { reference: "A".repeat(24) },
            },
            KnownBy::Pin,
            Booking::Booked { receipt: "CS-8".into() },
        ),
        (
            SlipKind::ContributionReversal {
                of: receipt().transaction,
                dues: vec![owed(ContributionKind::Pension, 1)],
                amount: Fen(42_000),
                paid_by: PaidBy::Cash,
            },
            KnownBy::Pin,
            Booking::Refused { reason: RefusalReason::ReversalTooLate },
        ),
        (
            SlipKind::Enrolment { fingers: vec![position(1), position(7)] },
            KnownBy::Clerk { second: false },
            Booking::Refused { reason: RefusalReason::ConsentMissing },
        ),
        (SlipKind::Enrolment { fingers: Vec::new() }, KnownBy::Pin, Booking::Conflict),
    ];
    let receipt = receipt();
    kinds
        .into_iter()
        .map(|(kind, known, booking)| Slip {
            kind,
            copy: false,
            institution: "长沙市试验银行".into(),
            terminal: receipt.terminal,
            operator: "0101\u{1b}@".into(),
            transaction: receipt.transaction,
            sequence: Some(77),
            time: receipt.time,
            name: receipt.name.clone(),
            number: receipt.number.clone(),
            known,
            booking,
        })
        .collect()
}

#[test]
fn slips_fit_the_paper_and_say_what_was_done() {
    for slip in slips() {
        for language in LANGUAGES {
            for columns in [COLUMNS_58_MM, COLUMNS_80_MM] {
                let text = slip.text(columns, language);
                let width =
                    |line: &str| line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
                for line in slip.lines(columns, language) {
                    let most = if line.large { columns / 2 } else { columns };
                    assert!(width(&line.text) <= most, "{}", line.text);
                }
                assert!(text.contains("77") && !text.contains('\u{1b}'), "{text}");
                // Nothing that was not masked.
                assert!(!text.contains("欧阳小敏") && !text.contains("11010519491231002X"));
            }
        }
    }
    let [pension, certified, contribution, reversal, fingers, none] = <[Slip; 6]>::try_from(slips()).unwrap();
    let chinese = |slip: &Slip| slip.text(COLUMNS_80_MM, Language::Chinese);
    for (slip, words) in [
        (&pension, ["养老金发放凭证", "2026-11", "2150.50", "指纹（右手拇指）"]),
        (&certified, ["资格认证", "2027-11-24", "双人核验", "CS-7"]),
        (&contribution, ["缴费凭证", "城乡居民基本医疗保险基金", "840.00", "银行卡"]),
        (&reversal, ["缴费撤销凭证", "5f0c6e2a", "420.00", "不是当天的缴费"]),
        (&fingers, ["指纹采集", "右手拇指", "左手食指", "没有本人同意"]),
        (&none, ["指纹采集", "未采集到合格指纹", "密码", "正在核查"]),
    ] {
        let text = chinese(slip);
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let english = pension.text(COLUMNS_80_MM, Language::English);
    assert!(english.contains("Pension") && english.contains("right thumb"), "{english}");
}

#[test]
fn slips_are_pdf_documents() {
    let font = font();
    for slip in slips() {
        for language in LANGUAGES {
            let pdf = slip.pdf(&font, language).unwrap();
            assert!(pdf.starts_with(b"%PDF-"));
            assert_eq!(pdf, slip.pdf(&font, language).unwrap(), "the same each time");
        }
    }
}

/// Whatever part of a training receipt is cut off, it says what it is, and promises nothing.
#[test]
fn paper_of_training_says_so_in_each_part() {
    let real = receipt();
    let training = Receipt {
        terminal: terminal::training::terminal_number(),
        booking: Booking::Pending { offline: true },
        ..receipt()
    };
    for language in LANGUAGES {
        for columns in [24, COLUMNS_58_MM, COLUMNS_80_MM] {
            let text = training.text(columns, language);
            // Narrow paper breaks the mark over two lines.
            let marks = text.matches("TRAINING").count();
            let rules = text.lines().filter(|line| line.starts_with("---")).count();
            assert_eq!(marks, rules + 2, "{text}");
            assert!(text.lines().next().unwrap().contains("培训"), "{text}");
            assert!(
                text.contains("never booked") && !text.contains("联机") && !text.contains("will be"),
                "{text}"
            );
            assert!(text.lines().all(|line| width(line) <= columns), "{text}");
        }
        assert!(!real.text(COLUMNS_80_MM, language).contains("TRAINING"));
        let folder = tempfile::tempdir().unwrap();
        let pdf = text_of(&training.pdf(&font(), language).unwrap(), folder.path());
        assert!(pdf.matches("TRAINING").count() >= 6, "{pdf}");
    }
}

/// Half-width columns of a line.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c.is_ascii() || "×·—".contains(c) { 1 } else { 2 }).sum()
}

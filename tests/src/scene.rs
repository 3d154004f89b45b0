//! A whole town for one test: center, terminal, reader, card, holder, in a folder that vanishes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use card_spec::generation::Generation;
use datacenter::configuration::Configuration;
use protocol::id::TerminalId;
use serde_json::json;
use sim::{
    fault::Plan,
    image::{self, CardImage, DirectoryImage, Image, PsamImage},
    pcscd::Model,
    personalise::CardOrder,
};
use tempfile::TempDir;

use crate::{
    Logs, PLANTED_PIN, PLANTED_SECRET,
    center::TestCenter,
    holder::{BALANCE_FEN, Holder, save_card},
    jinbao::{Answer, Jinbao, Started},
    reader::{Kind, TestReader},
    seed,
};

/// Number of the first terminal.
pub const TERMINAL: &str = "320300000001";
/// Number of the second terminal.
pub const SECOND_TERMINAL: &str = "320300000002";
/// What the second terminal's commands say is numbered from here.
const SECOND_NUMBERS: u32 = 500;

/// Operator who settles and takes back.
pub const SUPERVISOR: &str = "0900";

/// Center, terminal, reader, card and holder. End every test with [`Scene::end`].
#[derive(Debug)]
pub struct Scene {
    /// Everything lies in it.
    pub folder: TempDir,
    /// Where logs go.
    pub logs: Logs,
    /// Seed of the run.
    pub seed: u64,
    /// The cardholder.
    pub holder: Holder,
    /// The center.
    pub center: TestCenter,
    /// The reader, unless the card lies in the terminal's process.
    pub reader: Option<TestReader>,
    /// The terminal's program.
    pub jinbao: Jinbao,
    /// File of the card that is used now.
    pub card: PathBuf,
    /// Balance that this card began with, in fen.
    pub balance_fen: u32,
    psam: PathBuf,
    cards: u32,
    bills: u32,
    plan: Plan,
    reader_argument: Option<String>,
}

impl Scene {
    /// With the real pcscd; the terminal is enrolled and filled, a supervisor is signed in, a card of this
    /// generation lies on the table.
    ///
    /// # Panics
    /// When anything of it fails.
    pub fn at_reader(test: &str, generation: Generation) -> Self {
        Self::new(test, generation, Some(Kind::Virtual), |_| {})
    }

    /// The same with the emulated reader board: its firmware, its lines, its driver.
    ///
    /// # Panics
    /// When anything of it fails.
    pub fn at_board(test: &str, generation: Generation, model: Model) -> Self {
        Self::new(test, generation, Some(Kind::Board(model)), |_| {})
    }

    /// The same with card and PSAM inside the terminal's process, for tests that are not about the reader.
    ///
    /// # Panics
    /// When anything of it fails.
    pub fn in_process(test: &str, generation: Generation) -> Self {
        Self::new(test, generation, None, |_| {})
    }

    /// With a center that is set up otherwise, and this reader; without one, card and PSAM lie in the terminal's
    /// process.
    ///
    /// # Panics
    /// When anything of it fails.
    pub fn new(
        test: &str,
        generation: Generation,
        reader: Option<Kind>,
        change: impl FnOnce(&mut Configuration),
    ) -> Self {
        let seed = seed::of(test);
        let folder = tempfile::Builder::new().prefix("jinbao-").tempdir().expect("a temporary folder");
        let holder = Holder::new(seed, 0);
        let [name, number] = holder.planted();
        let logs = Logs::of(test, &[PLANTED_PIN, PLANTED_SECRET, name, number]);
        let place = |name: &str| folder.path().join(name);
        let center = TestCenter::start(&place("center"), &holder.city(), holder.keys, change);
        let psam = place("psam.json");
        image::save(&psam, &Image::Psam(holder.psam(terminal()).build())).expect("the PSAM can be written");
        fs::create_dir(place("scratch")).expect("a folder");
        let mut jinbao = Jinbao::new(place("data"), place("scratch"));
        let reader = reader.map(|kind| TestReader::start_kind(kind, &psam));
        if let Some(reader) = &reader {
            jinbao.environment.push(("PCSCLITE_CSOCK_NAME", reader.socket().into_os_string()));
        }
        let mut scene = Scene {
            folder,
            logs,
            seed,
            holder,
            center,
            reader,
            jinbao,
            card: PathBuf::new(),
            balance_fen: BALANCE_FEN,
            psam,
            cards: 0,
            bills: 0,
            plan: Plan::none(),
            reader_argument: None,
        };
        scene.enrol();
        scene.run(&["operator", "add", SUPERVISOR, "--role", "supervisor"], &[PLANTED_SECRET]).done();
        scene.sign_in();
        scene.run(&["sync"], &[]).done();
        let image = scene.holder.order(generation).build().expect("a card can be made");
        scene.take_card(image);
        scene
    }

    /// Enrols the terminal with a new code.
    ///
    /// # Panics
    /// When it does not succeed.
    pub fn enrol(&self) {
        let code = self.center.code(terminal());
        self.try_enrol(&code).done();
    }

    /// Tries to enrol the terminal with this code.
    pub fn try_enrol(&self, code: &str) -> Answer {
        let (center, enrolment) = (self.center.url(), self.center.enrolment_url());
        let authority = self.center.authority();
        let names = self.reader.as_ref().map(TestReader::names);
        let mut words = vec!["enrol", "--terminal", TERMINAL, "--center", &center, "--enrolment", &enrolment];
        words.extend(["--authority", text(&authority)]);
        if let Some(names) = &names {
            words.extend(["--readers", names]);
        }
        self.run(&words, &[code])
    }

    /// Signs the supervisor in.
    ///
    /// # Panics
    /// When it does not succeed.
    pub fn sign_in(&self) {
        self.run(&["operator", "sign-in", SUPERVISOR], &[PLANTED_SECRET]).done();
    }

    /// Puts another card onto the table: everything below is about it from now on. Gives its file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn take_card(&mut self, image: CardImage) -> PathBuf {
        self.card = self.folder.path().join(format!("card-{}.json", self.cards));
        self.cards += 1;
        self.balance_fen = account_of(&image.root).unwrap_or(0);
        save_card(image, &self.card);
        self.put_in(Plan::none());
        self.card.clone()
    }

    /// [`Scene::take_card`] of an order by this scene's holder.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn take_order(
        &mut self,
        generation: Generation,
        change: impl FnOnce(CardOrder<'_>) -> CardOrder<'_>,
    ) -> PathBuf {
        let image = change(self.holder.order(generation)).build().expect("a card can be made");
        self.take_card(image)
    }

    /// Builds another PSAM into the terminal, where both chips lie in its process.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn take_psam(&mut self, image: PsamImage) {
        image::save(&self.psam, &Image::Psam(image)).expect("the PSAM can be written");
    }

    /// Puts the card on the table into the slot again, with these faults.
    ///
    /// # Panics
    /// When the reader does not notice. In the terminal's process only faults that have words can be told.
    pub fn put_in(&mut self, plan: impl Into<Plan>) {
        let plan = plan.into();
        self.plan = plan.clone();
        match &mut self.reader {
            Some(reader) => reader.insert(&self.card, plan),
            None => {
                let words = plan.0.iter().map(|fault| format!(",{}", words_of(fault))).collect::<String>();
                self.reader_argument = Some(format!("sim:{},{}{words}", text(&self.card), text(&self.psam)));
            }
        }
    }

    /// Lets every further command of the terminal see a clock that is off by this much, as `faketime` writes it
    /// (`+25h`, `-1y`); an empty text is the right time. Timeouts go on as they are.
    pub fn move_terminal_clock(&mut self, by: &str) {
        self.jinbao.move_clock(by);
    }

    /// Takes the card out and puts it in again, with the same faults.
    ///
    /// # Panics
    /// When the reader does not notice.
    pub fn put_in_again(&mut self) {
        self.put_in(self.plan.clone());
    }

    /// Runs a command with `--json` and keeps what it says as a log.
    pub fn run(&self, arguments: &[&str], lines: &[&str]) -> Answer {
        self.jinbao.run(&self.logs, &self.words(arguments, true), lines)
    }

    /// The same as a person sees it.
    pub fn run_for_people(&self, arguments: &[&str], lines: &[&str]) -> Answer {
        self.jinbao.run(&self.logs, &self.words(arguments, false), lines)
    }

    /// Runs a command whose answer is meant to hold personal data; it is kept nowhere.
    pub fn run_private(&self, arguments: &[&str], lines: &[&str]) -> Answer {
        self.jinbao.run_private(&self.words(arguments, true), lines)
    }

    /// Starts a command with `--json`.
    pub fn start(&self, arguments: &[&str], lines: &[&str]) -> Started {
        self.jinbao.start(&self.words(arguments, true), lines)
    }

    /// Starts a command with these faults (in words) at the card, where it lies in the terminal's process.
    pub fn start_with(&self, arguments: &[&str], lines: &[&str], faults: &str) -> Started {
        let reader = format!("sim:{},{},{faults}", text(&self.card), text(&self.psam));
        self.jinbao.start(&[arguments, &["--json", "--reader", &reader]].concat(), lines)
    }

    fn words<'a>(&'a self, arguments: &[&'a str], json: bool) -> Vec<&'a str> {
        let mut words = arguments.to_vec();
        if json {
            words.push("--json");
        }
        if let Some(reader) = &self.reader_argument {
            words.extend(["--reader", reader]);
        }
        words
    }

    /// One visit with this bill and the holder's PIN.
    pub fn visit(&self, bill: &Path) -> Answer {
        self.run(&["visit", "--bill", text(bill)], &[PLANTED_PIN])
    }

    /// The same as if the line were down.
    pub fn visit_offline(&self, bill: &Path) -> Answer {
        self.run(&["visit", "--bill", text(bill), "--offline"], &[PLANTED_PIN])
    }

    /// A bill of one outpatient visit, all of it inside the policy scope (甲), with one line for each amount.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn bill(&mut self, yuan: &[&str]) -> PathBuf {
        let path = self.folder.path().join(format!("bill-{}.json", self.bills));
        self.bills += 1;
        let lines: Vec<_> = yuan
            .iter()
            .enumerate()
            .map(|(at, price)| {
                let code = format!("XA01TEST{at:04}");
                json!({ "code": code, "name": "检查费", "class": "01", "price": price, "count": "1" })
            })
            .collect();
        let bill = json!({ "visit": "outpatient", "lines": lines });
        fs::write(&path, bill.to_string()).expect("the bill can be written");
        path
    }

    /// Ends the test: what the parts have written is kept as logs and searched for planted words.
    ///
    /// # Panics
    /// When a planted word is in them.
    pub fn end(self) {
        if let Some(reader) = &self.reader {
            self.logs.keep("pcscd.log", reader.log().as_bytes());
            if let Some(board) = reader.board() {
                self.logs.keep("board.log", board.board_log().as_bytes());
            }
        }
        self.logs.keep("center.log", self.center.log().as_bytes());
    }
}

/// Another terminal of the same city, with a PSAM of its own and both chips in its process.
#[derive(Debug)]
pub struct SecondTerminal {
    /// Its program.
    pub jinbao: Jinbao,
    psam: PathBuf,
}

impl Scene {
    /// Enrols and fills another terminal and signs the supervisor in there.
    ///
    /// # Panics
    /// When anything of it fails.
    pub fn second_terminal(&self) -> SecondTerminal {
        let terminal: TerminalId = SECOND_TERMINAL.parse().expect("12 digits");
        let psam = self.folder.path().join("psam-2.json");
        image::save(&psam, &Image::Psam(self.holder.psam(terminal).build()))
            .expect("the PSAM can be written");
        let mut jinbao = Jinbao::new(self.folder.path().join("data-2"), self.folder.path().join("scratch"));
        jinbao.number_from(SECOND_NUMBERS);
        // Tests are quicker than people: the same card is not at two terminals within one second.
        jinbao.move_clock("+2m");
        let second = SecondTerminal { jinbao, psam };
        let (center, enrolment) = (self.center.url(), self.center.enrolment_url());
        let (authority, code) = (self.center.authority(), self.center.code(terminal));
        let words = ["enrol", "--terminal", SECOND_TERMINAL, "--center", &center, "--enrolment", &enrolment];
        second.run(self, &[&words[..], &["--authority", text(&authority)]].concat(), &[&code]).done();
        second.run(self, &["operator", "add", SUPERVISOR, "--role", "supervisor"], &[PLANTED_SECRET]).done();
        second.run(self, &["operator", "sign-in", SUPERVISOR], &[PLANTED_SECRET]).done();
        second.run(self, &["sync"], &[]).done();
        second
    }
}

impl SecondTerminal {
    /// Starts a command there, with these faults (in words) at the card.
    pub fn start_with(&self, scene: &Scene, arguments: &[&str], lines: &[&str], faults: &str) -> Started {
        let reader = format!("sim:{},{},{faults}", text(&scene.card), text(&self.psam));
        self.jinbao.start(&[arguments, &["--json", "--reader", &reader]].concat(), lines)
    }

    /// Starts a command there with `--json`, the scene's card in its slot.
    pub fn start(&self, scene: &Scene, arguments: &[&str], lines: &[&str]) -> Started {
        let reader = format!("sim:{},{}", text(&scene.card), text(&self.psam));
        self.jinbao.start(&[arguments, &["--json", "--reader", &reader]].concat(), lines)
    }

    /// Runs a command there with `--json`, the scene's card in its slot.
    pub fn run(&self, scene: &Scene, arguments: &[&str], lines: &[&str]) -> Answer {
        let reader = format!("sim:{},{}", text(&scene.card), text(&self.psam));
        self.jinbao.run(&scene.logs, &[arguments, &["--json", "--reader", &reader]].concat(), lines)
    }
}

/// Balance of the card's account, if it has one.
fn account_of(directory: &DirectoryImage) -> Option<u32> {
    let own = directory.account.as_ref().map(|account| account.balance_fen);
    own.or_else(|| directory.directories.iter().find_map(account_of))
}

/// [`TERMINAL`] as a number.
pub fn terminal() -> TerminalId {
    TERMINAL.parse().expect("12 digits")
}

/// A path as the text that a command line takes.
///
/// # Panics
/// When it is no UTF-8; those of the tests are.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths of the tests are ASCII")
}

/// A fault as `--reader sim:…` takes it.
fn words_of(fault: &sim::fault::Fault) -> String {
    use sim::fault::Fault;
    match fault {
        Fault::PullBefore { command } => format!("pull-before={command}"),
        Fault::PullAfter { command } => format!("pull-after={command}"),
        Fault::CutInUpdate { command, cut } => format!("tear={command}:{}", cut.after_bytes),
        Fault::Mute => "mute".into(),
        Fault::GarbageAtr { bytes } => format!("atr={}", hex::encode(bytes)),
        Fault::Answer { command, answer } => format!("answer={command}:{}", hex::encode(answer)),
        Fault::StatusWord { command, status } => format!("status={command}:{status:04X}"),
        Fault::Truncate { command, bytes } => format!("truncate={command}:{bytes}"),
    }
}

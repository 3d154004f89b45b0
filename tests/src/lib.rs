//! What the end-to-end tests share: where logs go and what is planted in them.
//!
//! The tests give their people a PIN, a name and a number that stand nowhere else. Whatever a part of the
//! system writes while it works with them is kept as a log; `cargo xtask test` searches all logs of the whole run for the
//! planted words, and each test searches its own.

pub mod books;
pub mod center;
pub mod display;
pub mod firmware;
pub mod holder;
pub mod jinbao;
pub mod measured;
pub mod reader;
pub mod scene;
pub mod seed;

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// The PIN of every planted card: long enough to stand in no log by chance.
pub const PLANTED_PIN: &str = "480273915526";

/// The secret of every operator.
pub const PLANTED_SECRET: &str = "kai-men-7731-da-ji";

/// Does the parts of a test side by side, each with its number: they wait for a reader most of the time.
///
/// # Panics
/// When one of them does.
pub fn side_by_side(parts: usize, part: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..parts {
            let part = &part;
            scope.spawn(move || part(number));
        }
    });
}

/// Collects what was written during one test.
#[derive(Debug)]
pub struct Logs {
    folder: PathBuf,
    planted: Vec<String>,
}

impl Logs {
    /// Logs of the test of this name, and the words that may not be in them.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn of(test: &str, planted: &[&str]) -> Self {
        let root = env::var_os("JINBAO_TEST_LOGS")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-logs"), PathBuf::from);
        let folder = root.join(test);
        fs::create_dir_all(&folder).expect("the folder of the logs can be made");
        let planted: Vec<_> = planted.iter().map(|word| (*word).to_owned()).collect();
        let mut list = File::options()
            .create(true)
            .append(true)
            .open(root.join("planted.txt"))
            .expect("the list of planted words can be written");
        list.write_all((planted.join("\n") + "\n").as_bytes())
            .expect("the list of planted words can be written");
        Logs { folder, planted }
    }

    /// Keeps what one part has written.
    ///
    /// # Panics
    /// When a planted word is in it, or it cannot be kept.
    pub fn keep(&self, part: &str, content: &[u8]) {
        let at = self
            .planted
            .iter()
            .position(|word| content.windows(word.len()).any(|window| window == word.as_bytes()));
        assert!(at.is_none(), "planted word {} stands in the log of {part}", at.unwrap_or_default());
        fs::write(self.folder.join(part), content).expect("the log can be kept");
    }
}

use std::{fmt, str::FromStr};

use protocol::{id::IdError, signature::Digest};

/// How far a ledger has come. It only grows; a ledger with a smaller head than it once had was put back.
///
/// Written as four words: intentions, sequence, digest, armed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Intentions ever made.
    pub intentions: u64,
    /// Last sequence of the chain, 0 before the first.
    pub sequence: u64,
    /// Digest of that link, zeros before the first.
    pub digest: Digest,
    /// Transactions that a card may have carried out and whose outcome is open. With the same intentions and
    /// the same sequence it only grows.
    pub armed: u64,
}

/// Keeps the head outside of the ledger's file, so that putting the file back is noticed.
///
/// Called after each commit that moves the head. It need not reach the disk at once: a kept head that lags
/// behind the ledger is in order, only one that is ahead is not. Where it lies should not be part of a
/// backup of the ledger's folder.
pub trait HeadKeeper: Send {
    /// The head kept, `None` when none was ever kept. Errors count as none, and are audited.
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError>;

    /// Keeps a head.
    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError>;
}

/// The place outside of the ledger could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadKeeperError;

/// A place in memory, for tests and for reading a ledger without changing anything outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadInMemory(pub Option<Head>);

impl HeadKeeper for HeadInMemory {
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError> {
        Ok(self.0)
    }

    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError> {
        self.0 = Some(*head);
        Ok(())
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.intentions, self.sequence, self.digest, self.armed)
    }
}

impl FromStr for Head {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { expected: "intentions, sequence, digest and armed" };
        let mut words = text.split_whitespace();
        let mut word = || words.next().ok_or(error);
        let head = Head {
            intentions: word()?.parse().map_err(|_| error)?,
            sequence: word()?.parse().map_err(|_| error)?,
            digest: word()?.parse()?,
            armed: word()?.parse().map_err(|_| error)?,
        };
        if words.next().is_some() { Err(error) } else { Ok(head) }
    }
}

impl fmt::Display for HeadKeeperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ledger's head could not be kept outside of the ledger")
    }
}

impl std::error::Error for HeadKeeperError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn text_round_trips() {
        let head = Head { intentions: 12, sequence: 9, digest: Digest([0xA7; 32]), armed: 2 };
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
        for bad in ["", "1 2", "1 2 3 4", &format!("1 2 {}", head.digest), &format!("{head} 4"), "x 2 00 0"] {
            assert!(bad.parse::<Head>().is_err(), "{bad}");
        }
    }
}

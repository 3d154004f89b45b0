//! Faults as words: what a tester types to have a card pulled at a certain command.

use std::str::FromStr;

use sim::{
    eeprom::{PowerCut, Torn},
    fault::{Fault, Plan},
};

/// Every form, for help and errors.
pub const FORMS: &str =
    "pull-before=N pull-after=N tear=N:BYTE status=N:SW answer=N:HEX truncate=N:BYTES atr=HEX mute seed=S:N";

/// Faults of one insertion, from words such as `pull-after=12`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultWords(pub Vec<Fault>);

impl FaultWords {
    /// Parses words; the first that means nothing is the error.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        words.into_iter().map(fault).collect::<Result<_, _>>().map(FaultWords)
    }

    /// The plan for one insertion.
    pub fn plan(&self) -> Plan {
        Plan(self.0.clone())
    }
}

impl FromStr for FaultWords {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse([text])
    }
}

fn fault(word: &str) -> Result<Fault, String> {
    let wrong = || format!("{word}: {FORMS}");
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let pair = || value.split_once(':').ok_or_else(wrong);
    let bytes = |text: &str| hex::decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or_else(wrong);
    match name {
        "pull-before" => Ok(Fault::PullBefore { command: number(value)? }),
        "pull-after" => Ok(Fault::PullAfter { command: number(value)? }),
        "tear" => {
            let (command, after_bytes) = pair()?;
            let after_bytes = number(after_bytes)? as usize;
            Ok(Fault::CutInUpdate {
                command: number(command)?,
                cut: PowerCut { after_bytes, torn: Torn::Weak(0) },
            })
        }
        "status" => {
            let (command, status) = pair()?;
            let status = u16::from_str_radix(status, 16).map_err(|_| wrong())?;
            Ok(Fault::StatusWord { command: number(command)?, status })
        }
        "answer" => {
            let (command, answer) = pair()?;
            Ok(Fault::Answer { command: number(command)?, answer: bytes(answer)? })
        }
        "truncate" => {
            let (command, length) = pair()?;
            Ok(Fault::Truncate { command: number(command)?, bytes: number(length)? as usize })
        }
        "atr" => Ok(Fault::GarbageAtr { bytes: bytes(value)? }),
        "mute" if value.is_empty() => Ok(Fault::Mute),
        "seed" => {
            let (seed, command_max) = pair()?;
            Ok(Fault::from_seed(seed.parse().map_err(|_| wrong())?, number(command_max)?))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn words_and_faults() {
        let faults = FaultWords::parse(["pull-after=12", "status=3:6982", "mute"]).unwrap();
        assert_eq!(
            faults.0,
            [Fault::PullAfter { command: 12 }, Fault::StatusWord { command: 3, status: 0x6982 }, Fault::Mute]
        );
        for bad in ["pull", "pull-after=x", "tear=1", "status=1:zz", "atr=", "mute=1", "answer=1:"] {
            assert!(FaultWords::parse([bad]).is_err(), "{bad}");
        }
    }
}

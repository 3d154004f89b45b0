//! Who is signed in, kept between two commands.
//!
//! The ledger knows cycles; it does not know which person sits at the keyboard. A small file remembers
//! that, sealed with a MAC under the machine's secret, so that it cannot be written by hand. It is worth
//! nothing without its open cycle, and after 24 hours nothing more than a cashier's.

use std::{fs, io};

use protocol::timestamp::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use terminal::{
    error::Error,
    ledger::Ledger,
    roles::{Action, Operator, SignedIn},
};

use super::{data_dir::write_atomic, machine_secret::MachineSecret, terminal::Cabinet};
use crate::failure::{Failure, file_error};

/// What the MAC is for.
const PURPOSE: &[u8] = b"jinbao shift 1";

#[derive(Serialize, Deserialize)]
struct Stored {
    operator: String,
    cycle: Option<String>,
    since: Timestamp,
    mac: String,
}

/// Remembers who has signed in.
pub fn store(cabinet: &Cabinet, signed_in: &SignedIn, now: Timestamp) -> Result<(), Failure> {
    let mut stored = Stored {
        operator: signed_in.operator.clone(),
        cycle: signed_in.cycle.as_ref().map(|cycle| cycle.number.clone()),
        since: now,
        mac: String::new(),
    };
    stored.mac = hex::encode(hmac::sign(&key(&cabinet.secret), &stored.covered()));
    let text = serde_json::to_vec(&stored).unwrap_or_default();
    Ok(write_atomic(&cabinet.data.shift(), &text)?)
}

/// Forgets who was signed in.
pub fn forget(cabinet: &Cabinet) -> Result<(), Failure> {
    let path = cabinet.data.shift();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&path)(error).into()),
        _ => Ok(()),
    }
}

/// Who is signed in; `None` when nobody is, or not any more.
pub fn load(cabinet: &Cabinet, ledger: &Ledger, now: Timestamp) -> Result<Option<SignedIn>, Failure> {
    let Ok(text) = fs::read(cabinet.data.shift()) else { return Ok(None) };
    let Ok(stored) = serde_json::from_slice::<Stored>(&text) else { return Ok(None) };
    let mac = hex::decode(&stored.mac).unwrap_or_default();
    if hmac::verify(&key(&cabinet.secret), &stored.covered(), &mac).is_err() {
        return Ok(None);
    }
    let operators = ledger.operators().map_err(Error::from)?;
    let Some(operator) =
        operators.into_iter().find(|operator| operator.number == stored.operator && operator.active)
    else {
        return Ok(None);
    };
    let cycle = match &stored.cycle {
        Some(number) => ledger.cycle(number).map_err(Error::from)?,
        None => None,
    };
    let still_open =
        |cycle: &terminal::roles::Cycle| cycle.closed_at.is_none() && cycle.operator == stored.operator;
    if stored.cycle.is_some() && !cycle.as_ref().is_some_and(still_open) {
        return Ok(None);
    }
    let overdue = ledger.cycle_overdue(now).map_err(Error::from)?;
    let Operator { number: operator, role, .. } = operator;
    let signed_in = SignedIn { operator, role, cycle, overdue, since: stored.since };
    Ok(Some(signed_in).filter(|signed_in| signed_in.role.works_in_cycles() || signed_in.counts(now)))
}

/// The one signed in, with the right to an action; a refusal is audited.
///
/// Errors: `NotSignedIn`, `NotPermitted`.
pub fn require(
    cabinet: &Cabinet,
    ledger: &mut Ledger,
    action: Action,
    now: Timestamp,
) -> Result<SignedIn, Failure> {
    let signed_in = load(cabinet, ledger, now)?.ok_or(Error::NotSignedIn)?;
    ledger.authorise(&signed_in, action, now).map_err(Error::from)?;
    Ok(signed_in)
}

fn key(secret: &MachineSecret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &**secret)
}

impl Stored {
    fn covered(&self) -> Vec<u8> {
        let text = serde_json::to_vec(&(&self.operator, &self.cycle, self.since)).unwrap_or_default();
        [PURPOSE, &[0], &text].concat()
    }
}

//! Operators, their secrets and how they sign in.

use std::{fmt, num::NonZeroU32};

use protocol::{limits::OfflineLimits, reconciliation::CYCLE_MS_MAX, timestamp::Timestamp};
use ring::pbkdf2;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Action, Role, cycle,
    cycle::{CLOCK_BACK_MS_MAX, Cycle},
    permits,
};
use crate::{
    audit::{self, Actor, AuditEvent},
    ledger::{Ledger, LedgerError, Numbered, require_number},
    ports::Random,
};

/// Rounds of PBKDF2-HMAC-SHA256 for new secrets. Stored with each, so that it can be raised.
pub const PBKDF2_ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");

/// Wrong secrets in a row before an operator is locked out.
pub const FAILURES_MAX: u32 = 5;

/// How long a lock-out lasts.
pub const LOCK_MS: i64 = 15 * 60_000;

/// Shortest secret.
pub const SECRET_BYTES_MIN: usize = 6;

/// How long a sign-in counts for what a cashier may not do: an unattended machine must not stay a supervisor's
/// or an installer's for weeks. A cashier's own actions end with the working cycle.
pub const SHIFT_MS_MAX: i64 = CYCLE_MS_MAX;

/// Longest secret.
pub const SECRET_BYTES_MAX: usize = 128;

/// Longest name of an operator.
pub const NAME_BYTES_MAX: usize = 60;

const SALT_BYTES: usize = 16;
const DERIVED_BYTES: usize = 32;

/// Someone who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Number, as in the hospital's list.
    pub number: String,
    /// Role.
    pub role: Role,
    /// May sign in.
    pub active: bool,
    /// Locked out until then.
    pub locked_until: Option<Timestamp>,
    /// Name, for whoever has to call somebody; may be empty.
    pub name: String,
    /// The secret was typed by another, and is to be changed at the next sign-in.
    pub must_change: bool,
}

/// An operator to be set.
#[derive(Clone, Copy)]
pub struct NewOperator<'a> {
    /// Number.
    pub number: &'a str,
    /// Role.
    pub role: Role,
    /// The secret that signs in, [`SECRET_BYTES_MIN`] to [`SECRET_BYTES_MAX`] bytes.
    pub secret: &'a [u8],
    /// Rounds of PBKDF2: [`PBKDF2_ITERATIONS`], fewer only in tests.
    pub iterations: NonZeroU32,
}

impl fmt::Debug for NewOperator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOperator")
            .field("number", &self.number)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Someone who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Number.
    pub operator: String,
    /// Role at sign-in.
    pub role: Role,
    /// The working cycle. `None` for roles that do no business, and while an older cycle is overdue.
    pub cycle: Option<Cycle>,
    /// The cycle that has to be reconciled before new business can start.
    pub overdue: Option<Cycle>,
    /// When the secret was typed.
    pub since: Timestamp,
}

impl SignedIn {
    /// As the audit names it.
    pub fn actor(&self) -> Actor<'_> {
        Actor {
            operator: Some(&self.operator),
            cycle: self.cycle.as_ref().map(|cycle| cycle.number.as_str()),
        }
    }

    /// Whether the sign-in still counts: for [`SHIFT_MS_MAX`], and a clock put back far ends it as well.
    pub fn counts(&self, now: Timestamp) -> bool {
        (-CLOCK_BACK_MS_MAX..SHIFT_MS_MAX).contains(&now.0.saturating_sub(self.since.0))
    }

    /// Whether the role allows an action.
    pub fn may(&self, action: Action) -> bool {
        permits(self.role, action)
    }
}

/// Why someone could not sign in, or an operator could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInError {
    /// No such operator, or the secret is wrong.
    Wrong {
        /// Tries before the lock-out; `None` when there is no such operator.
        tries_left: Option<u32>,
    },
    /// Locked out after too many wrong secrets.
    Locked {
        /// Until then.
        until: Timestamp,
    },
    /// The new secret is shorter than [`SECRET_BYTES_MIN`] or longer than [`SECRET_BYTES_MAX`].
    SecretLength,
    /// The last supervisor cannot be taken out.
    LastSupervisor,
    /// The sign-in is older than [`SHIFT_MS_MAX`]: sign in again.
    ShiftOver,
    /// The secret was handed over by somebody else and has not been changed yet.
    SecretToChange,
    /// The role does not allow it; audited.
    NotPermitted {
        /// What was tried.
        action: Action,
    },
    /// The ledger failed.
    Ledger(LedgerError),
}

impl From<LedgerError> for SignInError {
    fn from(error: LedgerError) -> Self {
        SignInError::Ledger(error)
    }
}

impl From<rusqlite::Error> for SignInError {
    fn from(error: rusqlite::Error) -> Self {
        SignInError::Ledger(error.into())
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong { tries_left: Some(tries) } => {
                write!(f, "wrong number or secret, {tries} tries left")
            }
            Self::Wrong { tries_left: None } => f.write_str("wrong number or secret"),
            Self::Locked { until } => write!(f, "locked out until {until}"),
            Self::SecretLength => {
                write!(f, "a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} characters")
            }
            Self::LastSupervisor => f.write_str("the last supervisor cannot be taken out"),
            Self::ShiftOver => f.write_str("the sign-in is over"),
            Self::SecretToChange => f.write_str("the first secret has to be changed"),
            Self::NotPermitted { action } => write!(f, "the role does not allow {action:?}"),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SignInError {}

/// As much of a name as is kept, without what no name has.
fn shortened(name: &str) -> String {
    let mut kept = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        kept.push(letter);
    }
    kept
}

struct Stored {
    role: Role,
    active: bool,
    salt: Vec<u8>,
    iterations: NonZeroU32,
    secret: Vec<u8>,
    failures: u32,
    locked_until: Option<i64>,
}

impl Ledger {
    /// Adds an operator, or gives a known one another role and secret; a lock-out ends.
    ///
    /// The caller has checked that the actor may ([`Action::ManageOperators`]); the first operators are set at
    /// installation.
    /// Errors: `Ledger(NumberWrong)` unless the number is 1 to 64 visible ASCII characters, `SecretLength`,
    /// `LastSupervisor` when the last one would lose the role.
    pub fn set_operator(
        &mut self,
        operator: &NewOperator<'_>,
        random: &mut dyn Random,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        self.put_operator(operator, None, random, actor, now)
    }

    /// The same by a supervisor for somebody else: with a name, of which [`NAME_BYTES_MAX`] bytes are kept, and with a
    /// secret that is to be changed at the next sign-in ([`Operator::must_change`]).
    ///
    /// Errors: as for [`Ledger::set_operator`].
    pub fn issue_operator(
        &mut self,
        operator: &NewOperator<'_>,
        name: &str,
        random: &mut dyn Random,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        self.put_operator(operator, Some(name), random, actor, now)
    }

    /// `name` is that of somebody else, to whom the secret is handed; `None` keeps the name there is.
    fn put_operator(
        &mut self,
        operator: &NewOperator<'_>,
        name: Option<&str>,
        random: &mut dyn Random,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        let NewOperator { number, role, secret, iterations } = *operator;
        require_number(Numbered::Operator, number)?;
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
            return Err(SignInError::SecretLength);
        }
        if role != Role::Supervisor {
            self.require_other_supervisor(number)?;
        }
        let name = name.map(|name| shortened(name.trim()));
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let mut derived = [0; DERIVED_BYTES];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, secret, &mut derived);
        let event = AuditEvent::OperatorSet { number: number.to_owned(), role };
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO operator (number, role, active, salt, iterations, secret, name, must_change)
                     VALUES (?1, ?2, 1, ?3, ?4, ?5,
                             coalesce(?6, (SELECT name FROM operator WHERE number = ?1), ''), ?6 IS NOT NULL)",
                )?
                .execute(params![number, role.number(), salt, iterations.get(), derived, name])?;
            audit::append(transaction, now, actor, &event)
        })?;
        Ok(())
    }

    /// Takes an operator out; what was done under the number stays. Errors: `LastSupervisor`.
    pub fn remove_operator(
        &mut self,
        number: &str,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        self.require_other_supervisor(number)?;
        let event = AuditEvent::OperatorRemoved { number: number.to_owned() };
        self.write(|transaction| {
            transaction.execute("UPDATE operator SET active = 0 WHERE number = ?1", [number])?;
            audit::append(transaction, now, actor, &event)
        })?;
        Ok(())
    }

    /// All operators by number, also those taken out.
    pub fn operators(&self) -> Result<Vec<Operator>, LedgerError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT number, role, active, locked_until, name, must_change FROM operator ORDER BY number",
        )?;
        let mut rows = statement.query([])?;
        let mut operators = Vec::new();
        while let Some(row) = rows.next()? {
            operators.push(Operator {
                number: row.get(0)?,
                role: role_of(row.get(1)?)?,
                active: row.get(2)?,
                locked_until: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                name: row.get(4)?,
                must_change: row.get(5)?,
            });
        }
        Ok(operators)
    }

    /// Signs an operator in.
    ///
    /// Roles that do business get a working cycle: the running one when it is theirs and not over, else a new
    /// one, and another operator's running cycle is closed. While an older cycle is over and not reconciled
    /// there is no new one (`overdue` names it); the operator is signed in all the same, to reconcile.
    /// Takes about as long for an unknown number as for a wrong secret.
    /// Errors: `Wrong`, `Locked` (after [`FAILURES_MAX`] wrong secrets in a row, for [`LOCK_MS`]).
    pub fn sign_in(&mut self, number: &str, secret: &[u8], now: Timestamp) -> Result<SignedIn, SignInError> {
        let role = self.check_secret(number, secret, now)?;
        Ok(self.admit(number, role, now)?)
    }

    /// Checks an operator's number and secret, and says the role; nobody is signed in.
    ///
    /// Wrong secrets are counted and audited as at sign-in. Errors: `Wrong`, `Locked`.
    pub fn confirm_operator(
        &mut self,
        number: &str,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Role, SignInError> {
        let role = self.check_secret(number, secret, now)?;
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE operator SET failures = 0, locked_until = NULL WHERE number = ?1")?
                .execute([number])?;
            Ok(())
        })?;
        Ok(role)
    }

    fn check_secret(&mut self, number: &str, secret: &[u8], now: Timestamp) -> Result<Role, SignInError> {
        let Some(stored) = self.stored(number)?.filter(|stored| stored.active) else {
            let mut derived = [0; DERIVED_BYTES];
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA256,
                PBKDF2_ITERATIONS,
                &[0; SALT_BYTES],
                secret,
                &mut derived,
            );
            let event = AuditEvent::SignInFailed { number: None };
            self.write(|transaction| audit::append(transaction, now, Actor::default(), &event))?;
            return Err(SignInError::Wrong { tries_left: None });
        };
        if let Some(until) = stored.locked_until.filter(|until| now.0 < *until) {
            return Err(SignInError::Locked { until: Timestamp(until) });
        }
        // The try is counted before the secret is looked at, so that a power cut gives none back.
        let failures = self.count_try(number, stored.failures, now)?;
        let right = pbkdf2::verify(
            pbkdf2::PBKDF2_HMAC_SHA256,
            stored.iterations,
            &stored.salt,
            secret,
            &stored.secret,
        );
        if right.is_err() {
            let locked = failures >= FAILURES_MAX;
            let event = if locked {
                AuditEvent::LockedOut { number: number.to_owned() }
            } else {
                AuditEvent::SignInFailed { number: Some(number.to_owned()) }
            };
            self.write(|transaction| audit::append(transaction, now, Actor::default(), &event))?;
            return Err(if locked {
                SignInError::Locked { until: now.plus_ms(LOCK_MS) }
            } else {
                SignInError::Wrong { tries_left: Some(FAILURES_MAX - failures) }
            });
        }
        Ok(stored.role)
    }

    /// Opens a cycle for someone who got none because an older one is not reconciled, while the line is down.
    ///
    /// The caller has tried to reach the center. It is opened as long as the oldest cycle in the way began within
    /// `cache_age_max_ms`, the time that offline business has anyway; each of the cycles is compared with the
    /// center later, and [`Ledger::require_reconciled`] ends business when the line is back. Unchanged when there
    /// is a cycle, when none is needed, and when the time is up.
    pub fn go_on_offline(
        &mut self,
        signed_in: SignedIn,
        limits: &OfflineLimits,
        now: Timestamp,
    ) -> Result<SignedIn, LedgerError> {
        let waits = signed_in.overdue.as_ref().is_some_and(|overdue| overdue.waits_offline(limits, now));
        if !waits || signed_in.cycle.is_some() || !signed_in.role.works_in_cycles() {
            return Ok(signed_in);
        }
        let terminal = self.terminal();
        let head = self.head()?.sequence;
        self.write(|transaction| {
            if let Some(open) = cycle::open_one(transaction)? {
                cycle::close(transaction, &open, head, now)?;
            }
            let cycle = cycle::begin(transaction, terminal, &signed_in.operator, now)?;
            let signed_in = SignedIn { cycle: Some(cycle), ..signed_in };
            audit::append(transaction, now, signed_in.actor(), &AuditEvent::CycleOffline)?;
            Ok(signed_in)
        })
    }

    /// Signs an operator out and closes the cycle.
    pub fn sign_out(&mut self, signed_in: &SignedIn, now: Timestamp) -> Result<(), LedgerError> {
        let head = self.head()?.sequence;
        self.write(|transaction| {
            if let Some(cycle) = &signed_in.cycle {
                cycle::close(transaction, cycle, head, now)?;
            }
            audit::append(transaction, now, signed_in.actor(), &AuditEvent::SignedOut)
        })
    }

    /// Checks an action against the role of the one signed in; a refusal is audited.
    ///
    /// After [`SHIFT_MS_MAX`] only what a cashier may do is left, so that a cycle that is over can be reconciled. With
    /// a first secret ([`Operator::must_change`]) nothing may be done until it is changed.
    /// Errors: `ShiftOver`, `SecretToChange`, `NotPermitted`.
    pub fn authorise(
        &mut self,
        signed_in: &SignedIn,
        action: Action,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        if !signed_in.counts(now) && !permits(Role::Cashier, action) {
            return Err(SignInError::ShiftOver);
        }
        if self.must_change(&signed_in.operator)? {
            return Err(SignInError::SecretToChange);
        }
        if signed_in.may(action) {
            return Ok(());
        }
        self.audit(now, signed_in.actor(), &AuditEvent::NotPermitted { action })?;
        Err(SignInError::NotPermitted { action })
    }

    fn must_change(&self, number: &str) -> Result<bool, LedgerError> {
        let mut statement =
            self.connection().prepare_cached("SELECT must_change FROM operator WHERE number = ?1")?;
        Ok(statement.query_row([number], |row| row.get(0)).optional()?.unwrap_or(false))
    }

    fn stored(&self, number: &str) -> Result<Option<Stored>, LedgerError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT role, active, salt, iterations, secret, failures, locked_until FROM operator WHERE number = ?1",
        )?;
        let mut rows = statement.query([number])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let iterations: u32 = row.get(3)?;
        Ok(Some(Stored {
            role: role_of(row.get(0)?)?,
            active: row.get(1)?,
            salt: row.get(2)?,
            iterations: NonZeroU32::new(iterations).unwrap_or(PBKDF2_ITERATIONS),
            secret: row.get(4)?,
            failures: row.get(5)?,
            locked_until: row.get(6)?,
        }))
    }

    fn count_try(&mut self, number: &str, failures: u32, now: Timestamp) -> Result<u32, LedgerError> {
        // A lock-out that has run out starts the count again.
        let failures = if failures >= FAILURES_MAX { 1 } else { failures + 1 };
        let locked_until = (failures >= FAILURES_MAX).then(|| now.plus_ms(LOCK_MS).0);
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE operator SET failures = ?2, locked_until = ?3 WHERE number = ?1")?
                .execute(params![number, failures, locked_until])?;
            Ok(failures)
        })
    }

    fn admit(&mut self, number: &str, role: Role, now: Timestamp) -> Result<SignedIn, LedgerError> {
        let terminal = self.terminal();
        let head = self.head()?.sequence;
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE operator SET failures = 0, locked_until = NULL WHERE number = ?1")?
                .execute([number])?;
            let overdue = cycle::overdue(transaction, head, now)?;
            let cycle =
                if role.works_in_cycles() { cycle_for(transaction, number, head, now)? } else { None };
            let cycle = match (cycle, &overdue) {
                (None, None) if role.works_in_cycles() => {
                    Some(cycle::begin(transaction, terminal, number, now)?)
                }
                (cycle, _) => cycle,
            };
            let signed_in = SignedIn { operator: number.to_owned(), role, cycle, overdue, since: now };
            audit::append(transaction, now, signed_in.actor(), &AuditEvent::SignedIn { role })?;
            Ok(signed_in)
        })
    }

    fn require_other_supervisor(&self, number: &str) -> Result<(), SignInError> {
        let (here, others): (bool, u64) = self
            .connection()
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM operator WHERE number = ?1 AND role = 1 AND active),
                        (SELECT count(*) FROM operator WHERE number <> ?1 AND role = 1 AND active)",
            )?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if here && others == 0 { Err(SignInError::LastSupervisor) } else { Ok(()) }
    }
}

/// The operator's own running cycle; anybody's else, or one that is over, is closed.
fn cycle_for(
    connection: &Connection,
    number: &str,
    head: u64,
    now: Timestamp,
) -> Result<Option<Cycle>, LedgerError> {
    match cycle::open_one(connection)? {
        Some(cycle) if cycle.operator == number && cycle.allows_business(now) => Ok(Some(cycle)),
        Some(cycle) => {
            cycle::close(connection, &cycle, head, now)?;
            Ok(None)
        }
        None => Ok(None),
    }
}

fn role_of(number: i64) -> Result<Role, rusqlite::Error> {
    Role::from_number(number).ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(0, number))
}

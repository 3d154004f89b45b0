//! The policy of proofs: handing it out, and judging records by it.

use protocol::{
    evidence::HolderProof,
    policy::{ALTERNATIVES_MAX, PURPOSE, PensionLimits, ProofPolicy, Purpose},
    problem::Problem,
    signature::Signed,
    timestamp::Timestamp,
};

use super::{Production, internal, storage_problem};
use crate::{
    error::Error,
    storage::{StorageResult, benefits::PolicyRow},
};

impl Production {
    /// The policy, signed, when there is a newer one than `version`.
    pub fn policy(&self, version: u64) -> Result<Option<Signed>, Problem> {
        let rows = self.storage.policies().map_err(storage_problem)?;
        let Some(row) = rows.first().filter(|row| row.policy.version > version) else { return Ok(None) };
        let signed = Signed::new(&self.key, PURPOSE, &row.policy);
        signed.map(Some).map_err(|_| internal("the policy cannot be written"))
    }

    /// The policy in force; the default when none was set.
    pub fn policy_in_force(&self) -> Result<ProofPolicy, Error> {
        Ok(self.storage.policies()?.first().map(|row| row.policy.clone()).unwrap_or_default())
    }

    /// Sets the policy for all terminals, from now. Returns the version that it got.
    ///
    /// Errors: `Input` for a policy that makes no sense, `Storage`.
    pub fn set_policy(&self, policy: &ProofPolicy) -> Result<u64, Error> {
        for purpose in [Purpose::Visit, Purpose::Enrolment, Purpose::Certification, Purpose::Pension] {
            let count = policy.alternatives(purpose).len();
            if count == 0 || count > ALTERNATIVES_MAX {
                return Err(Error::input(format!(
                    "each business takes 1 to {ALTERNATIVES_MAX} alternatives"
                )));
            }
        }
        if !(1..=10).contains(&policy.tries_max) || !(1..=10).contains(&policy.fingers_max) {
            return Err(Error::input("tries and fingers are 1 to 10"));
        }
        if !(1..=60).contains(&policy.certification_months) {
            return Err(Error::input("a certification holds for 1 to 60 months"));
        }
        if policy.pension_offline.amount_max.0 < 0 || policy.pension_offline.cache_age_max_ms < 0 {
            return Err(Error::input("a limit is negative"));
        }
        Ok(self.storage.set_policy(policy, self.now())?)
    }

    /// Whether a proof lets the center tell a person about himself: what suffices for a visit does, and so does
    /// what suffices for a certification.
    pub(crate) fn holder_proof_suffices(&self, proof: &HolderProof, at: Timestamp) -> StorageResult<bool> {
        let policies = self.policies()?;
        Ok([Purpose::Visit, Purpose::Certification]
            .into_iter()
            .any(|purpose| policies.suffices(purpose, proof, at)))
    }

    /// What terminals may have lived by.
    pub(super) fn policies(&self) -> StorageResult<Policies> {
        self.storage.policies().map(Policies::new)
    }
}

/// Every policy that ever was, to judge a record by any that its terminal may have known.
#[derive(Clone, Debug)]
pub(super) struct Policies(Vec<PolicyRow>);

impl Default for Policies {
    fn default() -> Self {
        Policies::new(Vec::new())
    }
}

impl Policies {
    /// `rows` are the newest first. What held before the first was set is the default.
    fn new(mut rows: Vec<PolicyRow>) -> Self {
        let until = rows.last().map(|first| first.from);
        rows.push(PolicyRow { policy: ProofPolicy::default(), from: Timestamp(i64::MIN), until });
        Policies(rows)
    }

    /// A terminal that is offline goes on with an older policy for as long as that lets it go without the
    /// center, and every terminal does until it has asked again.
    fn at(&self, at: Timestamp) -> impl Iterator<Item = &ProofPolicy> {
        let counts = move |row: &&PolicyRow| {
            row.until.is_none_or(|until| until.plus_ms(row.policy.pension_offline.cache_age_max_ms) >= at)
        };
        self.0.iter().filter(counts).map(|row| &row.policy)
    }

    /// Whether a proof suffices by any policy that counts for this time.
    pub(super) fn suffices(&self, purpose: Purpose, proof: &HolderProof, at: Timestamp) -> bool {
        self.at(at).any(|policy| policy.suffices(purpose, proof))
    }

    /// Limit by limit the loosest that counts for this time.
    pub(super) fn offline(&self, at: Timestamp) -> PensionLimits {
        let none = ProofPolicy::default().pension_offline;
        self.at(at)
            .map(|policy| policy.pension_offline)
            .reduce(|a, b| PensionLimits {
                count_max: a.count_max.max(b.count_max),
                amount_max: a.amount_max.max(b.amount_max),
                cache_age_max_ms: a.cache_age_max_ms.max(b.cache_age_max_ms),
            })
            .unwrap_or(none)
    }

    /// Months for which a certification of this time holds: by the policy that was in force then.
    pub(super) fn certification_months(&self, at: Timestamp) -> u16 {
        let then = self.0.iter().find(|row| row.from <= at);
        then.map_or(ProofPolicy::default().certification_months, |row| row.policy.certification_months)
    }
}

#[cfg(test)]
mod tests {
    use protocol::policy::Sufficient;

    use super::*;

    fn row(version: u64, from: i64, until: Option<i64>, months: u16) -> PolicyRow {
        let policy = ProofPolicy {
            version,
            certification_months: months,
            pension: vec![Sufficient::Pin],
            pension_offline: PensionLimits {
                cache_age_max_ms: 1_000,
                ..ProofPolicy::default().pension_offline
            },
            ..ProofPolicy::default()
        };
        PolicyRow { policy, from: Timestamp(from), until: until.map(Timestamp) }
    }

    #[test]
    fn a_replaced_policy_counts_while_a_terminal_may_still_go_by_it() {
        let policies = Policies::new(vec![row(2, 5_000, None, 6), row(1, 0, Some(5_000), 24)]);
        let versions = |at| policies.at(Timestamp(at)).map(|policy| policy.version).collect::<Vec<_>>();
        let day_ms = ProofPolicy::default().pension_offline.cache_age_max_ms;
        assert_eq!(versions(6_000), [2, 1, 0]);
        assert_eq!(versions(6_001), [2, 0]);
        assert_eq!(versions(day_ms + 1), [2]);
        assert_eq!(policies.certification_months(Timestamp(4_999)), 24);
        assert_eq!(policies.certification_months(Timestamp(5_000)), 6);
        assert_eq!(policies.certification_months(Timestamp(-1)), 12);
        assert_eq!(Policies::default().at(Timestamp(1)).count(), 1);
    }
}

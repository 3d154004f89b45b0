//! What whom is allowed: one table.

use protocol::problem::{Problem, ProblemKind};

/// What a caller is to the center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Anyone on the enrolment port.
    Stranger,
    /// An enrolled terminal that is not blocked, by its certificate.
    Terminal,
}

/// What can be asked of a center over the network. Administration is not among it: that takes access to the
/// center's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read the description of the interface and the center's health.
    Describe,
    /// Become known by a one-time code, or renew a certificate with the identity key.
    Enrol,
    /// Upload records and ask for the chain's head.
    Book,
    /// Read the feed, rules and limits.
    Follow,
    /// Ask about one person.
    AskPerson,
    /// Load the personal account.
    Load,
    /// Reconcile.
    Reconcile,
    /// Public service. What of it depends on the desk, see `protocol::service::Desk`.
    Serve,
}

/// Who may do what.
pub const ROLES: &[(Operation, &[Role])] = &[
    (Operation::Describe, &[Role::Stranger, Role::Terminal]),
    (Operation::Enrol, &[Role::Stranger, Role::Terminal]),
    (Operation::Book, &[Role::Terminal]),
    (Operation::Follow, &[Role::Terminal]),
    (Operation::AskPerson, &[Role::Terminal]),
    (Operation::Load, &[Role::Terminal]),
    (Operation::Reconcile, &[Role::Terminal]),
    (Operation::Serve, &[Role::Terminal]),
];

impl Role {
    /// Whether this role may do that.
    pub fn may(self, operation: Operation) -> bool {
        ROLES.iter().any(|(named, roles)| *named == operation && roles.contains(&self))
    }

    /// The same as a problem for the one who asks.
    pub fn check(self, operation: Operation) -> Result<(), Problem> {
        if self.may(operation) {
            Ok(())
        } else {
            Err(Problem::new(ProblemKind::NotAuthenticated, "this takes a terminal's certificate"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_only_enrol_and_read_the_description() {
        let allowed: Vec<Operation> =
            ROLES.iter().map(|(operation, _)| *operation).filter(|o| Role::Stranger.may(*o)).collect();
        assert_eq!(allowed, [Operation::Describe, Operation::Enrol]);
        assert!(ROLES.iter().all(|(operation, _)| Role::Terminal.may(*operation)));
    }
}

//! Who may do what (操作员): roles, operators, working cycles.
//!
//! One table, [`permits`], says it all; everything else asks it.

pub(crate) mod cycle;
mod operator;

use serde::{Deserialize, Serialize};

pub use cycle::Cycle;
pub use operator::{
    FAILURES_MAX, LOCK_MS, NAME_BYTES_MAX, NewOperator, Operator, PBKDF2_ITERATIONS, SECRET_BYTES_MAX,
    SECRET_BYTES_MIN, SHIFT_MS_MAX, SignInError, SignedIn,
};

/// What an operator is on this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves patients (收费员).
    Cashier,
    /// Cashier who may also take back and correct (主管).
    Supervisor,
    /// Looks after the machine, never after money (安装维护员).
    Installer,
    /// Reads everything, changes nothing (审计员).
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Cashier, Role::Supervisor, Role::Installer, Role::Auditor];

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Role::ALL.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn number(self) -> i64 {
        self as i64
    }

    /// Whether the role does business and therefore works in cycles.
    pub fn works_in_cycles(self) -> bool {
        permits(self, Action::Settle)
    }
}

/// Something that only some roles may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Accept that a cycle's sums differ from the center's, after it was looked into.
    AcceptDifference,
    /// Take a payment of contributions back (缴费撤销).
    CancelContribution,
    /// Take a settlement back.
    CancelSettlement,
    /// Certify a person (资格认证).
    Certify,
    /// Change offline behaviour, paths, devices.
    ChangeSettings,
    /// Take money for contributions (收缴社会保险费).
    CollectContribution,
    /// Confirm, as another clerk or as a supervisor, who a holder is.
    ConfirmHolder,
    /// Enrol the terminal or renew its certificate.
    Enrol,
    /// Write a holder's fingers to the card (指纹采集).
    EnrolFinger,
    /// Copy the ledger out in the clear.
    ExportLedger,
    /// Load the personal account, also refunds.
    Load,
    /// Pair the reader board, clear its tamper latch, give it a new firmware.
    ManageBoard,
    /// Add, change and remove operators.
    ManageOperators,
    /// Pay a pension out (养老金发放).
    PayPension,
    /// Read a card and look up eligibility.
    ReadCard,
    /// Throw the eligibility cache away and fill it again.
    RebuildCache,
    /// Compare a cycle with the center.
    Reconcile,
    /// Register a visit, add and remove fee lines.
    Register,
    /// Resolve transactions whose outcome is unknown.
    Resolve,
    /// Let business go on after it was stopped.
    Resume,
    /// Settle a visit.
    Settle,
    /// Write a bundle for support.
    SupportBundle,
    /// Send and fetch now.
    Synchronise,
    /// See the audit.
    ViewAudit,
    /// See the queue.
    ViewQueue,
    /// Certify a person at home (上门认证).
    VisitHome,
    /// Destroy the keys.
    WipeKeys,
    /// Write personal data of the card (unblocking, updating files).
    WriteCard,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 28] = [
        Action::AcceptDifference,
        Action::CancelContribution,
        Action::CancelSettlement,
        Action::Certify,
        Action::ChangeSettings,
        Action::CollectContribution,
        Action::ConfirmHolder,
        Action::Enrol,
        Action::EnrolFinger,
        Action::ExportLedger,
        Action::Load,
        Action::ManageBoard,
        Action::ManageOperators,
        Action::PayPension,
        Action::ReadCard,
        Action::RebuildCache,
        Action::Reconcile,
        Action::Register,
        Action::Resolve,
        Action::Resume,
        Action::Settle,
        Action::SupportBundle,
        Action::Synchronise,
        Action::ViewAudit,
        Action::ViewQueue,
        Action::VisitHome,
        Action::WipeKeys,
        Action::WriteCard,
    ];
}

/// The one table of rights. Each role has the least it needs.
pub fn permits(role: Role, action: Action) -> bool {
    use Action::*;
    match role {
        Role::Cashier => {
            matches!(
                action,
                Certify
                    | CollectContribution
                    | ConfirmHolder
                    | EnrolFinger
                    | Load
                    | PayPension
                    | ReadCard
                    | Reconcile
                    | Register
                    | Resolve
                    | Settle
                    | Synchronise
                    | ViewQueue
                    | VisitHome
            )
        }
        Role::Supervisor => {
            permits(Role::Cashier, action)
                || matches!(
                    action,
                    AcceptDifference
                        | CancelContribution
                        | CancelSettlement
                        | ManageOperators
                        | ViewAudit
                        | WriteCard
                )
        }
        Role::Installer => matches!(
            action,
            ChangeSettings
                | Enrol
                | ManageBoard
                | RebuildCache
                | Resume
                | SupportBundle
                | Synchronise
                | ViewQueue
                | WipeKeys
        ),
        Role::Auditor => matches!(action, ExportLedger | ViewAudit | ViewQueue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_belongs_to_someone_and_only_looking_to_all() {
        for action in Action::ALL {
            let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| permits(*role, action)).collect();
            assert!(!roles.is_empty(), "{action:?}");
            assert_eq!(roles.len() == Role::ALL.len(), action == Action::ViewQueue, "{action:?}");
        }
    }

    #[test]
    fn money_and_machine_are_in_different_hands() {
        let business = [
            Action::Settle,
            Action::CancelSettlement,
            Action::Load,
            Action::Register,
            Action::Certify,
            Action::ConfirmHolder,
            Action::EnrolFinger,
            Action::PayPension,
            Action::CollectContribution,
            Action::CancelContribution,
            Action::VisitHome,
        ];
        for action in business {
            assert!(!permits(Role::Installer, action) && !permits(Role::Auditor, action), "{action:?}");
        }
        for action in
            [Action::WipeKeys, Action::Resume, Action::Enrol, Action::RebuildCache, Action::ManageBoard]
        {
            assert!(!permits(Role::Cashier, action) && !permits(Role::Supervisor, action), "{action:?}");
        }
        assert!(permits(Role::Supervisor, Action::CancelSettlement));
        assert!(!permits(Role::Cashier, Action::CancelSettlement));
        assert!(!permits(Role::Cashier, Action::CancelContribution));
    }
}

//! The operator's day: sign-in, hand-over, comparison with the center.

use edge::{failure::Failure, shift};
use terminal::{
    error::Error,
    roles::{Action, NewOperator, PBKDF2_ITERATIONS, Role, SECRET_BYTES_MIN, SignInError, SignedIn},
};

use super::{Clerk, CounterWork, Event, Secret};
use crate::desk::Teller;

impl CounterWork {
    pub(super) fn has_supervisor(&self) -> bool {
        self.counter.flows.ledger().operators().is_ok_and(|operators| {
            operators.iter().any(|operator| operator.active && operator.role == Role::Supervisor)
        })
    }

    pub(super) fn clerk(&self) -> Option<Clerk> {
        let must_change = |number: &str| {
            let operators = self.counter.flows.ledger().operators().unwrap_or_default();
            operators.iter().any(|operator| operator.number == number && operator.must_change)
        };
        self.counter.flows.signed_in().map(|signed_in| Clerk {
            must_change: must_change(&signed_in.operator),
            number: signed_in.operator.clone(),
            role: signed_in.role,
            cycle: signed_in.cycle.as_ref().map(|cycle| cycle.number.clone()),
            overdue: signed_in.overdue.as_ref().map(|cycle| cycle.number.clone()),
        })
    }

    pub(super) fn first_operator(
        &mut self,
        number: &str,
        secret: &Secret,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        if self.has_supervisor() {
            return Err(Error::from(SignInError::NotPermitted { action: Action::ManageOperators }).into());
        }
        if secret.bytes().len() < SECRET_BYTES_MIN {
            return Err(Error::from(SignInError::SecretLength).into());
        }
        let operator = NewOperator {
            number,
            role: Role::Supervisor,
            secret: secret.bytes(),
            iterations: PBKDF2_ITERATIONS,
        };
        let now = self.counter.cabinet.now();
        let mut chance = edge::random::SystemChance::default();
        let ledger = self.counter.flows.ledger_mut();
        ledger.set_operator(&operator, &mut chance, Default::default(), now).map_err(Error::from)?;
        self.sign_in(number, secret, teller)
    }

    pub(super) fn sign_in(
        &mut self,
        number: &str,
        secret: &Secret,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        let signed_in = self.counter.flows.sign_in(number, secret.bytes())?.clone();
        shift::store(&self.counter.cabinet, &signed_in, self.counter.cabinet.now())?;
        teller.event(Event::Clerk(self.clerk()));
        self.tell_waiting(teller);
        Ok(())
    }

    pub(super) fn sign_out(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        self.let_go(teller);
        self.counter.flows.sign_out()?;
        shift::forget(&self.counter.cabinet)?;
        teller.event(Event::Clerk(None));
        Ok(())
    }

    pub(super) fn operators(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        self.manager()?;
        teller.event(Event::Operators(self.counter.flows.ledger().operators().map_err(Error::from)?));
        Ok(())
    }

    /// The one who is signed in, who may manage operators.
    fn manager(&mut self) -> Result<SignedIn, Failure> {
        let now = self.counter.cabinet.now();
        let signed_in = self.counter.flows.signed_in().cloned().ok_or(Error::NotSignedIn)?;
        let ledger = self.counter.flows.ledger_mut();
        ledger.authorise(&signed_in, Action::ManageOperators, now).map_err(Error::from)?;
        Ok(signed_in)
    }

    pub(super) fn issue_operator(
        &mut self,
        number: &str,
        name: &str,
        role: Role,
        secret: &Secret,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        let manager = self.manager()?;
        let now = self.counter.cabinet.now();
        let operator = NewOperator { number, role, secret: secret.bytes(), iterations: PBKDF2_ITERATIONS };
        let mut chance = edge::random::SystemChance::default();
        let ledger = self.counter.flows.ledger_mut();
        match manager.operator == number {
            // Nobody else knows the secret that one gives oneself.
            true => ledger.set_operator(&operator, &mut chance, manager.actor(), now),
            false => ledger.issue_operator(&operator, name, &mut chance, manager.actor(), now),
        }
        .map_err(Error::from)?;
        teller.event(Event::OperatorSet);
        self.operators(teller)
    }

    pub(super) fn stop_operator(&mut self, number: &str, teller: &Teller<Event>) -> Result<(), Failure> {
        let manager = self.manager()?;
        let now = self.counter.cabinet.now();
        let ledger = self.counter.flows.ledger_mut();
        ledger.remove_operator(number, manager.actor(), now).map_err(Error::from)?;
        teller.event(Event::OperatorStopped);
        self.operators(teller)
    }

    pub(super) fn change_secret(&mut self, secret: &Secret, teller: &Teller<Event>) -> Result<(), Failure> {
        let now = self.counter.cabinet.now();
        let signed_in = self.counter.flows.signed_in().cloned().ok_or(Error::NotSignedIn)?;
        let operator = NewOperator {
            number: &signed_in.operator,
            role: signed_in.role,
            secret: secret.bytes(),
            iterations: PBKDF2_ITERATIONS,
        };
        let mut chance = edge::random::SystemChance::default();
        let ledger = self.counter.flows.ledger_mut();
        ledger.set_operator(&operator, &mut chance, signed_in.actor(), now).map_err(Error::from)?;
        teller.event(Event::SecretChanged);
        teller.event(Event::Clerk(self.clerk()));
        Ok(())
    }

    pub(super) fn reconcile(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let compared = self.counter.flows.reconcile()?;
        teller.event(Event::Reconciled(Box::new(compared)));
        // With nothing overdue any more a new cycle can begin; that takes a sign-in.
        teller.event(Event::Clerk(self.clerk()));
        Ok(())
    }

    pub(super) fn accept(&mut self, cycle: &str, teller: &Teller<Event>) -> Result<(), Failure> {
        let now = self.counter.cabinet.now();
        let signed_in = self.counter.flows.signed_in().cloned().ok_or(Error::NotSignedIn)?;
        let ledger = self.counter.flows.ledger_mut();
        ledger.authorise(&signed_in, Action::AcceptDifference, now).map_err(Error::from)?;
        ledger.accept_difference(cycle, signed_in.actor(), now).map_err(Error::from)?;
        teller.event(Event::Accepted);
        Ok(())
    }
}

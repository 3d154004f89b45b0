//! The operator's day: sign-in, hand-over, comparison with the center.

use edge::{failure::Failure, shift};
use terminal::{
    error::Error,
    roles::{Action, NewOperator, PBKDF2_ITERATIONS, Role, SECRET_BYTES_MIN, SignInError},
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
        self.counter.flows.signed_in().map(|signed_in| Clerk {
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

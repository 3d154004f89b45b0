//! The settlement itself: one pure function.

use card_spec::money::Fen;
use serde::Serialize;

use super::{
    bands::walk,
    bill::{Bill, ItemClass, LineAmounts, VisitKind},
    config::{
        Band, Bands, Benefit, CityRules, CountFrom, Deductible, LaterStays, Layer, LayerBase, OwnItem, Period,
    },
    error::RulesError,
    number::Share,
    person::{Account, Contribution, KindToDate, LayersToDate, Person, YearToDate},
    settlement::{Fund, Parts, Settlement},
    step::{AccountUnused, Step},
};

/// A settlement with everything that explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The figures.
    pub settlement: Settlement,
    /// Each line's amounts, in the order of the bill.
    pub lines: Vec<LineAmounts>,
    /// Every step with its figures.
    pub steps: Vec<Step>,
    /// What the year grows by; a cancellation takes the same away.
    pub contribution: Contribution,
    /// Personal account afterwards.
    pub balance_after: Fen,
    /// Relatives' accounts afterwards.
    pub family_balance_after: Fen,
}

/// Settles a bill.
///
/// A pure function over integer fen: no clock, no I/O, equal inputs give equal outcomes. Order: lines,
/// deductible, bands, pooled cap, further funds in the order of the rules, hospital, account, cash.
/// Each band is rounded half up to a fen.
///
/// `year` must be the amounts of the bill's year, before this bill.
/// Errors: `NotInForce`, `OtherYear`, `NegativeInput`, `NoBenefit` (settle online then).
pub fn settle(
    rules: &CityRules,
    bill: &Bill,
    person: &Person,
    year: &YearToDate,
    account: &Account,
) -> Result<Outcome, RulesError> {
    if bill.date() < rules.effective_from() {
        return Err(RulesError::NotInForce { effective_from: rules.effective_from(), date: bill.date() });
    }
    if year.year != bill.date().year() {
        return Err(RulesError::OtherYear { expected: bill.date().year(), got: year.year });
    }
    if year.is_negative() || account.balance.0 < 0 || account.family_balance.0 < 0 {
        return Err(RulesError::NegativeInput);
    }
    let gap = || RulesError::NoBenefit { region: rules.region(), person: person.kind, visit: bill.visit() };
    let benefit = rules.benefit(person.kind, bill.visit()).ok_or_else(gap)?;

    let mut run = Run { steps: Vec::with_capacity(16), own: Own::default(), parts: Parts::default() };
    let (lines, essential) = run.lines(bill);
    let deductible = run.deductible(&benefit.deductible, bill, year, essential).ok_or_else(gap)?;
    let wanted = run.bands(&benefit.bands, bill, person, year, deductible).ok_or_else(gap)?;
    let pooled = run.caps(rules, benefit, person, year, wanted);
    run.own.over_cap = wanted - pooled;
    run.parts.funds[Fund::Pooled as usize] = pooled;

    let mut layers = LayersToDate::default();
    for layer in rules.layers(person, bill.visit()) {
        run.layer(layer, &year.layers, &mut layers);
    }
    run.steps.push(Step::Funds { amount: run.parts.funds.iter().copied().sum() });
    run.hospital(rules);
    run.person();
    let (balance_after, family_balance_after) = run.account(rules, bill.visit(), person, account);

    let settlement = Settlement::new(run.parts);
    debug_assert_eq!(settlement.psn_cash_pay(), run.own.total(), "what nobody paid is cash");
    run.steps.push(Step::Cash { amount: settlement.psn_cash_pay() });
    let amounts = KindToDate { in_scope: settlement.inscp_scp_amt(), deductible, pooled };
    let contribution = Contribution { visit: bill.visit(), amounts, layers };
    Ok(Outcome { settlement, lines, steps: run.steps, contribution, balance_after, family_balance_after })
}

/// What the person still bears, by item. Every payment takes from it; what is left at the end is cash.
#[derive(Default)]
struct Own {
    deductible: Fen,
    own_share: Fen,
    over_cap: Fen,
    self_pay_first: Fen,
    over_ceiling: Fen,
    outside_catalog: Fen,
}

impl Own {
    fn of(&mut self, item: OwnItem) -> &mut Fen {
        match item {
            OwnItem::Deductible => &mut self.deductible,
            OwnItem::OwnShare => &mut self.own_share,
            OwnItem::OverCap => &mut self.over_cap,
            OwnItem::SelfPayFirst => &mut self.self_pay_first,
            OwnItem::OverCeiling => &mut self.over_ceiling,
            OwnItem::OutsideCatalog => &mut self.outside_catalog,
        }
    }

    fn total(&self) -> Fen {
        self.deductible
            + self.own_share
            + self.over_cap
            + self.self_pay_first
            + self.over_ceiling
            + self.outside_catalog
    }

    /// Takes `amount` off the items in turn; it is never more than they hold together.
    fn take(&mut self, items: &[OwnItem], mut amount: Fen) {
        for item in items {
            let due = self.of(*item);
            let taken = amount.min(*due);
            *due -= taken;
            amount -= taken;
        }
        debug_assert_eq!(amount, Fen::ZERO, "a fund pays at most what it looks at");
    }
}

struct Run {
    steps: Vec<Step>,
    own: Own,
    parts: Parts,
}

impl Run {
    /// Divides the lines. Gives their amounts and the in-scope cost of essential drugs.
    fn lines(&mut self, bill: &Bill) -> (Vec<LineAmounts>, Fen) {
        let lines: Vec<LineAmounts> = bill.lines().iter().map(LineAmounts::of).collect();
        let parts = &mut self.parts;
        let mut essential = Fen::ZERO;
        let mut total = Fen::ZERO;
        let (mut outside, mut cut, mut class_b, mut class_b_base) = (0, 0, 0, Fen::ZERO);
        for (line, amounts) in bill.lines().iter().zip(&lines) {
            total += amounts.det_item_fee_sumamt;
            parts.fulamt_ownpay_amt += amounts.fulamt_ownpay_amt;
            parts.overlmt_selfpay += amounts.overlmt_amt;
            parts.preselfpay_amt += amounts.preselfpay_amt;
            parts.inscp_scp_amt += amounts.inscp_scp_amt;
            cut += usize::from(amounts.overlmt_amt > Fen::ZERO);
            match line.class {
                ItemClass::A => {}
                ItemClass::B => {
                    class_b += 1;
                    class_b_base += amounts.inscp_scp_amt + amounts.preselfpay_amt;
                }
                ItemClass::C => outside += 1,
            }
            if line.essential {
                essential += amounts.inscp_scp_amt;
            }
        }
        self.steps.push(Step::Lines { lines: lines.len(), total });
        if outside > 0 {
            self.steps.push(Step::OutsideCatalog { lines: outside, amount: parts.fulamt_ownpay_amt });
        }
        if cut > 0 {
            self.steps.push(Step::OverCeiling { lines: cut, amount: parts.overlmt_selfpay });
        }
        if class_b > 0 {
            self.steps.push(Step::SelfPayFirst {
                lines: class_b,
                base: class_b_base,
                amount: parts.preselfpay_amt,
            });
        }
        self.steps.push(Step::InScope {
            total,
            outside: total - parts.inscp_scp_amt,
            in_scope: parts.inscp_scp_amt,
        });
        self.own.outside_catalog = parts.fulamt_ownpay_amt;
        self.own.over_ceiling = parts.overlmt_selfpay;
        self.own.self_pay_first = parts.preselfpay_amt;
        (lines, essential)
    }

    /// Counts the deductible; gives what is counted now.
    fn deductible(
        &mut self,
        rule: &Deductible,
        bill: &Bill,
        year: &YearToDate,
        essential: Fen,
    ) -> Option<Fen> {
        let first = rule.by_level.of(bill.level())?.0;
        let exempt = if rule.essential_exempt { essential } else { Fen::ZERO };
        let base = self.parts.inscp_scp_amt - exempt;
        if exempt > Fen::ZERO {
            self.steps.push(Step::EssentialExempt { amount: exempt });
        }
        let counted = match rule.period {
            Period::Year => {
                let used = year.of(bill.visit()).deductible;
                let counted = base.min((first - used).max(Fen::ZERO));
                self.steps.push(Step::DeductibleOfYear { full: first, used, base, counted });
                counted
            }
            Period::Visit => {
                let stay = match bill.visit() {
                    VisitKind::Inpatient => Some(year.stays.saturating_add(1)),
                    VisitKind::Outpatient => None,
                };
                let full = match stay {
                    Some(stay) => of_stay(&rule.later_stays, first, stay, bill)?,
                    None => first,
                };
                let counted = base.min(full);
                self.steps.push(Step::DeductibleOfVisit { stay, first, full, base, counted });
                counted
            }
        };
        self.own.deductible = counted;
        self.parts.act_pay_dedc = counted;
        Some(counted)
    }

    /// Applies the bands of the pooled fund; gives what it would pay without a cap.
    fn bands(
        &mut self,
        bands: &Bands,
        bill: &Bill,
        person: &Person,
        year: &YearToDate,
        deductible: Fen,
    ) -> Option<Fen> {
        let table = bands.table(person.age_years, bill.level())?;
        let so_far = year.of(bill.visit());
        let in_scope = self.parts.inscp_scp_amt;
        let start = match (bands.period, bands.count_from) {
            (Period::Visit, CountFrom::Zero) => deductible,
            (Period::Visit, CountFrom::Deductible) => Fen::ZERO,
            (Period::Year, CountFrom::Zero) => so_far.in_scope + deductible,
            (Period::Year, CountFrom::Deductible) => (so_far.in_scope - so_far.deductible).max(Fen::ZERO),
        };
        let base = in_scope - deductible;
        let paid = self.walk(Fund::Pooled, table, bands.own_share_factor, Fen::ZERO, start, start + base);
        self.own.own_share = base - paid;
        Some(paid)
    }

    /// Pays the cost between two points on the scale of a band table and notes each band.
    fn walk(
        &mut self,
        fund: Fund,
        table: &[Band],
        own_share_factor: Option<Share>,
        from: Fen,
        start: Fen,
        end: Fen,
    ) -> Fen {
        let steps = &mut self.steps;
        walk(table, own_share_factor, from, start, end, |part| {
            steps.push(Step::Band {
                fund,
                above: part.above,
                up_to: part.up_to,
                base: part.base,
                table: part.table,
                own_share_factor,
                share: part.share,
                paid: part.paid,
            });
        })
    }

    /// Holds the pooled payment under every cap that the benefit names.
    fn caps(
        &mut self,
        rules: &CityRules,
        benefit: &Benefit,
        person: &Person,
        year: &YearToDate,
        wanted: Fen,
    ) -> Fen {
        let mut paid = wanted;
        for name in &benefit.caps {
            let Some(cap) = rules.file.caps.get(name) else { continue };
            // A cap may stand over outpatient and inpatient together.
            let used = VisitKind::ALL
                .into_iter()
                .filter(|visit| {
                    rules.benefit(person.kind, *visit).is_some_and(|other| other.caps.contains(name))
                })
                .map(|visit| year.of(visit).pooled)
                .sum();
            let wanted = paid;
            paid = wanted.min((cap.yearly - used).max(Fen::ZERO));
            self.steps.push(Step::Cap {
                name: [cap.name.zh.clone(), cap.name.en.clone()],
                cap: cap.yearly,
                used,
                wanted,
                paid,
            });
        }
        paid
    }

    fn layer(&mut self, layer: &Layer, year: &LayersToDate, now: &mut LayersToDate) {
        let items: &[OwnItem] = match layer.base {
            LayerBase::OwnInScope => &[OwnItem::OverCap, OwnItem::OwnShare, OwnItem::Deductible],
            LayerBase::OwnShare => &[OwnItem::OwnShare],
            LayerBase::OverCap => &[OwnItem::OverCap],
        };
        let base: Fen = items.iter().map(|item| *self.own.of(*item)).sum();
        let so_far = year.of(layer.fund).copied().unwrap_or_default();
        self.steps.push(Step::Layer {
            fund: layer.fund,
            base_kind: layer.base,
            base,
            before: so_far.base,
            from: layer.from,
        });
        let wanted = self.walk(layer.fund, &layer.bands, None, layer.from, so_far.base, so_far.base + base);
        let mut paid = wanted;
        if let Some(cap) = layer.yearly_cap {
            paid = wanted.min((cap - so_far.paid).max(Fen::ZERO));
            if paid < wanted {
                self.steps.push(Step::LayerCap { fund: layer.fund, cap, used: so_far.paid, wanted, paid });
            }
        }
        self.own.take(items, paid);
        self.parts.funds[layer.fund as usize] += paid;
        if let Some(now) = now.of_mut(layer.fund) {
            now.base += base;
            now.paid += paid;
        }
    }

    fn hospital(&mut self, rules: &CityRules) {
        let rule = rules.file.hospital;
        let allowed = match rule.outside_catalog_max {
            Some(max) => max.of(self.parts.fulamt_ownpay_amt
                + self.parts.overlmt_selfpay
                + self.parts.preselfpay_amt
                + self.parts.inscp_scp_amt),
            None => self.own.outside_catalog,
        };
        let outside = (self.own.outside_catalog - allowed).max(Fen::ZERO);
        let over = rule.over_ceiling.of(self.own.over_ceiling);
        for (item, amount) in [(OwnItem::OverCeiling, over), (OwnItem::OutsideCatalog, outside)] {
            if amount > Fen::ZERO {
                let base = *self.own.of(item);
                self.steps.push(Step::Hospital { item, base, amount });
                self.own.take(&[item], amount);
                self.parts.hosp_part_amt += amount;
            }
        }
    }

    fn person(&mut self) {
        let own = &self.own;
        self.steps.push(Step::Person {
            deductible: own.deductible,
            own_share: own.own_share,
            over_cap: own.over_cap,
            self_pay_first: own.self_pay_first,
            over_ceiling: own.over_ceiling,
            outside_catalog: own.outside_catalog,
            amount: own.total(),
        });
    }

    /// Lets the accounts pay; gives both balances afterwards.
    fn account(
        &mut self,
        rules: &CityRules,
        visit: VisitKind,
        person: &Person,
        account: &Account,
    ) -> (Fen, Fen) {
        let unchanged = (account.balance, account.family_balance);
        let rule = rules.account(person.kind, visit);
        let (Some(rule), true) = (rule, account.wanted) else {
            let reason = if account.wanted { AccountUnused::NotAllowed } else { AccountUnused::NotWanted };
            self.steps.push(Step::AccountUnused { reason });
            return unchanged;
        };
        let free = (account.balance - rule.keep).max(Fen::ZERO);
        let available = rule.per_settlement_max.map_or(free, |max| free.min(max));
        let family_available = if rule.family { account.family_balance } else { Fen::ZERO };
        if available + family_available == Fen::ZERO {
            self.steps.push(Step::AccountUnused { reason: AccountUnused::Empty });
            return unchanged;
        }
        let own = self.draw(&rule.pays, available, false);
        let family = self.draw(&rule.pays, family_available, true);
        if own + family == Fen::ZERO {
            self.steps.push(Step::AccountUnused { reason: AccountUnused::NothingDue });
        }
        self.parts.acct_pay = own;
        self.parts.acct_mulaid_pay = family;
        (account.balance - own, account.family_balance - family)
    }

    fn draw(&mut self, items: &[OwnItem], mut available: Fen, family: bool) -> Fen {
        let mut drawn = Fen::ZERO;
        for item in items.iter().copied() {
            let due = *self.own.of(item);
            let paid = due.min(available);
            if paid > Fen::ZERO {
                self.steps.push(if family {
                    Step::FamilyAccount { item, due, available, paid }
                } else {
                    Step::Account { item, due, available, paid }
                });
                *self.own.of(item) -= paid;
                available -= paid;
                drawn += paid;
            }
        }
        drawn
    }
}

/// The deductible of the `stay`-th stay of the year, 1 being the first.
fn of_stay(later: &LaterStays, first: Fen, stay: u32, bill: &Bill) -> Option<Fen> {
    let later_stays = stay.saturating_sub(1);
    let Some(index) = later_stays.checked_sub(1) else { return Some(first) };
    Some(match later {
        LaterStays::Same => first,
        LaterStays::Shares(shares) => {
            shares.get(index as usize).or(shares.last()).map_or(first, |share| share.of(first))
        }
        LaterStays::Less { step, floor } => {
            let floor = floor.of(bill.level())?.0;
            (first - Fen(step.0.saturating_mul(i64::from(later_stays)))).max(floor)
        }
    })
}

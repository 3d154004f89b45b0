//! The yearly amounts that the engine asks for, from the sums that the center keeps of a person.

use card_spec::money::Fen;
use protocol::accumulation::Accumulation;

use super::{
    bands::walk,
    bill::VisitKind,
    config::{CityRules, LayerBase},
    person::{KindToDate, LayersToDate, Person, YearToDate},
};

impl CityRules {
    /// Unfolds the center's sums of one person and year into the amounts that [`super::settle()`] asks for.
    ///
    /// The sums hold the deductible of outpatients, the pooled payments by visit kind, the in-scope cost
    /// that the pooled fund left, and the stays. From these the further funds are reckoned again by
    /// today's rules. Exact where bands that count over the year have one share throughout and further
    /// funds look at all the in-scope cost of both visit kinds; else the cost that the sums do not
    /// attribute counts fully wherever it may belong, and what lay above a cap counts as none.
    /// Negative sums count as zero.
    pub fn year_to_date(&self, person: &Person, year: i32, sums: &Accumulation) -> YearToDate {
        let own = sums.own_in_scope.max(Fen::ZERO);
        let deductible = sums.deductible.max(Fen::ZERO);
        let kind = |pooled: Fen, deductible: Fen| {
            let pooled = pooled.max(Fen::ZERO);
            KindToDate { in_scope: pooled + own, deductible, pooled }
        };
        let mut layers = LayersToDate::default();
        let mut left = own;
        for layer in &self.file.layers {
            if !VisitKind::ALL.iter().any(|visit| layer.applies(person, *visit)) {
                continue;
            }
            let base = match layer.base {
                LayerBase::OwnInScope => left,
                LayerBase::OwnShare => (left - deductible).max(Fen::ZERO),
                LayerBase::OverCap => Fen::ZERO,
            };
            let paid = walk(&layer.bands, None, layer.from, Fen::ZERO, base, |_| {});
            let paid = layer.yearly_cap.map_or(paid, |cap| paid.min(cap));
            left = (left - paid).max(Fen::ZERO);
            if let Some(so_far) = layers.of_mut(layer.fund) {
                so_far.base += base;
                so_far.paid += paid;
            }
        }
        YearToDate {
            year,
            stays: u32::try_from(sums.stays).unwrap_or(0),
            outpatient: kind(sums.pooled_outpatient, deductible),
            inpatient: kind(sums.pooled_inpatient, Fen::ZERO),
            layers,
        }
    }
}

//! The arithmetic of bands.

use card_spec::money::Fen;

use super::{config::Band, number::Share};

/// The cost that falls into one band.
pub(super) struct Part {
    pub(super) above: Fen,
    pub(super) up_to: Option<Fen>,
    pub(super) base: Fen,
    /// The share that stands in the table.
    pub(super) table: Share,
    /// The share that was applied.
    pub(super) share: Share,
    pub(super) paid: Fen,
}

/// What a table pays for the cost between two points on its scale, each band rounded by itself.
///
/// The table begins at `from`; below it nothing is paid. `note` sees each band that has a part of the cost.
pub(super) fn walk(
    table: &[Band],
    own_share_factor: Option<Share>,
    from: Fen,
    start: Fen,
    end: Fen,
    mut note: impl FnMut(Part),
) -> Fen {
    let mut above = from;
    let mut total = Fen::ZERO;
    for band in table {
        let up_to = band.up_to.map(|yuan| yuan.0);
        let base = end.min(up_to.unwrap_or(end)) - start.max(above);
        if base > Fen::ZERO {
            let share = match own_share_factor {
                Some(factor) => band.fund.complement().times(factor).complement(),
                None => band.fund,
            };
            let paid = share.of(base);
            total += paid;
            note(Part { above, up_to, base, table: band.fund, share, paid });
        }
        above = up_to.unwrap_or(above);
    }
    total
}

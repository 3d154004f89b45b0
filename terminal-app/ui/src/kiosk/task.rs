//! What can be wanted at a kiosk.

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Living certification.
    Certify,
    /// Balance and movements.
    Account,
    /// Contributions.
    Contributions,
    /// Treatments and settlements.
    Treatments,
    /// Pension.
    Pension,
    /// Seeking work.
    Work,
    /// Unemployment benefit.
    Unemployment,
    /// Contributions that are due.
    Dues,
    /// Cards, loss, PIN.
    Cards,
    /// Change the PIN.
    ChangePin,
    /// Questions about policy.
    Articles,
    /// Offices.
    Offices,
    /// Vacancies.
    Vacancies,
    /// A card is lost and not here.
    LostCard,
}

/// Tiles of the first page, the likeliest first.
pub const HOME: [Task; 8] = [
    Task::Certify,
    Task::Account,
    Task::Contributions,
    Task::Treatments,
    Task::Vacancies,
    Task::Articles,
    Task::Offices,
    Task::LostCard,
];

/// Tiles of the person's page.
pub const MENU: [Task; 10] = [
    Task::Account,
    Task::Contributions,
    Task::Treatments,
    Task::Pension,
    Task::Certify,
    Task::Dues,
    Task::Work,
    Task::Unemployment,
    Task::Cards,
    Task::ChangePin,
];

impl Task {
    /// Whether it needs no card.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Articles | Self::Offices | Self::Vacancies | Self::LostCard)
    }
}

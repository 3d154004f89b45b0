//! What is left of a finger: the places where its ridges end or fork.

/// What a minutia is. Source: ISO/IEC 19794-2 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not told.
    Other,
    /// A ridge ends.
    Ending,
    /// A ridge forks.
    Bifurcation,
}

/// One minutia.
#[derive(Clone, Copy, PartialEq)]
pub struct Minutia {
    /// Pixels of 500 dpi from the left.
    pub x: f32,
    /// Pixels of 500 dpi from the top.
    pub y: f32,
    /// Radians, counter-clockwise from the right: where the ridge comes from, or the fork's two branches go to.
    pub angle: f32,
    /// What it is.
    pub kind: Kind,
    /// 1 to 100; 0 not told.
    pub quality: u8,
}

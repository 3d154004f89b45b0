//! What every storage has to pass.

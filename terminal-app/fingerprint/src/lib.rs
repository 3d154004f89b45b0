//! Fingerprints.
mod plane;
pub mod extract;
pub mod matcher;
pub mod minutia;
static TUNE: std::sync::OnceLock<Vec<Option<f32>>> = std::sync::OnceLock::new();
pub(crate) fn tune(i: usize, default: f32) -> f32 {
    TUNE.get_or_init(|| (0..64).map(|i| std::env::var(format!("T{i}")).ok().and_then(|v| v.parse().ok())).collect())[i].unwrap_or(default)
}

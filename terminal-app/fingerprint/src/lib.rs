//! Fingerprints: minutiae from an image, templates of ISO/IEC 19794-2, and whether two impressions are of one
//! finger.
//!
//! The comparison needs no operating system and no allocation: without the feature `std` it is what is
//! left, beside the card formats.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "std")]
pub mod evaluate;
#[cfg(feature = "std")]
pub mod extract;
pub mod matcher;
pub mod minutia;
#[cfg(feature = "std")]
mod plane;
pub mod template;

//! Widgets of our own.

pub mod coverage;
pub mod form;
pub mod problem;
pub mod sign;
pub mod viewer;

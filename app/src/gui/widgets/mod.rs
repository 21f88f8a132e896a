//! Widgets of our own.

pub mod check;
pub mod coverage;
pub mod form;
pub mod line;
pub mod problem;
pub mod sign;
pub mod tiles;
pub mod viewer;

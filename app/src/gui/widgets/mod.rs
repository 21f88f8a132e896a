//! Widgets of our own.

pub mod form;
pub mod problem;
pub mod viewer;

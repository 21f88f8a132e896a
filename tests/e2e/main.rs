//! Stories with real processes and real Blender, on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not as expected fails the test"
)]

mod add_ons;
mod api03;
mod blenders;
mod bridge;
mod chaos;
mod command;
mod cookbook;
mod crash_points;
mod crash_troubles;
mod door;
mod exactness;
mod failures;
mod limits;
mod losses;
mod notices;
mod openapi;
mod pack;
mod restart;
mod room;
mod scene;
mod shelf;
mod slurm;
mod trust;
mod walkthroughs;
mod warm;
mod window;
mod window_farm;
mod window_troubles;

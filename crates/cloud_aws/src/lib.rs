//! Amazon Web Services as a provider of machines. Nobody else names Amazon's SDK, and no program
//! is linked with it yet: this crate is compiled for its tests.
//!
//! What is made for a farm carries its tag: a security group, a bucket, launch templates and
//! instances. Who uses it needs no type of the SDK.

mod check;
mod error;
mod instances;
mod launch;
mod network;
mod offers;
mod policy;
mod provider;
mod settings;
mod storage;

pub use policy::policy;
pub use provider::{AwsProvider, FARM_TAG, TOKEN_TAG};
pub use settings::SETTINGS;

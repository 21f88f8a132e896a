//! Who lends machines, as they say of themselves: what a window or a command line asks for.

use serde::{Deserialize, Serialize};

/// Somebody who lends machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lender {
    /// As options name it, such as `slurm`.
    pub name: String,
    /// As people call it.
    pub title: String,
    /// One sentence for a person.
    pub about: String,
    /// What it wants to be told.
    pub settings: Vec<LenderSetting>,
}

/// What a setting can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LenderSettingKind {
    /// Any text.
    Text,
    /// A whole number, not negative.
    Number,
    /// `yes` or `no`.
    Flag,
}

/// One thing that a lender wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LenderSetting {
    /// Such as `partition`.
    pub name: String,
    /// One sentence for a person.
    pub help: String,
    /// What it can be.
    pub kind: LenderSettingKind,
    /// What it is when nobody says; `None` when it may be left out.
    pub default: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// It will work, though not as well as it could, or it could not be found out.
    Warned,
    /// Nothing can be launched.
    Failed,
}

/// One thing that was looked at before anything is launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LenderCheck {
    /// Stable name, such as `credentials`.
    pub name: String,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

//! What a provider wants to be told, typed and with help, so that a window or a command line can
//! ask for it without knowing the provider. Secrets are no settings: they stay where the
//! provider's own tools keep them.

use crate::ProviderError;
use std::collections::BTreeMap;

/// What a setting can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A whole number, not negative.
    Number,
    /// `yes` or `no`.
    Flag,
}

/// One thing that a provider wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Such as `region`.
    pub name: &'static str,
    /// One sentence for a person.
    pub help: &'static str,
    /// What it can be.
    pub kind: SettingKind,
    /// What it is when nobody says; `None` when it may be left out.
    pub default: Option<&'static str>,
}

/// Settings with their values, checked against what a provider wants.
#[derive(Clone, Debug)]
pub struct Settings {
    wanted: &'static [Setting],
    values: BTreeMap<String, String>,
}

impl Settings {
    /// Takes `name=value` pairs; unknown names and values of the wrong kind are refused.
    pub fn parse<'a>(
        wanted: &'static [Setting],
        pairs: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ProviderError> {
        let mut values = BTreeMap::new();
        for pair in pairs {
            let refuse = |name: &str, reason: String| ProviderError::Setting {
                name: name.to_owned(),
                reason,
            };
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| refuse(pair, "it must be NAME=VALUE".to_owned()))?;
            let Some(setting) = wanted.iter().find(|setting| setting.name == name) else {
                let names: Vec<&str> = wanted.iter().map(|setting| setting.name).collect();
                return Err(refuse(name, format!("there is none; there are {}", names.join(", "))));
            };
            let fits = match setting.kind {
                SettingKind::Text => !value.is_empty(),
                SettingKind::Number => value.parse::<u64>().is_ok(),
                SettingKind::Flag => matches!(value, "yes" | "no"),
            };
            if !fits {
                let wants = match setting.kind {
                    SettingKind::Text => "a text",
                    SettingKind::Number => "a whole number",
                    SettingKind::Flag => "`yes` or `no`",
                };
                return Err(refuse(name, format!("`{value}` is not {wants}")));
            }
            values.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self { wanted, values })
    }

    /// What was said, or else the default.
    pub fn text(&self, name: &str) -> Option<&str> {
        let default = || self.wanted.iter().find(|s| s.name == name).and_then(|s| s.default);
        self.values.get(name).map(String::as_str).or_else(default)
    }

    /// A number that was said, or else the default.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("yes")
    }

    /// The parts of a list with commas between them.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &[Setting] = &[
        Setting { name: "region", help: "Where.", kind: SettingKind::Text, default: Some("here") },
        Setting { name: "disk", help: "Size.", kind: SettingKind::Number, default: None },
        Setting { name: "spot", help: "Cheap.", kind: SettingKind::Flag, default: Some("yes") },
    ];

    #[test]
    fn what_is_not_said_is_the_default() {
        let settings = Settings::parse(WANTED, ["spot=no"]).unwrap();
        assert_eq!(settings.text("region"), Some("here"));
        assert_eq!(settings.number("disk"), None);
        assert!(!settings.flag("spot"));
    }

    #[test]
    fn wrong_names_and_values_are_refused_with_what_would_be_right() {
        let said = |pair| Settings::parse(WANTED, [pair]).unwrap_err().to_string();
        assert!(said("regoin=x").contains("region, disk, spot"), "{}", said("regoin=x"));
        assert!(said("disk=big").contains("whole number"));
        assert!(said("spot=maybe").contains("`yes` or `no`"));
        assert!(said("region").contains("NAME=VALUE"));
    }

    #[test]
    fn lists_have_commas_between_their_parts() {
        let settings = Settings::parse(WANTED, ["region=a, b,,c"]).unwrap();
        assert_eq!(settings.list("region"), ["a", "b", "c"]);
    }
}

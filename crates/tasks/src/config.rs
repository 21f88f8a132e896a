//! What a client configures: read, checked, and laid over what was set before.

use crate::paths::{ClientPath, Folder, PathError, Roots};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Samples of a task whose config names none, as in 0.3.
const DEFAULT_SAMPLES: u32 = 100;

/// Most samples that Blender takes.
const MAX_SAMPLES: u32 = 1 << 24;

/// Why a config is refused; nothing of it was taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("config field `{field}` is {given}; it must be {expected}")]
    Value { field: &'static str, given: String, expected: &'static str },
    #[error(transparent)]
    Path(#[from] PathError),
}

/// A task's configuration; `None` where the client set nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct TaskConfig {
    #[schema(value_type = Option<String>)]
    pub(crate) project: Option<ClientPath>,
    #[schema(value_type = Option<String>)]
    pub(crate) project_path: Option<Folder>,
    #[schema(value_type = Option<String>)]
    pub(crate) cwd_path: Option<Folder>,
    samples: Option<u32>,
    pub(crate) seed: Option<i32>,
    pub(crate) frame: Option<i32>,
    pub(crate) agents_num: Option<u32>,
    pub(crate) use_compositing_nodes: Option<bool>,
    pub(crate) compose_filepath: Option<String>,
}

impl TaskConfig {
    /// Lays the given fields over this config. Fields set to `null` and those not named stay as
    /// they are; the names of unknown ones come back.
    pub(crate) fn with(
        &self,
        given: &Map<String, Value>,
        is_manager: bool,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let mut config = self.clone();
        let mut unknown = Vec::new();
        for (field, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let known =
                config.set(field, value)? || (is_manager && config.set_on_manager(field, value)?);
            if !known {
                unknown.push(field.chars().take(100).collect());
            }
        }
        Ok((config, unknown))
    }

    fn set(&mut self, field: &str, value: &Value) -> Result<bool, ConfigError> {
        match field {
            "project" => {
                self.project = Some(ClientPath::new(text("project", value, "a file name")?)?);
            }
            "project_path" => self.project_path = Some(folder("project_path", value)?),
            "cwd_path" => self.cwd_path = Some(folder("cwd_path", value)?),
            "samples" => {
                let expected = "a whole number from 1 to 16777216";
                self.samples = Some(count("samples", value, MAX_SAMPLES, expected)?);
            }
            "seed" => self.seed = Some(whole("seed", value)?),
            "frame" => self.frame = Some(whole("frame", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_on_manager(&mut self, field: &str, value: &Value) -> Result<bool, ConfigError> {
        match field {
            "agents_num" => {
                let expected = "a whole number, at least 1";
                self.agents_num = Some(count("agents_num", value, u32::MAX, expected)?);
            }
            "use_compositing_nodes" => {
                let wrong = || wrong("use_compositing_nodes", value, "true or false");
                self.use_compositing_nodes = Some(value.as_bool().ok_or_else(wrong)?);
            }
            "compose_filepath" => {
                let path = text("compose_filepath", value, "a path as text")?;
                self.compose_filepath = Some(path.to_owned());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Samples of the whole frame.
    pub(crate) fn samples(&self) -> u32 {
        self.samples.unwrap_or(DEFAULT_SAMPLES)
    }

    /// Whether a folder is set, so that absolute paths can be judged.
    pub(crate) fn has_roots(&self) -> bool {
        self.project_path.is_some() || self.cwd_path.is_some()
    }

    pub(crate) fn roots(&self) -> Roots<'_> {
        Roots { project: self.project_path.as_ref(), cwd: self.cwd_path.as_ref() }
    }
}

fn wrong(field: &'static str, value: &Value, expected: &'static str) -> ConfigError {
    let given = match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{}`", value.to_string().chars().take(100).collect::<String>()),
    };
    ConfigError::Value { field, given, expected }
}

fn text<'a>(
    field: &'static str,
    value: &'a Value,
    expected: &'static str,
) -> Result<&'a str, ConfigError> {
    value.as_str().ok_or_else(|| wrong(field, value, expected))
}

fn folder(field: &'static str, value: &Value) -> Result<Folder, ConfigError> {
    Ok(Folder::new(field, text(field, value, "an absolute path")?)?)
}

fn whole(field: &'static str, value: &Value) -> Result<i32, ConfigError> {
    let expected = "a whole number from -2147483648 to 2147483647";
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| wrong(field, value, expected))
}

fn count(
    field: &'static str,
    value: &Value,
    max: u32,
    expected: &'static str,
) -> Result<u32, ConfigError> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|n| (1..=max).contains(n)).ok_or_else(|| wrong(field, value, expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(given: &Value, is_manager: bool) -> Result<(TaskConfig, Vec<String>), ConfigError> {
        TaskConfig::default().with(given.as_object().unwrap(), is_manager)
    }

    #[test]
    fn a_config_is_laid_over_the_one_before() {
        let (first, _) = with(&json!({"samples": 23, "seed": -1, "frame": 32}), true).unwrap();
        let given = json!({"samples": 50, "seed": null});
        let (second, unknown) = first.with(given.as_object().unwrap(), true).unwrap();
        assert_eq!((second.samples(), second.seed, second.frame), (50, Some(-1), Some(32)));
        assert!(unknown.is_empty());
        assert_eq!(TaskConfig::default().samples(), 100);
    }

    #[test]
    fn values_that_cannot_be_are_refused_by_name() {
        for (field, bad) in [
            ("samples", json!(0)),
            ("samples", json!(-1)),
            ("samples", json!("23")),
            ("samples", json!(1.5)),
            ("samples", json!(1_u64 << 40)),
            ("seed", json!(1_u64 << 31)),
            ("frame", json!("1")),
            ("frame", json!([1])),
            ("agents_num", json!(0)),
            ("use_compositing_nodes", json!(1)),
            ("compose_filepath", json!({"a": 1})),
            ("project", json!(7)),
            ("project", json!("../a.blend")),
            ("project_path", json!("proj")),
            ("cwd_path", json!("/srv/../etc")),
        ] {
            let error = with(&json!({ field: bad }), true).unwrap_err().to_string();
            let named = if field == "project" && bad.is_string() { "path" } else { field };
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn fields_of_the_manager_are_unknown_to_an_agent() {
        let given = json!({"agents_num": 2, "compose_filepath": "a.png", "new_field": {}});
        assert_eq!(with(&given, true).unwrap().1, ["new_field"]);
        let (config, unknown) = with(&given, false).unwrap();
        assert_eq!(config, TaskConfig::default());
        assert_eq!(unknown, ["agents_num", "compose_filepath", "new_field"]);
    }
}

//! Where a setting's text comes from, and errors that name the setting and the place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::Value;
use secrecy::SecretString;

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An environment variable.
    Environment,
    /// The settings file.
    File(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why the settings cannot be used. Texts never hold a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is missing or is not TOML.
    #[error("the settings file {} cannot be read: {detail}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the reader said.
        detail: String,
    },
    /// The file names something that is no setting.
    #[error("{name} in {} is not a setting", path.display())]
    Unknown {
        /// As written.
        name: String,
        /// Which file.
        path: PathBuf,
    },
    /// A value that cannot be used.
    #[error("{name} ({place}): {problem}")]
    Invalid {
        /// The environment name.
        name: &'static str,
        /// Where it was given.
        place: Place,
        /// What is expected, and the value unless it is a secret.
        problem: String,
    },
    /// A setting that is needed because of another one.
    #[error("{name} is required: {why}")]
    Missing {
        /// The environment name.
        name: &'static str,
        /// Because of what.
        why: &'static str,
    },
}

/// The merged texts of all settings.
pub(super) struct Source {
    figment: Figment,
    environment: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Source {
    /// Reads the file (its absence is an error only when `file` is given; the caller looks for the default one) and
    /// keeps the variables that `names` lists. Empty variables count as not given.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        names: &[&str],
    ) -> Result<Self, SettingsError> {
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .filter(|(name, value)| names.contains(&name.as_str()) && !value.trim().is_empty())
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut figment = Figment::new();
        if let Some(path) = file {
            let problem = |detail: String| SettingsError::File { path: path.to_owned(), detail };
            let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
            let values = Figment::from(Toml::string(&text));
            let table: BTreeMap<String, Value> = values.extract().map_err(|error| problem(error.to_string()))?;
            for name in table.keys() {
                if !names.contains(&name.to_uppercase().as_str()) || name.to_lowercase() != *name {
                    return Err(SettingsError::Unknown { name: name.clone(), path: path.to_owned() });
                }
            }
            figment = figment.merge(values);
        }
        figment = figment.merge(Serialized::defaults(&environment));
        Ok(Self { figment, environment, file: file.map(Path::to_owned) })
    }

    fn place(&self, name: &str) -> Place {
        match &self.file {
            Some(path) if !self.environment.contains_key(&name.to_lowercase()) => Place::File(path.clone()),
            _ => Place::Environment,
        }
    }

    /// An error about `name` at the place where it was given.
    pub(super) fn invalid(&self, name: &'static str, problem: impl Into<String>) -> SettingsError {
        SettingsError::Invalid { name, place: self.place(name), problem: problem.into() }
    }

    /// The text of `name`; numbers and switches of the file become text, lists are joined by commas.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        let Ok(value) = self.figment.find_value(&name.to_lowercase()) else { return Ok(None) };
        let text = match &value {
            Value::Array(_, items) => {
                let items: Option<Vec<String>> = items.iter().map(scalar).collect();
                items.map(|items| items.join(","))
            }
            other => scalar(other),
        };
        match text {
            Some(text) if text.is_empty() => Ok(None),
            Some(text) if text.contains('\0') => Err(self.invalid(name, "holds a NUL")),
            Some(text) => Ok(Some(text)),
            None => Err(self.invalid(name, "must be a text, a number, a switch or a list of these")),
        }
    }

    /// `name` parsed, or `default`. `expected` completes the sentence "must be …".
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        default: T,
        expected: &str,
    ) -> Result<T, SettingsError> {
        match self.text(name)? {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| self.invalid(name, format!("must be {expected}, not `{text}`"))),
        }
    }

    /// `name` as a whole number within `range`, or `default`.
    pub(super) fn number(
        &self,
        name: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, SettingsError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.parsed(name, default, &expected)?;
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(self.invalid(name, format!("must be {expected}, not `{number}`")))
        }
    }

    /// `name` as a list, split at commas.
    pub(super) fn list(&self, name: &'static str) -> Result<Vec<String>, SettingsError> {
        let text = self.text(name)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    /// `name` as a secret.
    pub(super) fn secret(&self, name: &'static str) -> Result<Option<SecretString>, SettingsError> {
        Ok(self.text(name)?.map(SecretString::from))
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.trim().to_owned()),
        Value::Bool(_, switch) => Some(switch.to_string()),
        Value::Num(_, number) => number
            .to_u128()
            .map(|whole| whole.to_string())
            .or_else(|| number.to_i128().map(|whole| whole.to_string()))
            .or_else(|| number.to_f64().map(|fraction| fraction.to_string())),
        Value::Char(..) | Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
    }
}

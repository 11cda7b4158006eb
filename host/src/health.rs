//! Whether this host can serve: written by the workers, read by `/health/ready`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts that readiness depends on. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<Part, String>>>);

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The database answers.
    Store,
    /// Every line's active version is loaded.
    Plugins,
    /// The machine's clock agrees with the database's.
    Clock,
    /// The host has started and is not stopping.
    Life,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 4] = [Self::Store, Self::Plugins, Self::Clock, Self::Life];

    /// Its word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Plugins => "plugins",
            Self::Clock => "clock",
            Self::Life => "life",
        }
    }
}

impl Health {
    /// Not ready yet: the store, the plugins and the start itself have still to report.
    pub fn new() -> Self {
        let unknown = |part| (part, "not checked yet".to_owned());
        Self(Arc::new(Mutex::new([Part::Store, Part::Plugins, Part::Life].map(unknown).into())))
    }

    /// Reports what is wrong with a part, or that nothing is. A change is logged.
    pub fn set(&self, part: Part, wrong: Option<String>) {
        let mut parts = self.parts();
        if parts.get(&part) == wrong.as_ref() {
            return;
        }
        if let Some(why) = wrong {
            tracing::warn!(part = part.word(), why, "not ready");
            parts.insert(part, why);
        } else {
            tracing::info!(part = part.word(), "ready");
            parts.remove(&part);
        }
    }

    /// What is wrong with a part.
    pub fn wrong(&self, part: Part) -> Option<String> {
        self.parts().get(&part).cloned()
    }

    /// Every part with what is wrong with it.
    pub fn all(&self) -> Vec<(Part, Option<String>)> {
        let parts = self.parts();
        Part::ALL.into_iter().map(|part| (part, parts.get(&part).cloned())).collect()
    }

    /// Whether requests should come here.
    pub fn is_ready(&self) -> bool {
        self.parts().is_empty()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<Part, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_part_has_reported_well() {
        let health = Health::new();
        assert!(!health.is_ready());
        for part in [Part::Store, Part::Plugins, Part::Life] {
            health.set(part, None);
        }
        assert!(health.is_ready());
        health.set(Part::Clock, Some("2,500 ms off".to_owned()));
        assert!(!health.clone().is_ready());
        assert_eq!(health.wrong(Part::Clock).as_deref(), Some("2,500 ms off"));
        assert_eq!(health.all().iter().filter(|(_, wrong)| wrong.is_some()).count(), 1);
    }
}

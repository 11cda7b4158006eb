//! Follows the catalogue's revision, so that what an operator changes through one host counts on every host.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::app::{App, catalogue};
use crate::health::Part;

/// Between two looks at the revision.
const EVERY: Duration = Duration::from_millis(500);

/// Reads the catalogue again when it has changed. As it asks so often, it also tells whether the store answers.
#[derive(Debug)]
pub struct FollowCatalogue(App);

impl FollowCatalogue {
    /// For a host.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Worker for FollowCatalogue {
    fn name(&self) -> &'static str {
        "catalogue"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let refreshed = catalogue::refresh(&self.0).await;
        self.0.health.set(Part::Store, refreshed.as_ref().err().map(|_| "the database does not answer".to_owned()));
        refreshed?;
        Ok(Worked::Idle)
    }
}

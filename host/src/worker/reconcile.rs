//! Compares providers' books with ours, one day of one account after another, and tells how many differences are open.

use std::time::Duration;

use async_trait::async_trait;

use super::leases::Held;
use super::runner::{Trouble, Worked, Worker};
use crate::app::App;
use crate::app::reconcile::{self, Went};
use crate::domain::reconcile::DiscrepancyKind;
use crate::telemetry::metrics::DISCREPANCIES_OPEN;

/// Whoever holds this slot group compares: one host at a time. Two would find the same differences.
const GROUP: u16 = 0;
/// Between two looks for a day that is due.
const LOOK: Duration = Duration::from_mins(1);

/// For a host.
#[derive(Debug)]
pub struct Reconcile {
    app: App,
    held: Held,
}

impl Reconcile {
    /// For a host that holds slot groups.
    pub fn new(app: App, held: Held) -> Self {
        Self { app, held }
    }
}

#[async_trait]
impl Worker for Reconcile {
    fn name(&self) -> &'static str {
        "reconcile"
    }

    fn rest(&self) -> Duration {
        LOOK
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        if !self.held.groups().contains(&GROUP) {
            // Whoever holds it tells.
            for kind in DiscrepancyKind::ALL {
                metrics::gauge!(DISCREPANCIES_OPEN, "kind" => kind.word()).set(0);
            }
            return Ok(Worked::Idle);
        }
        let went = reconcile::step(&self.app).await?;
        let open = reconcile::open(&self.app).await?;
        for kind in DiscrepancyKind::ALL {
            let count = open.iter().find(|(known, _)| known == kind).map_or(0, |(_, count)| *count);
            metrics::gauge!(DISCREPANCIES_OPEN, "kind" => kind.word()).set(u32::try_from(count).unwrap_or(u32::MAX));
        }
        Ok(match went {
            Went::Stepped => Worked::More,
            Went::Idle => Worked::Idle,
        })
    }
}

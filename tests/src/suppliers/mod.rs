//! Stand-ins for suppliers: real servers that speak the lines' protocols, keep books of their own and misbehave on
//! command. `plugins/*/README.md` describe the protocols.

mod book;
mod depot;
mod desk;
mod flight;
mod hotel;
mod manners;
mod topup;

use std::io;
use std::sync::Arc;

pub use book::{Book, Entry};
pub use depot::{DEPOT_SECRET, Depot};
pub use desk::{SUPPLIER_TOKEN, Supplier};
pub use manners::{Manner, Manners};
pub use topup::{Ear, FAILING_PHONE};

/// One of each.
#[derive(Debug)]
pub struct Suppliers {
    /// Bookings.
    pub hotel: Supplier,
    /// Tickets.
    pub flight: Supplier,
    /// Top-ups.
    pub topup: Supplier,
    /// Packages.
    pub depot: Depot,
    /// Where the carrier tells its results.
    pub ear: Arc<Ear>,
}

impl Suppliers {
    /// Starts all of them.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> io::Result<Self> {
        let ear = Arc::new(Ear::default());
        let topup = topup::start(Arc::clone(&ear)).await?;
        let (hotel, flight, depot) = (hotel::start().await?, flight::start().await?, Depot::start().await?);
        Ok(Self { hotel, flight, topup, depot, ear })
    }

    /// Everything that all of them did.
    pub fn entries(&self) -> Vec<Entry> {
        [&self.hotel, &self.flight, &self.topup].into_iter().flat_map(|supplier| supplier.book().entries()).collect()
    }
}

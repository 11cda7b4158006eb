//! Who flies.

use hookline_sdk::prelude::*;

/// A passenger as the buyer's application sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passenger {
    pub(crate) name: String,
    /// Number of the travel document.
    pub(crate) id: String,
}

/// Reads the passengers of a line; one for each unit, each document once.
pub(crate) fn read(extra: &Pairs, quantity: u32) -> Result<Vec<Passenger>, String> {
    let text = extra.find("passengers").unwrap_or("[]");
    let passengers: Vec<Passenger> =
        serde_json::from_str(text).map_err(|error| format!("passengers can't be read: {error}"))?;
    if u32::try_from(passengers.len()) != Ok(quantity) {
        return Err(format!("{quantity} tickets need {quantity} passengers, not {}", passengers.len()));
    }
    for (n, passenger) in passengers.iter().enumerate() {
        if passenger.name.trim().is_empty() || passenger.id.trim().is_empty() {
            return Err(format!("passenger {} needs a name and a document", n + 1));
        }
        if passengers[..n].iter().any(|earlier| earlier.id == passenger.id) {
            return Err(format!("document of passenger {} is already listed", n + 1));
        }
    }
    Ok(passengers)
}

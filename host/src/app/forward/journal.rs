//! What suppliers say, at rest: sealed, since a ticket number or a voucher may stand in it, which is the buyer's alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::app::problem::Problem;
use crate::domain::hook::JournalEntry;
use crate::domain::ids::OrderNo;
use crate::secrets::Place;

/// Begins a sealed text. What does not begin so was written before there were any.
const SEALED: &str = "sealed:";

/// Seals what somebody said about a shop order.
pub(in crate::app) fn seal(app: &App, no: OrderNo, text: &str) -> String {
    let sealed = app.sealer.seal(Place(&["said", &no.to_string()]), text.as_bytes());
    format!("{SEALED}{}", STANDARD.encode(sealed))
}

/// What [`seal`] was given.
pub(super) fn open(app: &App, no: OrderNo, stored: String) -> Result<String, Problem> {
    let Some(sealed) = stored.strip_prefix(SEALED) else { return Ok(stored) };
    let sealed = STANDARD.decode(sealed).map_err(Problem::internal)?;
    let plain = app.sealer.open(Place(&["said", &no.to_string()]), &sealed).map_err(Problem::internal)?;
    String::from_utf8(plain.to_vec()).map_err(Problem::internal)
}

/// An entry of the journal of a shop order's hook, as it is stored.
pub(super) fn entry(app: &App, no: OrderNo, entry: &JournalEntry) -> Result<String, Problem> {
    Ok(seal(app, no, &serde_json::to_string(entry).map_err(Problem::internal)?))
}

/// A stored entry.
pub(super) fn read(app: &App, no: OrderNo, stored: &str) -> Result<JournalEntry, Problem> {
    serde_json::from_str(&open(app, no, stored.to_owned())?).map_err(Problem::internal)
}

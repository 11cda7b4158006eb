//! Where parcels were seen.

use std::fmt;
use std::str::FromStr;

use crate::domain::fulfilment::Track;
use crate::domain::ids::Millis;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::aftersales;
use crate::store::sql::{Reader, Sql, sql};

sql! {
    TRACKS = {
        let text = |code: &str| format!(
            "SELECT {} FROM tracks AS t WHERE waybill = $1 AND (node_time, {code}) > ($2, $3) \
             ORDER BY node_time, {code} LIMIT $4",
            aftersales::TRACKS.list("t."));
        // Both databases give the same order, whatever the database's own collation is.
        Sql::each("tracks of a waybill", text("node_code COLLATE \"C\""), text("node_code"))
    };
    TRACK = Sql::both("whether a track is known",
        "SELECT node_time FROM tracks WHERE waybill = $1 AND node_time = $2 AND node_code = $3");
}

/// The place of a track among those of its waybill. As text `<node time>.<node code>`: a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackMark {
    /// When the parcel was there.
    pub node_time: Millis,
    /// What happened there.
    pub node_code: String,
}

impl fmt::Display for TrackMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node_time, self.node_code)
    }
}

impl FromStr for TrackMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, code) = text.split_once('.').ok_or(())?;
        Ok(Self { node_time: time.parse().map_err(drop)?, node_code: code.to_owned() })
    }
}

impl Store {
    /// Where a parcel was after a place, in the order of the time, then of the code.
    pub async fn tracks(&self, waybill: &str, after: Option<&TrackMark>, limit: u32) -> Result<Vec<Track>, StoreError> {
        let (time, code) = after.map_or((Millis::MIN, ""), |mark| (mark.node_time, mark.node_code.as_str()));
        let values = [waybill.into(), time.into(), code.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&TRACKS, &values).await?;
        rows.iter().map(|row| aftersales::take_track(&mut Reader::new(row, &aftersales::TRACKS))).collect()
    }

    /// Whether a place is known.
    pub async fn has_track(&self, waybill: &str, mark: &TrackMark) -> Result<bool, StoreError> {
        let values = [waybill.into(), mark.node_time.into(), mark.node_code.as_str().into()];
        Ok(!self.readers().fetch(&TRACK, &values).await?.is_empty())
    }
}

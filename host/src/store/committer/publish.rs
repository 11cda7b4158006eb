//! Published events leave the hot table.

use super::Attempting;
use crate::domain::ids::Millis;
use crate::store::rows::work;
use crate::store::sql::{Conn, OnConflict, Rows, insert_with, sql, table};

table! {
    SENT = "outbox_sent" { grp: Int, position: Int, sent_at: Int }
}

/// An event that the broker confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// Its slot group.
    pub group: u16,
    /// Its position.
    pub position: i64,
    /// When it was published.
    pub at: Millis,
}

sql! {
    /// Copies the events to where they stay for a week.
    SEND = insert_with("insert outbox_sent", &SENT, None, &[
        ("subject", "o.subject"), ("topic", "o.topic"), ("sequence", "o.sequence"), ("tag", "o.tag"), ("body", "o.body"),
    ], " JOIN outbox AS o ON o.grp = u.grp AND o.position = u.position", OnConflict::Nothing);
}

pub(super) async fn publish(conn: &mut Conn, published: &[Published]) -> Attempting<()> {
    if published.is_empty() {
        return Ok(());
    }
    let mut all = published.to_vec();
    all.sort_unstable();
    all.dedup_by_key(|p| (p.group, p.position));
    let mut sent = Rows::new(conn.dialect(), &SEND);
    let mut gone = Rows::new(conn.dialect(), &work::DELETE_EVENT);
    for published in &all {
        sent.int(published.group.into());
        sent.int(published.position);
        sent.int(published.at);
        gone.int(published.group.into());
        gone.int(published.position);
    }
    conn.write(sent).await?;
    conn.write(gone).await?;
    Ok(())
}

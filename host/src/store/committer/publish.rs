//! Published events leave the hot table.

use std::collections::BTreeMap;

use super::Attempting;
use crate::domain::ids::Millis;
use crate::store::StreamMark;
use crate::store::rows::work;
use crate::store::sql::{Conn, OnConflict, Rows, insert, insert_with, sql, table};

table! {
    SENT = "outbox_sent" { grp: Int, position: Int, sent_at: Int }
    MARKS = "stream_marks" { stream: Text, last_id: Text, low_mark: Int }
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

/// What a relay has done: events published, and how far streams are written and confirmed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relayed {
    /// To put away.
    pub published: Vec<Published>,
    /// To note.
    pub marks: Vec<StreamMark>,
}

impl Relayed {
    pub(super) fn is_empty(&self) -> bool {
        self.published.is_empty() && self.marks.is_empty()
    }
}

sql! {
    /// Copies the events to where they stay for a week.
    SEND = insert_with("insert outbox_sent", &SENT, None, &[
        ("subject", "o.subject"), ("topic", "o.topic"), ("sequence", "o.sequence"), ("tag", "o.tag"), ("body", "o.body"),
    ], " JOIN outbox AS o ON o.grp = u.grp AND o.position = u.position", OnConflict::Nothing);
    /// Notes how far streams are.
    MARK = insert("mark streams", &MARKS, None,
        OnConflict::Update("(stream) DO UPDATE SET last_id = excluded.last_id, low_mark = excluded.low_mark"));
}

pub(super) async fn publish(conn: &mut Conn, relayed: &Relayed) -> Attempting<()> {
    mark(conn, &relayed.marks).await?;
    let published = &relayed.published;
    if published.is_empty() {
        return Ok(());
    }
    let mut all = published.clone();
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

/// Of two marks of one stream the later counts: no statement may write a row twice.
async fn mark(conn: &mut Conn, marks: &[StreamMark]) -> Attempting<()> {
    let latest: BTreeMap<_, _> = marks.iter().map(|mark| (&mark.stream, mark)).collect();
    if latest.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(conn.dialect(), &MARK);
    for mark in latest.values() {
        rows.text(&mark.stream);
        rows.text(&mark.last_id);
        rows.int(mark.low_mark);
    }
    conn.write(rows).await?;
    Ok(())
}

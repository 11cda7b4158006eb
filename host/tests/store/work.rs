//! What workers do: numbers, leases, the outbox, timers, housekeeping.

use std::collections::HashSet;

use hookline::domain::change::{Change, Fired, Timer};
use hookline::domain::event::Topic;
use hookline::domain::number::BLOCK;
use hookline::store::{BACKLOG_MAX, StreamMark, testing};

use crate::harness::on_both;
use crate::make::*;

/// All slot groups.
const GROUPS: [u16; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

on_both! {
    async fn number_blocks_never_overlap(db) {
        let asked: Vec<_> = (0..20).map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move { store.number_block().await.unwrap() })
        }).collect();
        let mut starts = HashSet::new();
        for block in asked {
            let start = block.await.unwrap();
            assert_eq!(start % BLOCK, 0);
            assert!(starts.insert(start));
        }
    }

    async fn a_group_is_leased_by_one_at_a_time(db) {
        let mine = db.store.lease("host-a", &[0, 1, 2]).await.unwrap();
        assert_eq!(mine, [0, 1, 2]);
        assert_eq!(db.store.lease("host-b", &[1, 2, 3]).await.unwrap(), [3]);
        assert_eq!(db.store.lease("host-a", &GROUPS).await.unwrap().len(), 15);
        let leases = db.store.leases().await.unwrap();
        assert_eq!(leases.iter().filter(|lease| lease.held && lease.holder == "host-a").count(), 15);
        db.store.release("host-a", &GROUPS).await.unwrap();
        assert_eq!(db.store.lease("host-b", &GROUPS).await.unwrap().len(), 16);
        db.side().await.run("UPDATE relay_leases SET until_at = until_at - 20000 WHERE grp < 4").await;
        assert_eq!(db.store.lease("host-a", &GROUPS).await.unwrap(), [0, 1, 2, 3]);
    }

    async fn events_leave_in_the_order_of_their_subject(db) {
        stocked(&db.store).await;
        let mut tree = created(&db.store, 1, "lilei").await;
        for step_of in [offer, paid, shipped] {
            let change = step_of(1, &tree);
            tree = step(&db.store, tree, change).await;
        }
        let group = tree.pay.no.slot().group();
        let events = db.store.take_events(group, 0, 100).await.unwrap();
        let tags: Vec<_> = events.iter().map(|o| (o.event.tag.as_str(), o.event.sequence)).collect();
        assert_eq!(tags, [("ORDER_CREATED", 1), ("ORDER_PAID", 2), ("ORDER_SHIPPED", 3)]);
        assert!(events.iter().all(|o| o.event.topic == Topic::Order && o.event.body.contains(&o.event.id())));
        assert_eq!(db.store.outbox_backlog().await.unwrap()[0].events, 3);
        db.store.mark_relayed(events[..2].iter().map(|o| o.published(NOW)).collect(), vec![]).await.unwrap();
        assert_eq!(db.store.take_events(group, 0, 100).await.unwrap(), events[2..]);
        assert_eq!(db.store.sent_events(group, 0, 100).await.unwrap(), events[..2]);
        assert_eq!(db.store.sent_events(group, events[0].position, 100).await.unwrap(), events[1..2]);
    }

    async fn a_long_backlog_is_found_at_once_and_counted_up_to_a_limit(db) {
        assert!(db.store.waiting_groups().await.unwrap().is_empty());
        db.side().await.run(
            "INSERT INTO outbox (grp, subject, topic, sequence, tag, body) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100) \
             SELECT CASE WHEN i = 1 THEN 15 ELSE 3 END, i, 1, 1, 'ORDER_TESTED', '{}' FROM n",
        ).await;
        assert_eq!(db.store.waiting_groups().await.unwrap(), [3, 15]);
        let backlog = db.store.outbox_backlog().await.unwrap();
        assert_eq!(backlog.iter().map(|b| (b.group, b.events)).collect::<Vec<_>>(), [(3, BACKLOG_MAX), (15, 1)]);
        for name in ["groups with events", "outbox backlog"] {
            let plan = testing::plan_of(&db.store, name, &[]).await;
            assert!(plan.contains("outbox_grp (grp=?)") || plan.contains("outbox_pkey on outbox"), "{name}:\n{plan}");
            assert!(!plan.contains("Seq Scan on outbox") && !plan.contains("SCAN o"), "{name} reads it whole:\n{plan}");
        }
    }

    async fn timers_fire_when_due_and_move_when_armed_again(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let due = |now| { let store = db.store.clone(); async move { store.due_timers(&GROUPS, now, 10).await.unwrap() } };
        assert_eq!(due(NOW + 1_799_999).await, []);
        let fired = due(NOW + 1_800_000).await;
        assert_eq!((fired.len(), fired[0].key.subject), (1, tree.pay.no));
        let mut again = fired[0];
        (again.due, again.attempt) = (NOW + 2_000_000, 1);
        let change = Change { arm: vec![again], ..Default::default() };
        db.store.commit(change).await.unwrap();
        assert_eq!(due(NOW + 1_900_000).await, []);
        assert_eq!(due(NOW + 2_000_000).await, [again]);
        let disarm = Change { disarm: vec![again.key], ..Default::default() };
        db.store.commit(disarm).await.unwrap();
        assert_eq!(due(i64::MAX).await, []);
    }

    async fn a_timer_that_fired_goes_only_where_nobody_moved_it_since(db) {
        stocked(&db.store).await;
        created(&db.store, 1, "lilei").await;
        let armed = || { let store = db.store.clone(); async move { store.due_timers(&GROUPS, i64::MAX, 10).await.unwrap() } };
        let commit = |change| { let store = db.store.clone(); async move { store.commit(change).await.unwrap() } };
        let fired = |timer, again| Change { fired: vec![Fired { timer, again }], ..Change::default() };
        let as_it_fired = armed().await[0];
        let moved = Timer { due: as_it_fired.due + 60_000, attempt: 0, ..as_it_fired };
        commit(Change { arm: vec![moved], ..Change::default() }).await;
        commit(fired(as_it_fired, None)).await;
        commit(fired(as_it_fired, Some(as_it_fired.due + 5_000))).await;
        assert_eq!(armed().await, [moved], "what others armed meanwhile stays");
        commit(fired(moved, Some(moved.due + 5_000))).await;
        let put_off = Timer { due: moved.due + 5_000, attempt: 1, ..moved };
        assert_eq!(armed().await, [put_off]);
        commit(fired(put_off, None)).await;
        assert_eq!(armed().await, []);
    }

    async fn what_is_past_its_time_goes(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let group = tree.pay.no.slot().group();
        let events = db.store.take_events(group, 0, 9).await.unwrap();
        db.store.mark_relayed(events.iter().map(|o| o.published(NOW)).collect(), vec![]).await.unwrap();
        let kept = db.store.purge(NOW + 26 * 3_600_000).await.unwrap();
        assert_eq!((kept.claims, kept.events), (0, 0));
        let gone = db.store.purge(NOW + 7 * 24 * 3_600_000 + 1).await.unwrap();
        assert_eq!((gone.claims, gone.events), (1, 1));
        db.store.purge(i64::MAX / 2).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM batches").await, 0);
    }

    async fn a_stream_remembers_how_far_it_got(db) {
        let mark = StreamMark { stream: "order.events:ORDER_TOPIC:3".into(), last_id: "17-0".into(), low_mark: 5 };
        db.store.mark_stream(mark.clone()).await.unwrap();
        let mark = StreamMark { low_mark: 9, ..mark };
        db.store.mark_stream(mark.clone()).await.unwrap();
        assert_eq!(db.store.stream_mark(&mark.stream).await.unwrap(), Some(mark));
        assert_eq!(db.store.stream_mark("other").await.unwrap(), None);
    }

    async fn hosts_count_each_other(db) {
        assert_eq!(db.store.show_host("host-a").await.unwrap(), 1);
        assert_eq!(db.store.show_host("host-b").await.unwrap(), 2);
        assert_eq!(db.store.show_host("host-a").await.unwrap(), 2);
        db.store.hide_host("host-b").await.unwrap();
        assert_eq!(db.store.show_host("host-a").await.unwrap(), 1);
    }

    async fn marks_go_with_the_events_they_are_about(db) {
        let mark = |low_mark: i64| StreamMark { stream: "order.events:3".into(), last_id: low_mark.to_string(), low_mark };
        let marks = [1, 2, 3].map(mark).map(|mark| db.store.mark_relayed(vec![], vec![mark]));
        for marked in futures_util::future::join_all(marks).await {
            marked.unwrap();
        }
        assert_eq!(db.store.stream_mark("order.events:3").await.unwrap(), Some(mark(3)));
    }

    async fn the_databases_clock_is_readable(db) {
        assert!(db.store.database_now().await.unwrap() > 1_700_000_000_000);
    }
}

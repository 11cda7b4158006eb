//! Which event may do what in which state: the one table of the shop order's life.
//!
//! An event at or past its target is late: an IGNORED flow row, nothing else. An event whose target can still be
//! reached is early: it is parked. Everything else is refused.

use super::fulfilment::ShipmentStatus;
use super::order::{Status, SubStatus};

/// What wants to move a shop order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The money is secured.
    Pay,
    /// The deduct hook answered.
    Deduct,
    /// A package left.
    Ship,
    /// A package arrived.
    Deliver,
    /// A package was lost, refused, or will be late.
    Exception,
    /// Delivery is done.
    Receive,
    /// The after-sale window is over.
    Complete,
    /// The order ends unpaid.
    Cancel,
    /// The deal failed after payment.
    Undo,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Do it.
    Apply,
    /// It was done: write an IGNORED row.
    Late,
    /// It will be possible: park it.
    Early,
    /// It can never be possible from here.
    Refused,
}

/// The table.
#[expect(clippy::match_same_arms, reason = "read event by event")]
pub fn judge(event: Event, status: Status, sub: SubStatus) -> Judgement {
    use Event as E;
    use Judgement::{Apply, Early, Late, Refused};
    use Status as S;
    if sub == SubStatus::Closing {
        return if matches!(event, E::Undo | E::Exception) { Late } else { Refused };
    }
    match (event, status) {
        (E::Pay | E::Cancel, S::Created) => Apply,
        (E::Cancel, S::Cancelled) => Late,
        (E::Pay, S::Paid | S::Shipped | S::Received | S::Completed) => Late,
        (E::Pay | E::Cancel, _) => Refused,

        (E::Deduct, S::Paid) if sub == SubStatus::ToDeduct => Apply,
        (E::Ship, S::Paid) if sub != SubStatus::ToDeduct => Apply,
        (E::Ship, S::Created | S::Paid) => Early,
        (E::Deduct, S::Created) => Early,
        (E::Deduct | E::Ship, S::Paid | S::Shipped | S::Received | S::Completed) => Late,

        (E::Deliver | E::Receive, S::Shipped) => Apply,
        (E::Deliver, S::Paid) if sub == SubStatus::PartShipped => Apply,
        (E::Deliver | E::Receive, S::Created | S::Paid) => Early,
        (E::Deliver | E::Receive, S::Received | S::Completed) => Late,

        (E::Exception, S::Shipped) => Apply,
        (E::Exception, S::Paid) if sub == SubStatus::PartShipped => Apply,
        (E::Exception, S::Created | S::Paid) => Early,
        (E::Exception, S::Received | S::Completed | S::Closed) => Late,

        (E::Complete, S::Received) => Apply,
        (E::Complete, S::Completed) => Late,
        (E::Complete, S::Created | S::Paid | S::Shipped) => Early,

        (E::Undo, S::Paid | S::Shipped | S::Received) => Apply,
        (E::Undo, S::Closed) => Late,

        (_, S::Cancelled | S::Closed) | (E::Undo, S::Created | S::Completed) => Refused,
    }
}

/// The table of one shipment, for events about packages; the order's own table says what it may do with the answer.
#[expect(clippy::match_same_arms, reason = "read event by event")]
pub fn judge_shipment(event: Event, status: ShipmentStatus) -> Judgement {
    use Event as E;
    use Judgement::{Apply, Early, Late, Refused};
    use ShipmentStatus as S;
    match (event, status) {
        (E::Ship, S::Created) | (E::Deliver | E::Exception, S::Shipped) => Apply,
        (E::Deliver | E::Exception, S::Created) => Early,
        (E::Ship, S::Shipped | S::Delivered | S::Lost | S::Refused)
        | (E::Deliver | E::Exception, S::Delivered)
        | (E::Exception, S::Lost | S::Refused) => Late,
        (E::Ship | E::Deliver | E::Exception, S::Cancelled) | (E::Deliver, S::Lost | S::Refused) => Refused,
        (E::Pay | E::Deduct | E::Receive | E::Complete | E::Cancel | E::Undo, _) => Refused,
    }
}

/// Whether a main state may follow another. Staying is a change of sub-state.
pub fn allowed(from: Status, to: Status) -> bool {
    use Status as S;
    from == to && !from.is_final()
        || matches!(
            (from, to),
            (S::Created, S::Cancelled | S::Paid)
                | (S::Paid, S::Shipped | S::Closed)
                | (S::Shipped, S::Received | S::Closed)
                | (S::Received, S::Completed | S::Closed)
        )
}

/// Events that touch only what is beside the state, so that they are possible in every state, the final ones too.
pub const ANNOTATIONS: &[&str] = &["visible", "rate", "comment", "tags", "recalled"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ship_notice_before_the_pay_notice_waits_and_after_delivery_is_ignored() {
        assert_eq!(judge(Event::Ship, Status::Created, SubStatus::StockReserved), Judgement::Early);
        assert_eq!(judge(Event::Ship, Status::Paid, SubStatus::ToDeduct), Judgement::Early);
        assert_eq!(judge(Event::Ship, Status::Paid, SubStatus::ToShip), Judgement::Apply);
        assert_eq!(judge(Event::Ship, Status::Received, SubStatus::None), Judgement::Late);
        assert_eq!(judge(Event::Ship, Status::Cancelled, SubStatus::None), Judgement::Refused);
    }

    #[test]
    fn a_loss_waits_for_its_package_and_a_repeat_of_it_is_late_to_the_end() {
        assert_eq!(judge(Event::Exception, Status::Paid, SubStatus::ToShip), Judgement::Early);
        assert_eq!(judge(Event::Exception, Status::Paid, SubStatus::PartShipped), Judgement::Apply);
        assert_eq!(judge(Event::Exception, Status::Shipped, SubStatus::Closing), Judgement::Late);
        assert_eq!(judge(Event::Exception, Status::Closed, SubStatus::None), Judgement::Late);
        assert_eq!(judge(Event::Exception, Status::Cancelled, SubStatus::None), Judgement::Refused);
        assert_eq!(judge_shipment(Event::Exception, ShipmentStatus::Created), Judgement::Early);
        assert_eq!(judge_shipment(Event::Exception, ShipmentStatus::Lost), Judgement::Late);
        assert_eq!(judge_shipment(Event::Deliver, ShipmentStatus::Lost), Judgement::Refused);
    }

    #[test]
    fn nothing_leaves_a_final_state_and_nothing_but_its_end_touches_a_closing_order() {
        let events = [
            Event::Pay,
            Event::Deduct,
            Event::Ship,
            Event::Deliver,
            Event::Exception,
            Event::Receive,
            Event::Complete,
            Event::Cancel,
            Event::Undo,
        ];
        for event in events {
            for status in [Status::Cancelled, Status::Closed, Status::Completed] {
                assert_ne!(judge(event, status, SubStatus::None), Judgement::Apply, "{event:?} {status}");
            }
            assert_ne!(judge(event, Status::Paid, SubStatus::Closing), Judgement::Apply);
        }
        for from in Status::ALL {
            for to in Status::ALL {
                assert!(!(from.is_final() && allowed(*from, *to)), "{from} -> {to}");
            }
        }
    }
}

//! Which order ends how.

use crate::journey::Paying;
use crate::world::Line;

/// Of so many orders a line has one of each ending that is not completion.
const ROUND: usize = 50;

/// How an order is meant to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Delivered, received and settled.
    Completed(Paying),
    /// The buyer changes their mind.
    CancelledByBuyer,
    /// The buyer never pays.
    PayTimeout,
    /// Prepaid, and the wallet is empty.
    InsufficientBalance,
    /// The supplier says no after the money was taken.
    SupplierRefuses,
    /// Paid after it was cancelled: everything goes back.
    PaidTooLate,
    /// Paid in part from the wallet, and a part of an item goes back on the seller's word; then delivered.
    PartlyRefunded,
    /// Shipped, and the carrier loses the parcel.
    LostParcel,
    /// A booked stay is given up so late that a part of its price is kept.
    CancelledLate,
    /// One of two tickets goes back for the fee of its fare; the other passenger flies.
    OneSeatBack,
    /// More than there is: refused, nothing is kept.
    ShortStock,
}

impl Ending {
    /// The n-th order of a line. The slow ending, the pay timeout, comes first.
    pub(super) fn of(line: Line, n: usize) -> Self {
        match n % ROUND {
            0 => Self::PayTimeout,
            1 => Self::CancelledByBuyer,
            2 => Self::InsufficientBalance,
            3 if line == Line::Goods => Self::LostParcel,
            3 => Self::SupplierRefuses,
            4 => Self::PaidTooLate,
            5 if line == Line::Goods => Self::ShortStock,
            5 if line == Line::Hotel => Self::CancelledLate,
            5 if line == Line::Flight => Self::OneSeatBack,
            7 => Self::PartlyRefunded,
            rest => Self::Completed(match rest % 10 {
                6 => Paying::Balance,
                8 => Paying::Prepaid,
                _ => Paying::Sandbox,
            }),
        }
    }

    /// How the order of a line that the demo tells about goes wrong, and comes right.
    pub(super) fn told_of(line: Line) -> Self {
        match line {
            Line::Goods => Self::LostParcel,
            Line::Hotel => Self::CancelledLate,
            Line::Flight => Self::OneSeatBack,
            Line::Topup => Self::SupplierRefuses,
        }
    }

    /// The status that such an order ends with; none when there is no order.
    pub(super) fn status(self) -> Option<&'static str> {
        match self {
            Self::Completed(_) | Self::PartlyRefunded | Self::OneSeatBack => Some("completed"),
            Self::CancelledByBuyer | Self::PayTimeout | Self::InsufficientBalance | Self::PaidTooLate => {
                Some("cancelled")
            }
            Self::SupplierRefuses | Self::LostParcel | Self::CancelledLate => Some("closed"),
            Self::ShortStock => None,
        }
    }
}

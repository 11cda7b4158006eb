//! The states of an order and other words with a code.

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $word:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The number that rows and `*_code` fields carry.
            pub fn code(self) -> i16 {
                match self { $(Self::$variant => $code),+ }
            }
            /// The word that JSON carries.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// The value of a code, if it is one.
            pub fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
            /// The value of a word, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use coded;

coded!(
    /// The state of a shop order. A pay order stores only created, cancelled and paid; after that it is derived.
    Status {
        /// Made, not paid.
        Created = 0, "created";
        /// Never paid.
        Cancelled = 1, "cancelled";
        /// The money is secured.
        Paid = 2, "paid";
        /// Delivery began.
        Shipped = 3, "shipped";
        /// Delivery done.
        Received = 4, "received";
        /// Money had moved and the deal failed; everything owed was refunded.
        Closed = 5, "closed";
        /// Settled.
        Completed = 6, "completed";
    }
);

impl Status {
    /// Nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Closed | Self::Completed)
    }
}

coded!(
    /// Where inside a state an order is.
    SubStatus {
        /// Nothing to say.
        None = 0, "none";
        /// Created, and its stock is held.
        StockReserved = 10, "stock_reserved";
        /// Created, waiting for the provider to close an open payment.
        Cancelling = 11, "cancelling";
        /// Paid; the deduct hook has not finished.
        ToDeduct = 20, "to_deduct";
        /// Paid and deducted; not yet shipped.
        ToShip = 21, "to_ship";
        /// Paid; some packages are on their way.
        PartShipped = 22, "part_shipped";
        /// Being undone; closed once the last refund succeeded.
        Closing = 90, "closing";
    }
);
coded!(
    /// How the order is paid for.
    Mode {
        /// The buyer's wallet pays when the order is forwarded.
        Prepaid = 0, "prepaid";
        /// The buyer pays before the timeout.
        Wait = 1, "wait";
    }
);
coded!(
    /// Where the order was placed.
    Channel {
        /// A desktop browser.
        Pc = 0, "pc";
        /// A mobile application or page.
        Mobile = 1, "mobile";
        /// Another system.
        Api = 2, "api";
        /// A marketplace of somebody else.
        ThirdParty = 3, "third_party";
    }
);
coded!(
    /// Whether the buyer sees the order.
    Visible {
        /// Listed.
        Normal = 0, "normal";
        /// Deleted by the buyer, can be brought back.
        Deleted = 1, "deleted";
        /// Deleted for good.
        Gone = 2, "gone";
        /// Not yet there: its resources are still being locked.
        NotYet = 99, "not_yet";
    }
);
coded!(
    /// How a shop order is delivered.
    Delivery {
        /// A parcel with a carrier and a waybill.
        Parcel = 0, "parcel";
        /// A code.
        Code = 1, "code";
        /// A voucher.
        Voucher = 2, "voucher";
        /// A ticket.
        Ticket = 3, "ticket";
        /// A booking.
        Booking = 4, "booking";
        /// Credit on an account outside.
        Credit = 5, "credit";
    }
);

coded!(
    /// How a business line's stock moves.
    StockMode {
        /// Held at create, sold at deduct.
        Reserve = 0, "reserve";
        /// Sold at create.
        AtOnce = 1, "at_once";
    }
);

coded!(
    /// When a line's stock is held for an order.
    Reserving {
        /// In the change that makes the order: short is 409 and nothing is kept.
        AtCreate = 0, "at_create";
        /// After it: the order waits for its stock, and is cancelled if there is none.
        Later = 1, "later";
        /// After it, together with coins and coupons, and nobody sees the order before.
        BeforeVisible = 2, "before_visible";
    }
);
coded!(
    /// How far after-sales of an order have come (`reverse_status`). Computed on read.
    ReverseStatus {
        /// Never applied for.
        None = 0, "none";
        /// One is open.
        Open = 1, "open";
        /// None is open, one succeeded, and more is possible.
        Succeeded = 2, "succeeded";
        /// All ended without success.
        Failed = 3, "failed";
        /// One succeeded, and no more is possible.
        Final = 4, "final";
    }
);
coded!(
    /// Whether an item can be rated (`rate_status`). Computed on read.
    RateStatus {
        /// Not received yet.
        NotYet = 0, "not_yet";
        /// Received, and not rated.
        Open = 1, "open";
        /// Rated once; once more is possible.
        Again = 2, "again";
        /// Rated twice, or too late.
        Closed = 3, "closed";
    }
);

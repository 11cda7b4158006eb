//! Joins the traits of a line to the generated exports.

use core::marker::PhantomData;

use crate::bindings::business::exports::hookline::business::{deduct, pricing, receive, ship};
use crate::bindings::with_aftersale::exports::hookline::business::aftersale;
use crate::ctx::Ctx;
use crate::line::{Aftersale, BusinessLine};
use crate::stop::{Hook, Step};
use crate::types::{Deducted, HookError, Received, Revoked, Shipped};

/// A line as the generated code wants it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Adapter<L>(PhantomData<L>);

/// A hook over its raw input; every answer in its journal must have been read when it is through.
macro_rules! hook {
    ($name:ident<$line:ident>($input:ident: $($inner:ident)::+) -> $done:ty { |$ctx:ident| $body:expr }) => {
        pub(crate) fn $name<L: $line>($input: &$($inner)::+) -> Hook<$done> {
            let mut $ctx = Ctx::new(&$input.settings, $input.now, &$input.journal);
            let done = $body?;
            $ctx.finish()?;
            Ok(done)
        }
    };
}

hook!(deduct<BusinessLine>(input: deduct::DeductInput) -> Deducted {
    |ctx| L::deduct(&mut ctx, &input.order, &input.payment)
});
hook!(ship<BusinessLine>(input: ship::ShipInput) -> Shipped { |ctx| L::ship(&mut ctx, &input.order) });
hook!(receive<BusinessLine>(input: receive::ReceiveInput) -> Received {
    |ctx| L::receive(&mut ctx, &input.order, &input.trigger)
});
hook!(revoke<Aftersale>(input: aftersale::RevokeInput) -> Revoked {
    |ctx| L::revoke(&mut ctx, &input.order, &input.items)
});

/// Turns the result of a hook into its step; each hook has a step type of its own.
macro_rules! step {
    ($($step:ident)::+, $result:expr) => {
        match $result {
            Ok(done) => Ok($($step)::+::Done(done)),
            Err(stop) => match stop.into_step() {
                Step::Call(request) => Ok($($step)::+::Call(request)),
                Step::Wait(wait) => Ok($($step)::+::Wait(wait)),
                Step::Error(error) => Err(error),
            },
        }
    };
}

impl<L: BusinessLine> pricing::Guest for Adapter<L> {
    fn quote(request: pricing::QuoteRequest) -> Result<pricing::Quoted, pricing::QuoteError> {
        L::quote(&request).map_err(Into::into)
    }
}

impl<L: BusinessLine> deduct::Guest for Adapter<L> {
    fn deduct(input: deduct::DeductInput) -> Result<deduct::DeductStep, HookError> {
        step!(deduct::DeductStep, deduct::<L>(&input))
    }
}

impl<L: BusinessLine> ship::Guest for Adapter<L> {
    fn ship(input: ship::ShipInput) -> Result<ship::ShipStep, HookError> {
        step!(ship::ShipStep, ship::<L>(&input))
    }
}

impl<L: BusinessLine> receive::Guest for Adapter<L> {
    fn receive(input: receive::ReceiveInput) -> Result<receive::ReceiveStep, HookError> {
        step!(receive::ReceiveStep, receive::<L>(&input))
    }
}

impl<L: Aftersale> aftersale::Guest for Adapter<L> {
    fn quote_refund(input: aftersale::RefundInput) -> Result<aftersale::RefundQuote, HookError> {
        L::quote_refund(&input)
    }

    fn revoke(input: aftersale::RevokeInput) -> Result<aftersale::RevokeStep, HookError> {
        step!(aftersale::RevokeStep, revoke::<L>(&input))
    }
}

/// Makes a crate a component: `export!(Line)`, or `export!(Line with aftersale)` if it implements [`Aftersale`].
///
/// Natively it makes nothing, so that a line's tests are ordinary tests.
#[macro_export]
macro_rules! export {
    ($line:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the generated exports of the component model")]
        const _: () = {
            type Component = $crate::adapter::Adapter<$line>;
    $crate::bindings::business::export_business!(Component with_types_in $crate::bindings::business);
        };
    };
    ($line:ident with aftersale) => {
        $crate::export!($line);
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the generated exports of the component model")]
        const _: () = {
            type Component = $crate::adapter::Adapter<$line>;
            $crate::bindings::with_aftersale::export_aftersale!(
                Component with_types_in $crate::bindings::with_aftersale
            );
        };
    };
}

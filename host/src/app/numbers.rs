//! Fresh numbers, from blocks that the database granted.

use std::sync::{Mutex, PoisonError};

use super::App;
use super::api::{Idempotency, TakenNumber};
use super::orders::{Denied, Keyed, commit};
use super::problem::Problem;
use crate::domain::change::{Change, Refusal};
use crate::domain::ids::{BuyerId, Millis, OrderNo, Slot};
use crate::domain::number::{BLOCK, BLOCK_LIFETIME_MS, number};
use crate::domain::operation::ExternalNumber;
use crate::identity::Principal;

/// The block in use. Losing it loses only unused numbers.
#[derive(Debug, Default)]
pub struct Numbers {
    block: Mutex<Option<Block>>,
    refill: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Block {
    next: i64,
    end: i64,
    granted_at: Millis,
}

impl Numbers {
    fn slice(&self, count: i64, now: Millis) -> Option<i64> {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let block = block.as_mut()?;
        let fresh = (0..BLOCK_LIFETIME_MS).contains(&(now - block.granted_at));
        if !fresh || block.end - block.next < count {
            return None;
        }
        block.next += count;
        Some(block.next - count)
    }
}

/// Takes `count` fresh numbers of a slot.
pub async fn fresh(app: &App, count: usize, slot: Slot) -> Result<Vec<i64>, Problem> {
    let wanted = i64::try_from(count).map_err(Problem::internal)?;
    let now = app.clock.now();
    let start = match app.numbers.slice(wanted, now) {
        Some(start) => start,
        None => refill(app, wanted, now).await?,
    };
    Ok((start..start + wanted).map(|sequence| number(now, sequence, slot)).collect())
}

async fn refill(app: &App, wanted: i64, now: Millis) -> Result<i64, Problem> {
    let _one_at_a_time = app.numbers.refill.lock().await;
    if let Some(start) = app.numbers.slice(wanted, now) {
        return Ok(start);
    }
    if wanted > BLOCK {
        return Err(Problem::invalid("too-many-numbers", format!("at most {BLOCK} numbers at a time")));
    }
    let start = app.store.number_block().await.map_err(super::orders::denied)?;
    let block = Block { next: start + wanted, end: start + BLOCK, granted_at: now };
    *app.numbers.block.lock().unwrap_or_else(PoisonError::into_inner) = Some(block);
    Ok(start)
}

/// Somebody else's id, for which a buyer always gets the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    /// The application's own id of the order.
    Order(String),
    /// The id of a payment at a third party.
    Payment(String),
}

/// `GenOID`: a number to create with. For an external id it is the same one for ever, whichever host is asked.
pub async fn take(
    app: &App,
    who: &Principal,
    external: Option<External>,
    key: Option<Idempotency>,
) -> Result<TakenNumber, Problem> {
    let keyed = Keyed::new(who, "take_number", key.as_ref());
    let numbers = fresh(app, 1, Slot::of(&who.subject)).await?;
    let taken = TakenNumber { order_no: OrderNo(numbers[0]) };
    let mut change = Change { at: app.clock.now(), claim: keyed.claim(&taken)?, ..Change::default() };
    if let Some(external) = external {
        let (kind, id) = match external {
            External::Order(id) => ("external", id),
            External::Payment(id) => ("payment", id),
        };
        let buyer = BuyerId::new(&who.subject).map_err(|error| Problem::forbidden(format!("the token's {error}")))?;
        change.external_numbers.push(ExternalNumber { no: taken.order_no, kind, buyer, id });
    } else if change.claim.is_none() {
        return Ok(taken);
    }
    match commit(app, change).await {
        Ok(()) => Ok(taken),
        Err(Denied::Refusal(Refusal::ExternalKnown { no })) => Ok(TakenNumber { order_no: no }),
        Err(Denied::Refusal(Refusal::KeyUsed(stored))) => keyed.read(&stored),
        Err(denied) => Err(denied.into()),
    }
}

//! Goods on their way back.

use super::views::AftersaleAnswer;
use super::{BUYERS, SELLERS, follow, money, numbers, prepare};
use crate::app::api::{EventAnswer, Idempotency};
use crate::app::orders::{Decided, Freshness, Keyed, change, event_answer, owned, role, store_problem, tree};
use crate::app::pay::actor;
use crate::app::problem::Problem;
use crate::app::{App, refund};
use crate::domain::aftersale::AftersaleStatus;
use crate::domain::decide::aftersale as decide;
use crate::domain::draft::Draft;
use crate::domain::ids::AftersaleNo;
use crate::identity::Principal;

/// The buyer sent the goods back.
pub async fn send_back(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    (carrier, waybill): (String, String),
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_return", key.as_ref());
    let sent = super::on(app, who, no, BUYERS, &keyed, |draft, _, rules, _| {
        Ok(decide::sent_back(draft, no, carrier.clone(), waybill.clone(), rules)?)
    });
    Ok(sent.await?)
}

/// The merchant takes the goods back: the money begins, or the new goods are packed.
pub async fn confirm_return(
    app: &App,
    who: &Principal,
    no: AftersaleNo,
    key: Option<Idempotency>,
) -> Result<AftersaleAnswer, Problem> {
    let keyed = Keyed::new(who, "aftersale_confirm_return", key.as_ref());
    let confirmed = super::on(app, who, no, SELLERS, &keyed, |draft, _, _, fresh| {
        Ok(decide::confirm(draft, no, fresh.shipment, "")?)
    });
    Ok(confirmed.await?)
}

/// The carrier handed the goods to the merchant, by its word or by a track. A repeat is ignored.
pub async fn parcel_arrived(app: &App, who: &Principal, no: AftersaleNo) -> Result<EventAnswer, Problem> {
    role(who, SELLERS)?;
    let missing = || Problem::not_found(format!("after-sale {no}"));
    let read = app.store.tree_of_aftersale(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let shop_no = read.aftersales.iter().find(|a| a.no == no).map(|a| a.shop_no).ok_or_else(missing)?;
    owned(who, &read, shop_no).map_err(|_| missing())?;
    prepare(app, &read, shop_no).await;
    let fresh = numbers(app, shop_no).await?;
    let arrived = change(app, shop_no, |tree| {
        let row = tree.aftersales.iter().find(|a| a.no == no).ok_or_else(missing)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        if row.status != AftersaleStatus::Returning {
            draft.ignore(shop_no, "aftersale_arrive", no.to_string());
            return Ok(Decided::Commit(Box::new(draft), "ignored"));
        }
        decide::parcel_arrived(&mut draft, no)?;
        money(app, &mut draft, shop_no, &refund::line_rules(app, &row.business), &fresh.refunds)?;
        Ok(Decided::Commit(Box::new(draft), "applied"))
    });
    let (effect, _) = arrived.await?;
    let tree = tree(app, shop_no, Freshness::Fresh).await?;
    follow(app, &tree, shop_no);
    Ok(event_answer(&tree, shop_no, effect))
}

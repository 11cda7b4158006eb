//! Reading after-sales.

use super::views::{AftersaleAnswer, AftersalePage};
use crate::app::App;
use crate::app::orders::{owned, store_problem};
use crate::app::problem::Problem;
use crate::domain::aftersale::AftersaleStatus;
use crate::domain::ids::{AftersaleNo, BusinessCode, BuyerId, ShopId};
use crate::identity::{Principal, Role};
use crate::store::AftersaleFilter;

/// Which after-sales are listed.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Of which shop. A caller with several shops names one.
    pub shop: Option<ShopId>,
    /// Of which line.
    pub business: Option<BusinessCode>,
    /// In which state.
    pub status: Option<AftersaleStatus>,
    /// Only those that are open.
    pub open: bool,
    /// Where the page before ended.
    pub cursor: Option<AftersaleNo>,
    /// At most 200.
    pub limit: u32,
}

/// One after-sale.
pub async fn get(app: &App, who: &Principal, no: AftersaleNo) -> Result<AftersaleAnswer, Problem> {
    let missing = || Problem::not_found(format!("after-sale {no}"));
    let tree = app.store.tree_of_aftersale(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let answer = AftersaleAnswer::of(&tree, no).ok_or_else(missing)?;
    owned(who, &tree, answer.order_no).map_err(|_| missing())?;
    Ok(answer)
}

/// A page of what the caller may see, newest first.
pub async fn list(app: &App, who: &Principal, wanted: Listing) -> Result<AftersalePage, Problem> {
    let bad = |error: crate::domain::ids::BadText| Problem::invalid("bad-query", error.to_string());
    let mut filter = AftersaleFilter {
        buyer: None,
        shop: wanted.shop,
        business: wanted.business,
        status: wanted.status,
        open: wanted.open,
    };
    match who.role {
        Role::Buyer => filter.buyer = Some(BuyerId::new(&who.subject).map_err(bad)?),
        Role::Business => {
            let mine = BusinessCode::new(who.business.as_deref().unwrap_or_default()).map_err(bad)?;
            if filter.business.as_ref().is_some_and(|asked| *asked != mine) {
                return Err(Problem::forbidden("business can only be your own"));
            }
            filter.business = Some(mine);
        }
        Role::Shop => match (&filter.shop, who.shops.as_slice()) {
            (None, [only]) => filter.shop = Some(ShopId::new(only).map_err(bad)?),
            (Some(shop), _) if who.serves_shop(shop.as_str()) => {}
            (Some(_), _) => return Err(Problem::forbidden("shop_id is not one of your shops")),
            (None, _) => return Err(Problem::invalid("bad-query", "you serve several shops: name one as shop_id")),
        },
        Role::Operator | Role::Admin => {}
    }
    let rows = app.store.aftersales(&filter, wanted.cursor, wanted.limit).await.map_err(store_problem)?;
    let full = rows.len() >= usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let next = rows.last().filter(|_| full).map(|row| row.no.to_string());
    Ok(AftersalePage { aftersales: rows.iter().map(AftersaleAnswer::from).collect(), next })
}

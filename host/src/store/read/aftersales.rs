//! Lists of after-sales, page by page from the newest.

use crate::domain::aftersale::{Aftersale, AftersaleStatus};
use crate::domain::ids::{AftersaleNo, BusinessCode, BuyerId, ShopId, Slot};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::aftersales::{AFTERSALES, take_aftersale};
use crate::store::sql::{Reader, Sql, Value, sql};

/// Which after-sales are listed; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct AftersaleFilter {
    /// Of this buyer.
    pub buyer: Option<BuyerId>,
    /// Of this shop.
    pub shop: Option<ShopId>,
    /// Of this line.
    pub business: Option<BusinessCode>,
    /// In this state.
    pub status: Option<AftersaleStatus>,
    /// Only those that are open.
    pub open: bool,
}

fn list(name: &'static str, first: &str) -> Sql {
    let text = format!(
        "SELECT {} FROM aftersales AS t WHERE {first} AND t.no < $2 \
         AND (CAST($3 AS TEXT) IS NULL OR t.shop = $3) AND (CAST($4 AS TEXT) IS NULL OR t.business = $4) \
         AND (CAST($5 AS BIGINT) IS NULL OR t.status = $5) AND (CAST($6 AS BIGINT) = 0 OR t.ended_at IS NULL) \
         ORDER BY t.no DESC LIMIT $7",
        AFTERSALES.list("t.")
    );
    Sql::both(name, text)
}

sql! {
    OF_BUYER = list("after-sales of a buyer", "t.slot = $8 AND t.buyer = $1");
    OF_SHOP = list("after-sales of a shop", "t.shop = $1");
    OPEN_OF_SHOP = list("open after-sales of a shop", "t.shop = $1 AND t.ended_at IS NULL");
    IN_STATE_OF_SHOP = list("after-sales of a shop in a state", "t.shop = $1 AND t.status = CAST($5 AS BIGINT)");
    OF_BUSINESS = list("after-sales of a business", "t.business = $1");
    IN_STATE_OF_BUSINESS =
        list("after-sales of a business in a state", "t.business = $1 AND t.status = CAST($5 AS BIGINT)");
    OPEN_OF_BUSINESS = list("open after-sales of a business", "t.business = $1 AND t.ended_at IS NULL");
    CODES = Sql::both("codes of businesses with after-sales", "SELECT code FROM businesses ORDER BY code");
}

impl Store {
    /// After-sales, newest first, at most `limit`.
    pub async fn aftersales(
        &self,
        filter: &AftersaleFilter,
        below: Option<AftersaleNo>,
        limit: u32,
    ) -> Result<Vec<Aftersale>, StoreError> {
        if let Some(buyer) = &filter.buyer {
            return self.aftersale_page(&OF_BUYER, buyer.as_str(), filter, below, limit).await;
        }
        let by = |any: &'static Sql, open: &'static Sql, in_state: &'static Sql| match filter.status {
            Some(_) => in_state,
            None if filter.open => open,
            None => any,
        };
        if let Some(shop) = &filter.shop {
            let of_shop = by(&OF_SHOP, &OPEN_OF_SHOP, &IN_STATE_OF_SHOP);
            return self.aftersale_page(of_shop, shop.as_str(), filter, below, limit).await;
        }
        let of_line = by(&OF_BUSINESS, &OPEN_OF_BUSINESS, &IN_STATE_OF_BUSINESS);
        if let Some(business) = &filter.business {
            return self.aftersale_page(of_line, business.as_str(), filter, below, limit).await;
        }
        // There are few lines, so a page of all of them is the best of a page of each.
        let mut all = vec![];
        for row in self.readers().fetch(&CODES, &[]).await? {
            all.extend(self.aftersale_page(of_line, &row.text(0)?, filter, below, limit).await?);
        }
        all.sort_by_key(|aftersale| std::cmp::Reverse(aftersale.no));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    async fn aftersale_page(
        &self,
        sql: &'static Sql,
        of: &str,
        filter: &AftersaleFilter,
        below: Option<AftersaleNo>,
        limit: u32,
    ) -> Result<Vec<Aftersale>, StoreError> {
        let mut values = vec![
            of.into(),
            below.map_or(i64::MAX, |no| no.0).into(),
            Value::OptText(filter.shop.as_ref().map(ShopId::as_str)),
            Value::OptText(filter.business.as_ref().map(BusinessCode::as_str)),
            Value::OptInt(filter.status.map(|status| status.code().into())),
            i64::from(filter.open).into(),
            i64::from(limit).into(),
        ];
        if std::ptr::eq(sql, &raw const *OF_BUYER) {
            values.push(i64::from(Slot::of(of).index()).into());
        }
        let rows = self.readers().fetch(sql, &values).await?;
        rows.iter().map(|row| take_aftersale(&mut Reader::new(row, &AFTERSALES))).collect()
    }
}

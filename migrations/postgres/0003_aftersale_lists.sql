-- Lists of after-sales by state, and those that are open of a shop.
create index aftersales_shop_status on aftersales (shop, status, no);
create index aftersales_business_status on aftersales (business, status, no);
create index aftersales_open_shop on aftersales (shop, no) where ended_at is null;

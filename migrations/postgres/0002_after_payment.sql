-- What happens to an order after the money: after-sales, tracks, the operate log, snapshots, numbers for others' ids.

alter table shop_orders add column out_id text;
create index shop_orders_out_id on shop_orders (business, out_id, no) where out_id is not null;
-- Lists by state: open orders by their number, ended ones by how they ended. No step before the end changes a column of
-- these.
create index shop_orders_open_shop on shop_orders (shop, no) where ended_at is null;
create index shop_orders_ended_shop on shop_orders (shop, status, no) where ended_at is not null;
create index shop_orders_ended_business on shop_orders (business, status, no) where ended_at is not null;

alter table item_orders add column ratings bigint not null default 0;

alter table refunds add column aftersale_no bigint;

alter table shipments add column aftersale_no bigint;
alter table shipments add column delayed_at bigint;
alter table shipments add column told_at bigint;
alter table shipments add column taken_at bigint;
alter table shipments add column note text not null default '';

-- 0: `shipment_no` is a shipment, 1: it is an after-sale, and the waybill that of the goods coming back.
alter table waybills add column kind bigint not null default 0;

alter table settlements add column shop text not null default '';
alter table settlements add column business text not null default '';
alter table settlements add column currency text not null default '';
update settlements set
    shop = (select s.shop from shop_orders as s where s.slot = settlements.slot and s.no = settlements.shop_no),
    business = (select s.business from shop_orders as s where s.slot = settlements.slot and s.no = settlements.shop_no),
    currency = (select p.currency from shop_orders as s join pay_orders as p on p.slot = s.slot and p.no = s.pay_no
                where s.slot = settlements.slot and s.no = settlements.shop_no);
create index settlements_shop on settlements (shop, shop_no);
create index settlements_business on settlements (business, shop_no);

create table aftersales (
    slot bigint not null,
    no bigint not null,
    shop_no bigint not null,
    buyer text not null,
    shop text not null,
    business text not null,
    kind bigint not null,
    status bigint not null,
    reason text not null,
    items text not null,
    detail text not null,
    deadline bigint,
    created_at bigint not null,
    updated_at bigint not null,
    ended_at bigint,
    primary key (slot, no)
);
create index aftersales_order on aftersales (slot, shop_no);
create index aftersales_buyer on aftersales (slot, buyer, no);
create index aftersales_shop on aftersales (shop, no);
create index aftersales_business on aftersales (business, no);
create index aftersales_open on aftersales (business, no) where ended_at is null;

create table tracks (
    waybill text not null,
    node_time bigint not null,
    node_code text not null,
    content text not null,
    at bigint not null,
    primary key (waybill, node_time, node_code)
);

-- Who changed what of an order; after three months an entry moves to the archive.
create table operate_logs (
    slot bigint not null,
    order_no bigint not null,
    at bigint not null,
    n bigint not null,
    level bigint not null,
    operator text not null,
    operation text not null,
    remark text not null,
    before text not null,
    after text not null,
    primary key (slot, order_no, at, n)
);
create index operate_logs_operator on operate_logs (operator, operation, at);
create index operate_logs_at on operate_logs (at);

create table operate_logs_archive (
    slot bigint not null,
    order_no bigint not null,
    at bigint not null,
    n bigint not null,
    level bigint not null,
    operator text not null,
    operation text not null,
    remark text not null,
    before text not null,
    after text not null,
    primary key (slot, order_no, at, n)
);

create table snapshots (
    slot bigint not null,
    order_no bigint not null,
    version bigint not null,
    detail bytea not null,
    digest bytea not null,
    at bigint not null,
    primary key (slot, order_no, version)
);

create table external_numbers (
    slot bigint not null,
    kind text not null,
    buyer text not null,
    id text not null,
    no bigint not null,
    primary key (slot, kind, buyer, id)
);

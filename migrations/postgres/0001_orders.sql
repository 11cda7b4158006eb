-- Orders, what they hold of stock, wallet and coupons, and the machinery around them.
--
-- Times are milliseconds since 1970 in UTC, money is minor units, digests are raw bytes, JSON is text.
-- `slot` is the buyer's slot, the last ten bits of any of a buyer's numbers. It leads the keys, so that a
-- distributed PostgreSQL can shard by it; stock, coupons, the operators' tables, waybills and trades are the exceptions.
-- No foreign keys: the rows they would lock are those that everybody shares.
-- Indexes leave out the columns that each step of an order changes, so that those updates stay heap-only.

create table pay_orders (
    slot bigint not null,
    no bigint not null,
    buyer text not null,
    status bigint not null,
    sub_status bigint not null,
    version bigint not null,
    mode bigint not null,
    currency text not null,
    amounts text not null,
    expire_time bigint,
    reason text,
    sequences text not null,
    created_at bigint not null,
    paid_at bigint,
    paid_by bigint,
    updated_at bigint not null,
    facts text not null,
    primary key (slot, no)
) with (fillfactor = 70);

create table shop_orders (
    slot bigint not null,
    no bigint not null,
    pay_no bigint not null,
    buyer text not null,
    shop text not null,
    business text not null,
    kind bigint not null,
    status bigint not null,
    sub_status bigint not null,
    version bigint not null,
    visible bigint not null,
    attention text,
    expire_time bigint,
    reason text,
    amounts text not null,
    plugin bytea not null,
    suspended text,
    packed_at bigint,
    pending_signals bigint not null,
    decisions bigint not null,
    attributes text not null,
    sequences text not null,
    created_at bigint not null,
    paid_at bigint,
    shipped_at bigint,
    received_at bigint,
    ended_at bigint,
    updated_at bigint not null,
    facts text not null,
    -- A digest of the facts: while it stays, they are not written again.
    mark bigint not null,
    primary key (slot, no)
) with (fillfactor = 60);
create index shop_orders_pay on shop_orders (slot, pay_no);
create index shop_orders_buyer on shop_orders (slot, buyer, no);
create index shop_orders_shop on shop_orders (shop, no);
create index shop_orders_business on shop_orders (business, no);
create index shop_orders_open on shop_orders (business, no) where ended_at is null;
create index shop_orders_attention on shop_orders (no) where attention is not null;

create table item_orders (
    slot bigint not null,
    no bigint not null,
    shop_no bigint not null,
    line bigint not null,
    sku text not null,
    quantity bigint not null,
    original bigint not null,
    price bigint not null,
    tax bigint not null,
    share text not null,
    refunded text not null,
    facts text not null,
    primary key (slot, no)
) with (fillfactor = 85);
create index item_orders_shop on item_orders (slot, shop_no);

-- `n` is 0 for a step and a number of its own for an event that changed nothing.
create table flows (
    slot bigint not null,
    shop_no bigint not null,
    version bigint not null,
    n bigint not null,
    event text not null,
    from_status bigint,
    from_sub bigint,
    to_status bigint not null,
    to_sub bigint not null,
    at bigint not null,
    actor text not null,
    note text not null,
    primary key (slot, shop_no, version, n)
);

create table stock (
    business text not null,
    stock_key text not null,
    available bigint not null check (available >= 0),
    reserved bigint not null check (reserved >= 0),
    sold bigint not null check (sold >= 0),
    primary key (business, stock_key)
) with (fillfactor = 30);

create table stock_moves (
    slot bigint not null,
    shop_no bigint not null,
    stock_key text not null,
    reason text not null,
    business text not null,
    kind bigint not null,
    quantity bigint not null,
    at bigint not null,
    primary key (slot, shop_no, stock_key, reason)
);

-- `entries` counts the postings that touched the account.
create table wallet_accounts (
    slot bigint not null,
    buyer text not null,
    unit text not null,
    available bigint not null check (available >= 0),
    held bigint not null check (held >= 0),
    entries bigint not null,
    primary key (slot, buyer, unit)
) with (fillfactor = 70);

-- A posting that touches a buyer is that account's entry 1, 2, 3 …, with what the account held after it.
create table postings (
    slot bigint not null,
    order_no bigint not null,
    operation text not null,
    from_account text not null,
    to_account text not null,
    unit text not null,
    amount bigint not null check (amount > 0),
    at bigint not null,
    buyer text,
    entry bigint,
    available_after bigint,
    held_after bigint,
    primary key (slot, order_no, operation)
);
create index postings_entry on postings (slot, buyer, unit, entry) where buyer is not null;

create table coupons (
    code text not null primary key,
    business text,
    buyer text not null,
    kind text not null,
    terms text not null,
    state bigint not null,
    order_no bigint
);
create index coupons_buyer on coupons (buyer, code);

create table payments (
    slot bigint not null,
    no bigint not null,
    pay_no bigint not null,
    method text not null,
    account text not null,
    amount bigint not null,
    balance bigint not null,
    currency text not null,
    status bigint not null,
    handle text,
    trade_no text,
    arrived text,
    created_at bigint not null,
    paid_at bigint,
    ended_at bigint,
    expires_at bigint,
    offer text not null,
    primary key (slot, no)
) with (fillfactor = 80);
create index payments_pay on payments (slot, pay_no);
-- Numbers sort by time: the payments of an account and a span of days.
create index payments_account on payments (method, account, no);

create table trades (
    method text not null,
    trade_no text not null,
    payment_no bigint not null,
    primary key (method, trade_no)
);

create table refunds (
    slot bigint not null,
    no bigint not null,
    pay_no bigint not null,
    shop_no bigint,
    payment_no bigint,
    way bigint not null,
    amount bigint not null,
    status bigint not null,
    reason text not null,
    lines text not null,
    attempts bigint not null,
    replaced_by bigint,
    created_at bigint not null,
    succeeded_at bigint,
    primary key (slot, no)
) with (fillfactor = 80);
create index refunds_pay on refunds (slot, pay_no);
create index refunds_succeeded on refunds (succeeded_at) where succeeded_at is not null;

-- What happened to a payment and its refunds, step by step.
create table payment_logs (
    slot bigint not null,
    payment_no bigint not null,
    at bigint not null,
    n bigint not null,
    pay_no bigint not null,
    step text not null,
    actor text not null,
    note text not null,
    primary key (slot, payment_no, at, n)
);

-- Our accounts at payment providers. `sealed` holds their secrets as one JSON object.
create table merchant_accounts (
    method text not null,
    account text not null,
    businesses text not null,
    base_url text,
    settings text not null,
    sealed bytea not null,
    enabled bigint not null,
    updated_at bigint not null,
    primary key (method, account)
);

-- Where a provider's book and ours differ; a person settles each. `id` names method, account, kind and reference.
create table discrepancies (
    id text not null primary key,
    method text not null,
    account text not null,
    kind bigint not null,
    reference text not null,
    payment_no bigint,
    refund_no bigint,
    trade_no text,
    ours bigint,
    theirs bigint,
    currency text not null,
    day text,
    note text not null,
    found_at bigint not null,
    settled_at bigint,
    settled_by text,
    resolution text
);
create index discrepancies_open on discrepancies (found_at, id) where settled_at is null;
create index discrepancies_settled on discrepancies (settled_at, id) where settled_at is not null;

-- Days of a provider's book that were compared with ours.
create table book_days (
    method text not null,
    account text not null,
    day text not null,
    compared_at bigint not null,
    entries bigint not null,
    differences bigint not null,
    outcome text not null,
    primary key (method, account, day)
);

create table shipments (
    slot bigint not null,
    no bigint not null,
    shop_no bigint not null,
    status bigint not null,
    delivery bigint not null,
    carrier text not null,
    waybill text,
    items text not null,
    secrets bytea,
    attributes text not null,
    created_at bigint not null,
    shipped_at bigint,
    delivered_at bigint,
    primary key (slot, no)
) with (fillfactor = 70);
create index shipments_shop on shipments (slot, shop_no);

create table waybills (
    waybill text not null primary key,
    shipment_no bigint not null
) with (fillfactor = 80);

create table settlements (
    slot bigint not null,
    shop_no bigint not null,
    gross bigint not null,
    technical_fee bigint not null,
    promotion_fee bigint not null,
    net bigint not null,
    at bigint not null,
    primary key (slot, shop_no)
);

create table timers (
    slot bigint not null,
    subject bigint not null,
    kind bigint not null,
    grp bigint not null,
    due bigint not null,
    attempt bigint not null,
    primary key (slot, subject, kind)
);
create index timers_due on timers (grp, due);

create table outbox (
    grp bigint not null,
    position bigint not null generated always as identity,
    subject bigint not null,
    topic bigint not null,
    sequence bigint not null,
    tag text not null,
    body text not null,
    primary key (grp, position)
);

create table outbox_sent (
    grp bigint not null,
    position bigint not null,
    subject bigint not null,
    topic bigint not null,
    sequence bigint not null,
    tag text not null,
    body text not null,
    sent_at bigint not null,
    primary key (grp, position)
);
create index outbox_sent_at on outbox_sent (sent_at);

create table decisions (
    slot bigint not null,
    subject bigint not null,
    seq bigint not null,
    business text not null,
    hook text not null,
    plugin bytea not null,
    input bytea not null,
    output bytea not null,
    fuel bigint not null,
    micros bigint not null,
    outcome text not null,
    at bigint not null,
    primary key (slot, subject, seq)
);

create table journal (
    slot bigint not null,
    shop_no bigint not null,
    hook text not null,
    idx bigint not null,
    digest bytea not null,
    answer text not null,
    at bigint not null,
    primary key (slot, shop_no, hook, idx)
);

create table signals (
    slot bigint not null,
    shop_no bigint not null,
    name text not null,
    id text not null,
    payload text not null,
    at bigint not null,
    consumed bigint not null,
    primary key (slot, shop_no, name, id)
);

create table parked (
    slot bigint not null,
    shop_no bigint not null,
    event text not null,
    id text not null,
    payload text not null,
    at bigint not null,
    expires_at bigint not null,
    primary key (slot, shop_no, event, id)
);

create table dead_letters (
    slot bigint not null,
    shop_no bigint not null,
    event text not null,
    id text not null,
    dead_at bigint not null,
    payload text not null,
    at bigint not null,
    reason text not null,
    primary key (slot, shop_no, event, id, dead_at)
);
create index dead_letters_at on dead_letters (dead_at);

-- `slot` is that of the principal.
create table idempotency (
    slot bigint not null,
    principal text not null,
    claim_key text not null,
    digest bytea not null,
    operation text not null,
    outcome text not null,
    at bigint not null,
    primary key (slot, principal, claim_key)
);
create index idempotency_at on idempotency (at);

create table batches (
    id text not null primary key,
    at bigint not null
);
create index batches_at on batches (at);

create table number_blocks (
    id bigint not null primary key,
    next bigint not null
);
insert into number_blocks (id, next) values (1, 0);

create table relay_leases (
    grp bigint not null primary key,
    holder text not null,
    until_at bigint not null
);
insert into relay_leases (grp, holder, until_at)
values (0, '', 0), (1, '', 0), (2, '', 0), (3, '', 0), (4, '', 0), (5, '', 0), (6, '', 0), (7, '', 0),
       (8, '', 0), (9, '', 0), (10, '', 0), (11, '', 0), (12, '', 0), (13, '', 0), (14, '', 0), (15, '', 0);

create table hosts (
    name text not null primary key,
    until_at bigint not null
);

create table stream_marks (
    stream text not null primary key,
    last_id text not null,
    low_mark bigint not null
);

create table businesses (
    code text not null primary key,
    name text not null,
    kinds text not null,
    rules text not null,
    settings text not null,
    permit text not null,
    active bytea,
    enabled bigint not null
);

create table skus (
    business text not null,
    sku text not null,
    shop text,
    on_sale bigint not null,
    facts text not null,
    primary key (business, sku)
);

create table plugins (
    business text not null,
    digest bytea not null,
    size bigint not null,
    contract text not null,
    state bigint not null,
    uploaded_by text not null,
    uploaded_at bigint not null,
    report text not null,
    component bytea not null,
    primary key (business, digest)
);

create table secrets (
    business text not null,
    name text not null,
    sealed bytea not null,
    primary key (business, name)
);

create table api_keys (
    id text not null primary key,
    hash bytea not null,
    principal text not null,
    expires_at bigint not null,
    created_at bigint not null,
    revoked_at bigint
);

create table audit (
    at bigint not null,
    n bigint not null,
    actor text not null,
    action text not null,
    target text not null,
    detail text not null,
    primary key (at, n)
);

create table catalogue_revision (
    id bigint not null primary key,
    revision bigint not null
);
insert into catalogue_revision (id, revision) values (1, 1);

-- The newest schema's word on the past: hosts that know migration `oldest` or a later one may still run beside it.
create table schema_floor (
    id bigint not null primary key,
    oldest bigint not null
);
insert into schema_floor (id, oldest) values (1, 1);

use secrecy::ExposeSecret as _;

use super::*;
use crate::telemetry::LogFormat;

fn with(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::from_parts(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn refused(variables: &[(&str, &str)]) -> String {
    with(variables).unwrap_err().to_string()
}

#[test]
fn no_setting_gives_the_embedded_platform() {
    let settings = with(&[]).unwrap();
    let Database::Sqlite { file, synchronous } = settings.database else { panic!("expected SQLite") };
    assert_eq!(file, std::path::Path::new("./hookline-data/hookline.db"));
    assert_eq!(synchronous, SqliteSynchronous::Full);
    assert_eq!((settings.lock, settings.broker), (LockKind::Local, BrokerKind::Memory));
    assert_eq!(settings.public_url, "http://127.0.0.1:8080");
    assert_eq!(settings.payment, Outside { url: None, timeout: std::time::Duration::from_secs(10) });
    assert_eq!(settings.request_limit, 262_144);
}

#[test]
fn a_redis_address_turns_its_locks_on_and_leaves_the_broker() {
    let settings = with(&[("ORDER_REDIS_URL", "redis://localhost")]).unwrap();
    assert_eq!((settings.lock, settings.broker), (LockKind::Redis, BrokerKind::Memory));
    let local = with(&[("ORDER_REDIS_URL", "redis://localhost"), ("ORDER_LOCK", "local")]).unwrap();
    assert_eq!(local.lock, LockKind::Local);
}

#[test]
fn the_environment_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hookline.toml");
    let text = "order_http_addr = '0.0.0.0:9000'\nfulfillment_timeout = 7\norder_sandbox_enabled = true\n\
                order_sandbox_secret = 'for tests'\norder_event_consumer_groups = ['billing', 'mail']\norder_log_format = 'json'\n";
    std::fs::write(&file, text).unwrap();
    let environment = [("ORDER_HTTP_ADDR".to_owned(), "127.0.0.1:7000".to_owned())];

    let settings = Settings::from_parts(Some(&file), environment).unwrap();

    assert_eq!(settings.http_addr.port(), 7000);
    assert_eq!(settings.fulfillment.timeout, std::time::Duration::from_secs(7));
    assert!(settings.sandbox_enabled);
    assert_eq!(settings.event_consumer_groups, ["billing", "mail"]);
    assert_eq!(settings.log_format, LogFormat::Json);
}

#[test]
fn mistakes_name_the_setting_and_the_place() {
    assert_eq!(
        refused(&[("ORDER_SANDBOX_ENABLED", "true")]),
        "ORDER_SANDBOX_SECRET is required: ORDER_SANDBOX_ENABLED is true"
    );
    assert_eq!(
        refused(&[("ORDER_HTTP_ADDR", "nowhere")]),
        "ORDER_HTTP_ADDR (environment): must be an address and port such as 127.0.0.1:8080, not `nowhere`"
    );
    assert_eq!(
        refused(&[("PAYMENT_TIMEOUT", "0")]),
        "PAYMENT_TIMEOUT (environment): must be a whole number from 1 to 120, not `0`"
    );
    assert_eq!(refused(&[("ORDER_EVENT_BROKER", "redis")]), "ORDER_REDIS_URL is required: ORDER_EVENT_BROKER is redis");
    assert_eq!(
        refused(&[("ORDER_EGRESS_ALLOW_PRIVATE", "localhost:80, everything")]),
        "ORDER_EGRESS_ALLOW_PRIVATE (environment): `everything` is neither host:port nor a block such as 10.0.0.0/8"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hookline.toml");
    std::fs::write(&file, "order_redis_uri = 'redis://localhost'").unwrap();
    let error = Settings::from_parts(Some(&file), []).unwrap_err();
    assert_eq!(error.to_string(), format!("order_redis_uri in {} is not a setting", file.display()));
}

#[test]
fn postgres_needs_the_shared_master_key() {
    let url = ("ORDER_DB_URL", "postgres://orders:canary-1@db/orders");
    assert_eq!(refused(&[url]), "ORDER_MASTER_KEY is required: all hosts on one PostgreSQL share it");
    // All digits: a reader that guesses types would make a number of it.
    let digits = "1".repeat(64);
    let settings = with(&[url, ("ORDER_MASTER_KEY", &digits)]).unwrap();
    assert_eq!(settings.master_key.unwrap().expose_secret(), digits);
}

#[test]
fn secrets_are_never_printed() {
    let settings = with(&[
        ("ORDER_DB_URL", "postgres://orders:canary-1@db/orders"),
        ("ORDER_MASTER_KEY", "canary-2"),
        ("ORDER_REDIS_URL", "redis://:canary-3@cache"),
    ]);
    let printed = format!("{settings:?}");
    assert!(!printed.contains("canary"), "{printed}");
    assert!(!refused(&[("ORDER_DB_URL", "mysql://orders:canary-4@db")]).contains("canary"));
    assert!(!refused(&[("ORDER_REDIS_URL", "http://:canary-5@cache")]).contains("canary"));
}

#[test]
fn a_database_name_replaces_the_one_of_the_address() {
    let sqlite = |variables: &[(&str, &str)]| match with(variables).unwrap().database {
        Database::Sqlite { file, .. } => file.display().to_string(),
        Database::Postgres(_) => panic!("expected SQLite"),
    };
    assert_eq!(sqlite(&[("DBName", "order")]), "./hookline-data/order.db");
    assert_eq!(sqlite(&[("DBNAME", "order")]), "./hookline-data/order.db");
    assert_eq!(
        sqlite(&[("DBName", "order"), ("ORDER_DB_URL", "sqlite:/var/lib/orders/old.db")]),
        "/var/lib/orders/order.db"
    );

    let key = "1".repeat(64);
    let postgres = |url: &str| match with(&[("ORDER_DB_URL", url), ("ORDER_MASTER_KEY", &key), ("DBName", "order")]) {
        Ok(Settings { database: Database::Postgres(url), .. }) => url.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(postgres("postgres://o:p@db:5432/old?sslmode=require"), "postgres://o:p@db:5432/order?sslmode=require");
    assert_eq!(postgres("postgresql://db"), "postgresql://db/order");
    assert_eq!(
        refused(&[("DBName", "../order")]),
        "DBName (environment): must be at most 63 letters, digits and the characters _ -, not `../order`"
    );
}

#[test]
fn slot_groups_are_counted_as_shards_that_divide_them() {
    let shards = |count: &str| with(&[("TableShardNums", count)]).map(|settings| settings.shards);
    let slots = (0..64).map(|n| crate::domain::ids::Slot::of(&format!("buyer-{n}")));
    for slot in slots {
        assert_eq!(shards("1").unwrap().of(slot), 0);
        assert_eq!(shards("16").unwrap().of(slot), u32::from(slot.group()));
        assert!(shards("4").unwrap().of(slot) < 4);
    }
    assert_eq!(with(&[]).unwrap().shards, Shards::new(2).unwrap());
    assert_eq!(
        shards("3").unwrap_err().to_string(),
        "TableShardNums (environment): must be 1, 2, 4, 8 or 16, so that it divides the 16 slot groups, not `3`"
    );
}

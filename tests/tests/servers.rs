//! The servers of the harness start, survive being killed, and leave nothing behind.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use hookline_tests::servers::{DatabaseError, OwnPostgres, RedisServer, TestDatabase};
use sqlx::{Connection as _, Executor as _, PgConnection};

async fn count(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_test_database_is_empty_and_gone_afterwards() {
    let (first, second) = (TestDatabase::create().await.unwrap(), TestDatabase::create().await.unwrap());
    assert_ne!(first.url(), second.url());
    assert_eq!(count(&first.url(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, 0);
    let url = first.url();
    // Dropped under an open session, as after a failed assertion.
    let _session = PgConnection::connect(&url).await.unwrap();
    drop(first);
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn a_template_is_filled_once() {
    async fn fill(url: &str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute("CREATE TABLE filled AS SELECT pg_backend_pid() AS by").await?;
        connection.close().await
    }
    let name = format!("template_of_{}", std::process::id());
    let (left, right) =
        tokio::join!(TestDatabase::from_template(&name, fill), TestDatabase::from_template(&name, fill));
    let (left, right): (TestDatabase, TestDatabase) = (left.unwrap(), right.unwrap());
    let filler = "SELECT by::bigint FROM filled";
    assert_eq!(count(&left.url(), filler).await, count(&right.url(), filler).await);
}

#[tokio::test]
async fn a_template_that_cannot_be_filled_is_not_kept() {
    let name = format!("template_that_fails_{}", std::process::id());
    let failed = TestDatabase::from_template(&name, async |_: &str| Err("no")).await;
    assert!(matches!(failed, Err(DatabaseError::Template { .. })), "{failed:?}");
    TestDatabase::from_template(&name, async |_: &str| Ok::<(), &str>(())).await.unwrap();
}

#[tokio::test]
async fn a_postgres_of_ones_own_keeps_commits_through_a_crash() {
    let mut server = OwnPostgres::start(true).await.unwrap();
    let url = server.create_database("mine").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute("CREATE TABLE kept AS SELECT 7::bigint AS x").await.unwrap();
    server.kill().await.unwrap();
    assert!(connection.ping().await.is_err());
    assert!(PgConnection::connect(&url).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(count(&url, "SELECT x FROM kept").await, 7);
    // Restarted while it runs, it is stopped in order first.
    server.restart().await.unwrap();
    assert_eq!(count(&url, "SELECT x FROM kept").await, 7);
}

fn ask(redis: &RedisServer, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port()))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn redis_forgets_when_it_is_killed_or_flushed() {
    let mut redis = RedisServer::start().unwrap();
    let url = redis.url();
    assert_eq!(ask(&redis, "SET key 1").unwrap(), "+OK");
    redis.flush().unwrap();
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":0");
    assert_eq!(ask(&redis, "SET key 1").unwrap(), "+OK");
    redis.kill().unwrap();
    assert!(ask(&redis, "PING").is_err());
    assert!(redis.flush().is_err());
    redis.restart().unwrap();
    assert_eq!(redis.url(), url);
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":0");
}

#[test]
fn a_paused_redis_comes_back_with_its_data() {
    let redis = RedisServer::start().unwrap();
    assert_eq!(ask(&redis, "SET key 1").unwrap(), "+OK");
    redis.pause().unwrap();
    redis.resume().unwrap();
    assert_eq!(ask(&redis, "EXISTS key").unwrap(), ":1");
}

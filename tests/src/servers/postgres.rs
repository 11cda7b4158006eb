//! PostgreSQL: a database per test on the server that xtask started, or a server of one's own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use hookline_servers::{Durability, Postgres, PostgresBinaries, ServerError, TEST_POSTGRES_URL, required};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{blocking, wait_until};

/// Any number that nothing else locks: makers of templates wait for each other.
const TEMPLATE_LOCK: i64 = 0x686f_6f6b;
const IN_USE_LIMIT: Duration = Duration::from_secs(30);
const OBJECT_IN_USE: &str = "55006";

static NEXT: AtomicU32 = AtomicU32::new(1);

/// Why there is no database. `Debug` prints the same as `Display`, since tests unwrap it.
#[derive(thiserror::Error)]
pub enum DatabaseError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What the server answered.
    #[error("{what}: {source}")]
    Sql {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: sqlx::Error,
    },
    /// Filling a template failed.
    #[error("filling the template {name}: {source}")]
    Template {
        /// Its name.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl std::fmt::Debug for DatabaseError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}

fn sql(what: &'static str) -> impl Fn(sqlx::Error) -> DatabaseError {
    move |source| DatabaseError::Sql { what, source }
}

/// A database for one test on the server that all tests share. Dropped, it is dropped there too.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Makes an empty one.
    ///
    /// # Errors
    /// Says to run `cargo xtask test` when there is no shared server.
    pub async fn create() -> Result<Self, DatabaseError> {
        let server = server_url()?;
        let mut connection = connect(&server).await?;
        Self::clone_from(server, &mut connection, "template1").await
    }

    /// Makes a copy of a template, which `fill` sets up the first time that anybody of this run names it.
    /// `fill` gets the template's URL and must have closed its connections when it returns.
    ///
    /// # Errors
    /// As [`create`](Self::create), or what `fill` fails with.
    pub async fn from_template<E>(
        template: &str,
        fill: impl AsyncFnOnce(&str) -> Result<(), E>,
    ) -> Result<Self, DatabaseError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let server = server_url()?;
        let mut connection = connect(&server).await?;
        // Held by the session, so that a process that dies releases it.
        let lock = sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK);
        lock.execute(&mut connection).await.map_err(sql("locking the templates"))?;
        let known: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(template)
            .fetch_optional(&mut connection)
            .await
            .map_err(sql("looking for the template"))?;
        if known.is_none() {
            // Renamed when it is complete: a half filled one is never copied.
            let draft = format!("{template}_draft");
            run(&mut connection, format!(r#"DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)"#)).await?;
            run(&mut connection, format!(r#"CREATE DATABASE "{draft}""#)).await?;
            fill(&url_of(&server, &draft))
                .await
                .map_err(|error| DatabaseError::Template { name: template.to_owned(), source: error.into() })?;
            run(&mut connection, format!(r#"ALTER DATABASE "{draft}" RENAME TO "{template}""#)).await?;
        }
        let unlock = sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK);
        unlock.execute(&mut connection).await.map_err(sql("unlocking the templates"))?;
        Self::clone_from(server, &mut connection, template).await
    }

    /// A superuser's URL for it.
    pub fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    async fn clone_from(server: String, connection: &mut PgConnection, template: &str) -> Result<Self, DatabaseError> {
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(connection, format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#)).await?;
        Ok(Self { server, name })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, statement) =
            (self.server.clone(), format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name));
        // A thread of its own, since we may be inside a runtime. What is left goes with the server at the end of the run.
        let _ = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async { run(&mut connect(&server).await.ok()?, statement).await.ok() })
        })
        .join();
    }
}

/// A PostgreSQL of one's own, to measure or to kill. Dropped, it is ended.
#[derive(Debug)]
pub struct OwnPostgres {
    server: Option<Postgres>,
}

impl OwnPostgres {
    /// Makes a cluster and starts it, about two seconds; `fsync` as in production, without it for speed.
    ///
    /// # Errors
    /// With the end of its log when it does not start.
    pub async fn start(fsync: bool) -> Result<Self, ServerError> {
        let durability = if fsync { Durability::Durable } else { Durability::Fast };
        let binaries = PostgresBinaries::from_environment()?;
        let server = blocking(move || Postgres::start(binaries, durability)).await?;
        Ok(Self { server: Some(server) })
    }

    /// A superuser's URL for one of its databases; `postgres` exists from the beginning.
    pub fn url(&self, database: &str) -> String {
        self.server().url(database)
    }

    /// The running server: its port, and where `psql` and `pgbench` are.
    pub fn server(&self) -> &Postgres {
        self.server.as_ref().expect("a call was cancelled half way")
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn create_database(&self, name: &str) -> Result<String, DatabaseError> {
        run(&mut connect(&self.url("postgres")).await?, format!(r#"CREATE DATABASE "{name}""#)).await?;
        Ok(self.url(name))
    }

    /// Crashes it: no checkpoint, every session cut.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.apply(Postgres::kill).await
    }

    /// Starts it again on the same port with the same data; one that still runs is stopped in order first.
    ///
    /// # Errors
    /// With the end of its log when it does not start.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.apply(Postgres::restart).await
    }

    async fn apply(&mut self, action: fn(&mut Postgres) -> Result<(), ServerError>) -> Result<(), ServerError> {
        let mut server = self.server.take().expect("a call was cancelled half way");
        let (server, outcome) = blocking(move || {
            let outcome = action(&mut server);
            (server, outcome)
        })
        .await;
        self.server = Some(server);
        outcome
    }
}

fn server_url() -> Result<String, ServerError> {
    Ok(required(TEST_POSTGRES_URL)?.to_string_lossy().into_owned())
}

/// The URL with another database; both come from `Postgres::url`, so the last part is the database.
fn url_of(server: &str, database: &str) -> String {
    let base = server.rsplit_once('/').map_or(server, |(base, _)| base);
    format!("{base}/{database}")
}

async fn connect(url: &str) -> Result<PgConnection, DatabaseError> {
    PgConnection::connect(url).await.map_err(sql("connecting to PostgreSQL"))
}

/// Runs one statement outside a transaction; a database that somebody is just leaving is tried again.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), DatabaseError> {
    wait_until("a database that is in use", IN_USE_LIMIT, async || {
        match connection.execute(AssertSqlSafe(statement.clone())).await {
            Ok(_) => Ok(Some(())),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(OBJECT_IN_USE) => Ok(None),
            Err(source) => Err(DatabaseError::Sql { what: "running a statement about databases", source }),
        }
    })
    .await
}

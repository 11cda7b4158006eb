//! A connection to Redis that reconnects by itself and never lets a caller wait long.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use secrecy::{ExposeSecret as _, SecretString};

/// A shared connection, cheap to clone. Commands of all clones are pipelined over it.
#[derive(Clone)]
pub struct RedisLink {
    connection: ConnectionManager,
    patience: Duration,
}

/// Why a command has no answer. Whether Redis has run it is unknown, but for [`LinkError::Refused`].
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No answer within the link's patience.
    #[error("redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The connection is broken or cannot be made.
    #[error("redis cannot be reached")]
    Broken(#[source] RedisError),
    /// Redis answered with an error.
    #[error("redis refused the command")]
    Refused(#[source] RedisError),
}

impl LinkError {
    /// Whether Redis refused because the key or the consumer group is not there.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Refused(error) => {
                error.code() == Some("NOGROUP") || error.detail().is_some_and(|text| text.contains("no such key"))
            }
            Self::TimedOut(_) | Self::Broken(_) => false,
        }
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(
                ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain,
            ) => Self::Broken(error),
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType | ErrorKind::Parse => {
                Self::Refused(error)
            }
            _ => Self::Broken(error),
        }
    }
}

impl RedisLink {
    /// Connects at the first command. `patience` bounds every command, its reconnecting included.
    /// Must be called inside a tokio runtime.
    pub fn lazy(url: &SecretString, patience: Duration) -> Result<Self, LinkError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(0);
        let client = Client::open(url.expose_secret())?;
        Ok(Self { connection: client.get_connection_manager_lazy(config)?, patience })
    }

    /// Sends one command.
    pub async fn command<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, LinkError> {
        let mut connection = self.connection.clone();
        self.bounded(command.query_async(&mut connection)).await
    }

    /// Sends a pipeline at once.
    pub async fn pipeline<T: redis::FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let mut connection = self.connection.clone();
        self.bounded(pipeline.query_async(&mut connection)).await
    }

    /// Runs a script by its digest, loading it when Redis does not know it.
    pub async fn script(&self, script: &redis::ScriptInvocation<'_>) -> Result<Value, LinkError> {
        let mut connection = self.connection.clone();
        self.bounded(script.invoke_async(&mut connection)).await
    }

    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, LinkError> {
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(LinkError::TimedOut(self.patience)),
        }
    }
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLink").field("patience", &self.patience).finish_non_exhaustive()
    }
}

//! The listener: connections with limits, and a stop that lets running requests end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::tasks::Tasks;

/// Connections at a time; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 8_192;
/// Requests at a time on one h2 connection.
const STREAMS_MAX: u32 = 256;
/// Headers of one request.
const HEADERS_MAX: usize = 64;
/// Bytes of a request's head.
const HEAD_MAX: usize = 32 << 10;
/// How long a client may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// How often an idle h2 connection is asked whether it lives, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long running requests get to end when the host stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Pause after the system refused a connection, as when descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Listens, and serves until `tasks` stops; returns once running requests have ended (or were given up).
/// `bound` is told the address, whose port was chosen by the system if 0 was asked for.
pub async fn serve(
    address: SocketAddr,
    router: Router,
    tasks: Tasks,
    bound: impl FnOnce(SocketAddr) + Send,
) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    bound(listener.local_addr().map_err(failed)?);
    let http = builder();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = tasks.stop_signal();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = stop.requested() => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Small answers must not wait for the client's acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone())).into_owned();
        let connection = graceful.watch(connection);
        tasks.spawn("connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    let drained = pin!(graceful.shutdown());
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("requests were still running when the host stopped");
    }
    Ok(())
}

fn builder() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .pipeline_flush(true);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    http
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::sync::{Notify, oneshot};

    use super::*;
    use crate::tasks::ShutDown;

    #[tokio::test]
    async fn a_running_request_ends_before_the_host_does_and_no_new_one_begins() {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (begun, go) = (begun.clone(), go.clone());
            async move || {
                begun.notify_one();
                go.notified().await;
                "done"
            }
        };
        let (tasks, (tell, told)) = (Tasks::new(), oneshot::channel());
        let router = Router::new().route("/", get(handler));
        let address = "127.0.0.1:0".parse().unwrap();
        let serving = serve(address, router, tasks.clone(), move |address| tell.send(address).unwrap());
        let client = async {
            let address = told.await.unwrap();
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.get(format!("http://{address}/")).send();
            let stopping = async {
                begun.notified().await;
                let stopping = tasks.shut_down(Duration::from_secs(10));
                let meanwhile = async {
                    // The signal was sent; the listener goes, the request stays.
                    while tokio::net::TcpStream::connect(address).await.is_ok() {
                        tokio::task::yield_now().await;
                    }
                    go.notify_one();
                };
                tokio::join!(stopping, meanwhile).0
            };
            let (answer, stopped) = tokio::join!(request, stopping);
            assert_eq!(answer.unwrap().text().await.unwrap(), "done");
            assert_eq!(stopped, ShutDown::Clean);
        };
        let (served, ()) = tokio::join!(serving, client);
        served.unwrap();
    }
}

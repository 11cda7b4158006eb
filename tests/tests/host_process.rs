//! The real binary as a process: ready, stopped in order, killed, started again with the same settings.

use hookline_tests::client::Call;
use hookline_tests::sandbox::Notice;
use hookline_tests::servers::{HostProcess, HostSettings};
use hyper::{Method, StatusCode};

#[tokio::test]
async fn a_host_comes_back_after_a_stop_and_after_a_kill() {
    let mut host = HostProcess::start(HostSettings::default()).await.unwrap();
    let first = host.pid();
    assert!(host.client().is_ready().await);

    host.stop().await.unwrap();
    assert_eq!(host.pid(), None);
    assert!(!host.client().is_ready().await);

    host.restart().await.unwrap();
    assert!(host.client().is_ready().await);
    assert_ne!(host.pid(), first);

    host.kill().await.unwrap();
    assert!(!host.client().is_ready().await);
    host.restart().await.unwrap();
    assert!(host.client().is_ready().await);
}

#[tokio::test]
async fn a_host_that_cannot_start_says_why() {
    let settings = HostSettings::default().set("ORDER_DB_URL", "nonsense://");
    let error = HostProcess::start(settings).await.unwrap_err().to_string();
    assert!(error.contains("hookline ended with") && error.contains("ORDER_DB_URL"), "{error}");
}

#[tokio::test]
async fn there_is_no_sandbox_unless_it_is_enabled() {
    let host = HostProcess::start(HostSettings::default()).await.unwrap();
    let mut client = host.client();
    let page = client.send(Call::new(Method::GET, "/sandbox/pay/P1")).await.unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let told = client.send(Notice::paid("P1", 100).call(0)).await.unwrap();
    assert_eq!(told.status, StatusCode::NOT_FOUND);
}

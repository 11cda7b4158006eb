//! Every metric's name and help text, and the recorder behind `/metrics`.
//!
//! Use the names with the `metrics` macros: `metrics::counter!(LOCK_UNAVAILABLE).increment(1)`.

use std::time::Duration;

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// What a metric is, for its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// Seconds.
    Timing,
    /// Plain numbers such as a batch size.
    Sizes,
}

macro_rules! metrics {
    ($($name:ident = $text:literal, $kind:ident, $help:literal;)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*
        const ALL: &[(&str, Kind, &str)] = &[$(($text, Kind::$kind, $help)),*];
    };
}

metrics! {
    HTTP_REQUESTS = "hookline_http_requests_total", Counter, "HTTP requests answered, by route, method and status.";
    HTTP_SECONDS = "hookline_http_request_seconds", Timing, "Time to answer an HTTP request, by route and method.";
    COMMIT_BATCH_CHANGES = "hookline_commit_batch_changes", Sizes, "Changes in one committed batch.";
    COMMIT_SECONDS = "hookline_commit_seconds", Timing, "Time of one batch from its first lock to its answer.";
    COMMIT_QUEUE = "hookline_commit_queue", Gauge, "Jobs that waited for the committer when it last took some.";
    COMMIT_REFUSED = "hookline_commit_refused_total", Counter, "Changes that were not committed, by reason.";
    COMMIT_RETRIES = "hookline_commit_retries_total", Counter, "Batches repeated after a deadlock or a lost connection, by reason.";
    HOOK_CALLS = "hookline_hook_calls_total", Counter, "Hook calls, by business line, hook and outcome.";
    HOOK_SECONDS = "hookline_hook_seconds", Timing, "Wall time of a hook call, by business line and hook.";
    HOOK_FUEL = "hookline_hook_fuel_total", Counter, "Fuel used by hooks, by business line and hook.";
    HOOK_SLOTS_BUSY = "hookline_hook_slots_busy", Gauge, "Plugin instances running now.";
    PLUGIN_LOG_DROPPED = "hookline_plugin_log_dropped_total", Counter, "Plugin log lines over the rate limit, by business line.";
    EGRESS_CALLS = "hookline_egress_calls_total", Counter, "HTTP calls made for plugins, by outcome.";
    EGRESS_SECONDS = "hookline_egress_seconds", Timing, "Time of one attempt of a plugin's HTTP call.";
    EGRESS_REFUSED = "hookline_egress_refused_total", Counter, "HTTP calls of plugins that were never sent, by reason.";
    LOCK_UNAVAILABLE = "hookline_lock_unavailable_total", Counter, "Times work went on without the shared lock, because Redis failed.";
    LOCK_WAIT_EXPIRED = "hookline_lock_wait_expired_total", Counter, "Times a lock was not got within its wait.";
    RELAY_PUBLISHED = "hookline_relay_published_total", Counter, "Events published, by stream.";
    RELAY_FAILURES = "hookline_relay_failures_total", Counter, "Failed publish attempts, by stream.";
    RELAY_LAG_SECONDS = "hookline_relay_lag_seconds", Gauge, "Age of the oldest event not yet published, by slot group.";
    RELAY_REFILLS = "hookline_relay_refills_total", Counter, "Times a stream was published again because the broker lost it, by stream.";
    RELAY_PARKED = "hookline_relay_parked_total", Counter, "Events that the broker refused again and again.";
    WORKER_FAILURES = "hookline_worker_failures_total", Counter, "Failed runs of background workers, by worker.";
    OUTBOX_WAITING = "hookline_outbox_waiting", Gauge, "Events not yet published, up to 10,000 a slot group.";
    TIMERS_LATE_SECONDS = "hookline_timers_late_seconds", Gauge, "How late the most overdue timer is, by slot group.";
    TIMERS_FIRED = "hookline_timers_fired_total", Counter, "Timers fired, by kind and outcome.";
    ATTENTION_OPEN = "hookline_attention_open", Gauge, "Shop orders that wait for a person, up to 10,000.";
    PAYMENT_CALLS = "hookline_payment_calls_total", Counter, "Calls to payment providers, by method, operation and outcome.";
    ORDERS = "hookline_orders_total", Counter, "Shop orders that reached a status, by business line and status.";
    PAYMENTS = "hookline_payments_total", Counter, "Steps of payments (open, succeeded, failed, closed, succeeded_late, disputed, …), by method and step.";
    ORDERS_ATTENTION = "hookline_orders_attention_total", Counter, "Times a shop order began to need a person.";
    ORDERS_SHIP_OVERDUE = "hookline_orders_ship_overdue_total", Counter, "Paid shop orders whose shipping deadline passed.";
    AFTERSALES = "hookline_aftersales_total", Counter, "After-sales that reached a state, by business line, type and state.";
    AFTERSALE_SECONDS = "hookline_aftersale_duration_seconds", Timing, "Time from an after-sale's application to its end, by business line and end.";
    SHIPMENTS_SHIPPED = "hookline_shipments_shipped_total", Counter, "Packages that left, by business line and whether within the shipping deadline.";
    SHIPMENT_EXCEPTIONS = "hookline_shipment_exceptions_total", Counter, "Packages that were lost, refused or late, by business line and kind; against those that left it is the rate of exceptions.";
    FULFILMENT_CALLS = "hookline_fulfilment_calls_total", Counter, "Calls to the outside fulfilment service, by operation and outcome.";
    FULFILMENT_CALLBACKS_REFUSED = "hookline_fulfilment_callbacks_refused_total", Counter, "Callbacks of the outside fulfilment service that were not believed.";
    CALLBACKS_REFUSED = "hookline_callbacks_refused_total", Counter, "Payment callbacks that were not believed, by method.";
    DISCREPANCIES_OPEN = "hookline_discrepancies_open", Gauge, "Differences between providers' books and ours that nobody has settled, by kind.";
    WALLET_IMBALANCE = "hookline_wallet_imbalance", Gauge, "Wallet accounts and units whose postings and balances differ, of the slot groups this host checked.";
    OPERATIONS_ARCHIVED = "hookline_operations_archived_total", Counter, "Entries of the operate log moved to its archive.";
    TASK_PANICS = "hookline_task_panics_total", Counter, "Background tasks that panicked, by task.";
}

/// Bucket bounds for timings, seconds: from a hook (tens of microseconds) to a supplier's answer (tens of seconds).
const TIMING_BUCKETS: &[f64] =
    &[0.000_05, 0.000_2, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const SIZE_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How often [`Metrics::upkeep`] should run.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Why metrics could not start.
#[derive(Debug, thiserror::Error)]
#[error("metrics could not be started")]
pub struct MetricsError(#[from] metrics_exporter_prometheus::BuildError);

/// The process's metrics, cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts recording for the whole process. Once a process; a second call is an error.
    pub fn install() -> Result<Self, MetricsError> {
        let handle = builder()?.install_recorder()?;
        describe();
        Ok(Self(handle))
    }

    /// The page that Prometheus scrapes.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded samples together; without it memory grows until the next scrape. See [`UPKEEP_EVERY`].
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, MetricsError> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), TIMING_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(COMMIT_BATCH_CHANGES.to_owned()), SIZE_BUCKETS)?)
}

fn describe() {
    for &(name, kind, help) in ALL {
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Timing => describe_histogram!(name, Unit::Seconds, help),
            Kind::Sizes => describe_histogram!(name, help),
        }
    }
}

/// The page after some work of this thread.
#[cfg(test)]
pub(crate) fn page_of(work: impl FnOnce()) -> String {
    let recorder = builder().unwrap().build_recorder();
    let handle = Metrics(recorder.handle());
    ::metrics::with_local_recorder(&recorder, || {
        describe();
        work();
    });
    handle.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_carries_help_texts_and_buckets() {
        let page = page_of(|| {
            ::metrics::counter!(LOCK_UNAVAILABLE).increment(2);
            ::metrics::histogram!(EGRESS_SECONDS).record(0.2);
        });
        assert!(page.contains("# HELP hookline_lock_unavailable_total Times work went on"), "{page}");
        assert!(page.contains("hookline_lock_unavailable_total 2"), "{page}");
        assert!(page.contains("hookline_egress_seconds_bucket{le=\"0.25\"} 1"), "{page}");
    }

    #[test]
    fn names_are_unique_and_counters_say_total() {
        let mut names: Vec<_> = ALL.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for (name, kind, _) in ALL {
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        }
    }
}

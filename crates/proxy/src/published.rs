//! How is it with published pages? For `/metrics` and, in more words, for `/published` on the admin listener.

use std::fmt;

use larder_publish::{Pages, State};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Value, json};

/// Orders that are shown at most.
const SHOWN_MAX: usize = 100;

/// What `/metrics` says.
pub(crate) fn encode(pages: &Pages, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let State { queued, waiting, has_table, remembered, servers } = pages.state();
    let counts = pages.counts();
    let mut counter = |name: &str, help: &str, value: u64| {
        let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(family)
    };
    counter("published", "Pages that were written to Memcached.", counts.published())?;
    counter(
        "published_erased",
        "Published pages that purges took away, whether they were still there or had ended.",
        counts.pages_erased(),
    )?;
    counter(
        "lookup_remembered",
        "Times that pages were written down in the lookup table.",
        remembered.0,
    )?;
    counter("lookup_refused", "Times that they could not be.", remembered.1)?;
    let mut gauge = |name: &str, help: &str, value: u64| {
        let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(family)
    };
    gauge("publish_queue", "Pages that wait to be published.", queued as u64)?;
    gauge(
        "outbox",
        "Purges of published pages that are accepted and not complete.",
        waiting as u64,
    )?;
    gauge("lookup_opened", "0 while the lookup database was never reached.", u64::from(has_table))?;
    let help = "Pages that were not published, by why.";
    let mut family =
        encoder.encode_descriptor("published_refused", help, None, MetricType::Counter)?;
    for (reason, value) in counts.unpublished() {
        ConstCounter::new(value).encode(family.encode_family(&[("reason", reason)])?)?;
    }
    let help = "Operations on a Memcached server.";
    let mut family =
        encoder.encode_descriptor("memcached_operations", help, None, MetricType::Counter)?;
    for server in &servers {
        let labels = [("server", server.name.as_str())];
        ConstCounter::new(server.operations).encode(family.encode_family(&labels)?)?;
    }
    let help = "Operations on a Memcached server that failed, by how.";
    let mut family =
        encoder.encode_descriptor("memcached_failures", help, None, MetricType::Counter)?;
    for server in &servers {
        for (kind, value) in &server.failures {
            let labels = [("server", server.name.as_str()), ("kind", kind)];
            ConstCounter::new(*value).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "1 while a Memcached server is left alone because it failed.";
    let mut family =
        encoder.encode_descriptor("memcached_paused", help, None, MetricType::Gauge)?;
    for server in &servers {
        let labels = [("server", server.name.as_str())];
        let paused = u64::from(server.paused.is_some());
        ConstGauge::new(paused).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// What `/published` says.
pub(crate) fn view(pages: Option<&Pages>) -> Value {
    let Some(pages) = pages else { return json!({ "publishing": false }) };
    let State { queued, waiting, has_table, servers, .. } = pages.state();
    let orders = pages.waiting();
    let orders = orders.iter().take(SHOWN_MAX);
    let orders = orders.map(|(number, what)| json!({ "number": number, "purge": what }));
    let servers = servers.iter().map(|server| {
        json!({
            "server": server.name,
            "operations": server.operations,
            "failures": server.failures.iter().map(|(_, count)| count).sum::<u64>(),
            "connections": server.connections,
            "paused": server.paused.is_some(),
            "last_error": server.last_error,
        })
    });
    let unpublished = pages.counts().unpublished();
    let unpublished = unpublished.into_iter().map(|(why, count)| (why.to_owned(), json!(count)));
    json!({
        "publishing": true,
        "published": pages.counts().published(),
        "not_published": unpublished.collect::<serde_json::Map<_, _>>(),
        "erased": pages.counts().pages_erased(),
        "queued": queued,
        "lookup": if has_table { "opened" } else { "never reached" },
        "waiting": { "count": waiting, "orders": orders.collect::<Vec<_>>() },
        "servers": servers.collect::<Vec<_>>(),
    })
}

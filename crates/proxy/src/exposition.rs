//! What does `/metrics` say? The counters of [`crate::metrics`] and its neighbours as `OpenMetrics` text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use larder_cache::{Cache, Handling};
use larder_policy::trusted::Unclear;
use larder_semantics::Reason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::certificates::Shown;
use crate::listen::SiteSlot;
use crate::metrics::{
    BUCKETS_MICROS, Dropped, Handshake, HandshakeFailure, Metrics, STATUS_CLASSES, WorkerMetrics,
};
use crate::pipeline::Pipeline;
use crate::published;
use crate::purge::Desk;
use crate::warm::{Counted, Warmer};

/// Everything that is exposed.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) warmer: Arc<Warmer>,
    pub(crate) slot: Arc<SiteSlot<Pipeline>>,
    pub(crate) draining: AtomicBool,
    pub(crate) shown: Option<Arc<Shown>>,
}

/// The whole text.
pub(crate) fn render(sources: &Arc<Sources>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("larder");
    registry.register_collector(Box::new(Arc::clone(sources)));
    let mut out = String::with_capacity(16 * 1024);
    text::encode(&mut out, &registry)?;
    Ok(out)
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        requests(&self.metrics, &mut encoder)?;
        refused(&self.metrics, &mut encoder)?;
        fields(&self.metrics, &mut encoder)?;
        responses(&self.metrics, &mut encoder)?;
        durations(&self.metrics, &mut encoder)?;
        connections(&self.metrics, &mut encoder)?;
        store(&self.cache, &mut encoder)?;
        purges(&self.desk, &self.cache, &mut encoder)?;
        warming(&self.warmer.counted(), &mut encoder)?;
        if let Some(pages) = self.desk.published() {
            published::encode(pages, &mut encoder)?;
        }
        upstreams(&self.slot.current(), &mut encoder)?;
        if let Some(shown) = &self.shown {
            tls(shown, &self.metrics, &mut encoder)?;
        }
        self.process(&mut encoder)
    }
}

impl Sources {
    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        counter(
            encoder,
            "log_dropped",
            "Requests that were not written to the access log because it was too slow.",
            read(&metrics.log_dropped),
        )?;
        let help = "Orders to read the configuration again, by result.";
        let mut family =
            encoder.encode_descriptor("config_reloads", help, None, MetricType::Counter)?;
        for (result, value) in [
            ("applied", read(&metrics.reloads_applied)),
            ("refused", read(&metrics.reloads_refused)),
        ] {
            ConstCounter::new(value).encode(family.encode_family(&[("result", result)])?)?;
        }
        gauge(
            encoder,
            "config_generation",
            "Counts the configurations that were put in force, from 1.",
            self.slot.generation(),
        )?;
        let draining = u64::from(self.draining.load(Ordering::Relaxed));
        gauge(encoder, "draining", "1 while requests in progress are let end.", draining)
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn requests(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Requests by what was done with them and why.";
    let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
    for handling in Handling::ALL {
        for &reason in Reason::ALL {
            let value = metrics.requests(handling, reason);
            // Most pairs can't occur; those that have not yet are left out.
            if value > 0 {
                let labels = [("handling", handling.token()), ("reason", reason.token())];
                ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

fn refused(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "What was refused, with requests that never got so far as to be one.";
    let mut family = encoder.encode_descriptor("refused", help, None, MetricType::Counter)?;
    for &reason in Reason::ALL {
        let value = metrics.refused(reason);
        if value > 0 {
            ConstCounter::new(value)
                .encode(family.encode_family(&[("reason", reason.token())])?)?;
        }
    }
    Ok(())
}

fn warming(counted: &Counted, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Pages that were to be fetched in advance, by what became of them.";
    let mut family = encoder.encode_descriptor("warmed", help, None, MetricType::Counter)?;
    for (outcome, value) in counted.outcomes {
        ConstCounter::new(value).encode(family.encode_family(&[("outcome", outcome)])?)?;
    }
    let help = "Pages for which there was no place in the queue of those to be fetched in advance.";
    counter(encoder, "warm_dropped", help, counted.dropped)?;
    gauge(encoder, "warm_queue", "Pages that wait to be fetched in advance.", counted.in_queue)?;
    let help = "Pages that are being fetched in advance.";
    gauge(encoder, "warm_in_progress", help, counted.in_progress)?;
    let help = "Sites that are left alone because their applications asked for it or failed.";
    gauge(encoder, "warm_paused_sites", help, counted.paused)
}

/// What was not believed of requests, and not passed on.
fn fields(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Lines of requests that the application was not sent, by why.";
    let kind = MetricType::Counter;
    let mut family = encoder.encode_descriptor("request_fields_dropped", help, None, kind)?;
    for dropped in Dropped::ALL {
        let value = metrics.sum(|worker| worker.dropped(dropped));
        let labels = [("why", dropped.token())];
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    let help = "Requests of trusted proxies whose word about the visitor was not clear, by why.";
    let mut family = encoder.encode_descriptor("arrivals_unclear", help, None, kind)?;
    for unclear in Unclear::ALL {
        let value = metrics.sum(|worker| worker.unclear(unclear));
        let labels = [("why", unclear.token())];
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn responses(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Responses by the class of their status.";
    let mut family = encoder.encode_descriptor("responses", help, None, MetricType::Counter)?;
    for (index, class) in STATUS_CLASSES.into_iter().enumerate() {
        let value = metrics.sum(|worker| worker.status_class(index));
        ConstCounter::new(value).encode(family.encode_family(&[("status", class)])?)?;
    }
    let help = "Bytes of response bodies.";
    let bytes = metrics.sum(WorkerMetrics::body_bytes);
    let family = encoder.encode_descriptor(
        "response_body",
        help,
        Some(&Unit::Bytes),
        MetricType::Counter,
    )?;
    ConstCounter::new(bytes).encode(family)
}

fn durations(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut buckets = Vec::with_capacity(BUCKETS_MICROS.len() + 1);
    let bounds = BUCKETS_MICROS.iter().map(|&micros| seconds(micros)).chain([f64::INFINITY]);
    for (index, bound) in bounds.enumerate() {
        buckets.push((bound, metrics.sum(|worker| worker.bucket(index))));
    }
    let count = buckets.iter().map(|(_, count)| count).sum();
    let sum = seconds(metrics.sum(WorkerMetrics::duration_micros));
    let help = "From a request's head to the end of its response.";
    let mut family: MetricEncoder<'_> = encoder.encode_descriptor(
        "request_duration",
        help,
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}

#[expect(clippy::cast_precision_loss, reason = "a float is what the format wants")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn connections(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let accepted = metrics.sum(WorkerMetrics::accepted);
    counter(encoder, "connections", "Client connections taken.", accepted)?;
    let open = accepted.saturating_sub(metrics.sum(WorkerMetrics::closed));
    gauge(encoder, "connections_open", "Client connections open now.", open)
}

fn store(cache: &Cache, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let usage = cache.usage();
    gauge(encoder, "store_bytes", "Memory taken by stored pages.", usage.bytes)?;
    gauge(
        encoder,
        "store_capacity_bytes",
        "Memory that stored pages may take.",
        usage.capacity_bytes,
    )?;
    gauge(encoder, "store_entries", "Stored pages.", usage.entries)?;
    counter(encoder, "store_evictions", "Pages given up to make room.", usage.evictions)?;
    counter(encoder, "store_refused", "Pages that were too large to be stored.", usage.refused)?;
    let flights = cache.flights();
    gauge(
        encoder,
        "fetches_in_progress",
        "Fetches that may fill the cache.",
        flights.len() as u64,
    )?;
    gauge(encoder, "fetches_bytes", "Memory taken by them.", flights.bytes())
}

fn purges(desk: &Desk, cache: &Cache, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Purges that were ordered, by what they were about and whether pages were gone (hard) or stale (soft).";
    let mut family = encoder.encode_descriptor("purges", help, None, MetricType::Counter)?;
    for (mode, scope, value) in desk.purges() {
        let labels = [("scope", scope), ("mode", mode)];
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    let (pages, variants) = desk.purged();
    let help = "Pages that they were about; estimated where that is what was answered.";
    counter(encoder, "purged_pages", help, pages)?;
    let help = "Stored responses on those pages.";
    counter(encoder, "purged_variants", help, variants)?;
    let help = "Purges that pages and fetches are still judged by.";
    gauge(encoder, "purges_remembered", help, cache.purges_remembered() as u64)?;
    let swept = desk.swept();
    let help = "How often all pages were gone through after purges.";
    counter(encoder, "sweeps", help, swept.sweeps)?;
    let help = "How long that took, together, with rests.";
    let unit = Some(&Unit::Seconds);
    let family = encoder.encode_descriptor("sweep_duration", help, unit, MetricType::Counter)?;
    ConstCounter::new(swept.took.as_secs_f64()).encode(family)
}

fn upstreams(pipeline: &Pipeline, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let targets: Vec<_> = pipeline
        .balancer
        .statistics()
        .into_iter()
        .map(|one| (format!("{}:{}", one.target.host, one.target.port), one))
        .collect();
    let mut each = |name: &str, help: &str, kind: MetricType, value: &dyn Fn(usize) -> u64| {
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for (index, (target, _)) in targets.iter().enumerate() {
            let labels = [("target", target.as_str())];
            let one = family.encode_family(&labels)?;
            if matches!(kind, MetricType::Counter) {
                ConstCounter::new(value(index)).encode(one)?;
            } else {
                ConstGauge::new(value(index)).encode(one)?;
            }
        }
        Ok::<(), fmt::Error>(())
    };
    let of = |index: usize| targets.get(index).map(|(_, one)| one);
    each(
        "upstream_requests",
        "Requests given to an application.",
        MetricType::Counter,
        &|index| of(index).map_or(0, |one| one.requests),
    )?;
    each(
        "upstream_failures",
        "Requests that an application did not answer properly.",
        MetricType::Counter,
        &|index| of(index).map_or(0, |one| one.failures),
    )?;
    each("upstream_in_progress", "Requests in progress.", MetricType::Gauge, &|index| {
        of(index).map_or(0, |one| one.in_flight as u64)
    })?;
    each(
        "upstream_ejected",
        "1 while an application gets no requests because it failed.",
        MetricType::Gauge,
        &|index| of(index).map_or(0, |one| u64::from(one.ejected)),
    )
}

fn tls(shown: &Shown, metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "TLS handshakes that succeeded.";
    let mut family =
        encoder.encode_descriptor("tls_handshakes", help, None, MetricType::Counter)?;
    for handshake in Handshake::ALL {
        let (version, resumed) = handshake.labels();
        let labels = [("version", version), ("resumed", resumed)];
        let value = metrics.sum(|worker| worker.handshakes(handshake));
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    let help = "TLS handshakes that failed, by how.";
    let mut family =
        encoder.encode_descriptor("tls_handshake_failures", help, None, MetricType::Counter)?;
    for failure in HandshakeFailure::ALL {
        let value = metrics.sum(|worker| worker.handshake_failures(failure));
        ConstCounter::new(value).encode(family.encode_family(&[("kind", failure.token())])?)?;
    }
    let help = "Changed files of certificates, by whether they were put in force.";
    let mut family = encoder.encode_descriptor("tls_reloads", help, None, MetricType::Counter)?;
    for (result, value) in
        [("applied", &metrics.certificates_applied), ("refused", &metrics.certificates_refused)]
    {
        let value = value.load(Ordering::Relaxed);
        ConstCounter::new(value).encode(family.encode_family(&[("result", result)])?)?;
    }
    let help = "The last second that a certificate is valid, as Unix time.";
    let (name, unit) = ("tls_certificate_not_after", Unit::Seconds);
    let mut family = encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
    let mut ends = BTreeMap::<_, u64>::new();
    for facts in shown.certificates().facts() {
        let end = facts.not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Of several for the same hosts, the first to end.
        let known = ends.entry(facts.hosts.join(",")).or_insert(u64::MAX);
        *known = end.as_secs().min(*known);
    }
    for (hosts, end) in ends {
        ConstGauge::new(end).encode(family.encode_family(&[("hosts", hosts)])?)?;
    }
    Ok(())
}

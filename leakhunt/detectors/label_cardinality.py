"""Metric labels without bound: one time series for every value of a label that has endless values.

Looks for: growing sites that make metric children: Prometheus, OpenTelemetry, go-metrics, statsd clients.
Why it matters: a metric keeps one child for each set of label values for ever. A user id, a URL or an error text as a label
    makes the registry a log.
How it decides: a function that makes such a child is on the stack of a site of a group that grows significantly.
When it is wrong: a warm-up in which a finite set of labels is met for the first time.
What to do: drop the label or map it to few values; delete children of what has gone (`DeleteLabelValues`).
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_near
from leakhunt.detectors.held import COLLECTIONS, held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import METRIC_FRAMES

PATTERN = "label-cardinality"
_MAKERS = (
    "github.com/prometheus/client_golang/prometheus.MakeLabelPairs",
    "github.com/prometheus/client_golang/prometheus.makeLabelPairs",
    "github.com/prometheus/client_golang/prometheus.(*metricMap).",
    "github.com/prometheus/client_golang/prometheus.(*MetricVec).",
    "github.com/prometheus/client_golang/prometheus.(*CounterVec).",
    "github.com/prometheus/client_golang/prometheus.(*GaugeVec).",
    "github.com/prometheus/client_golang/prometheus.(*HistogramVec).",
    "github.com/prometheus/client_golang/prometheus.(*SummaryVec).",
    "github.com/prometheus/client_golang/prometheus.newHistogram",
    "go.opentelemetry.io/otel/attribute.",
    "go.opentelemetry.io/otel/sdk/metric/internal/aggregate.",
    "github.com/rcrowley/go-metrics.New",
    "github.com/rcrowley/go-metrics.new",
    "github.com/rcrowley/go-metrics.(*StandardRegistry).",
    "github.com/armon/go-metrics.",
    "github.com/hashicorp/go-metrics.",
    "github.com/uber-go/tally.(*scope).",
    "github.com/VictoriaMetrics/metrics.(*Set).GetOrCreate",
    "github.com/VictoriaMetrics/metrics.GetOrCreate",
)


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that make metric children."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN, *COLLECTIONS):
            continue
        shown = shows(held, PATTERN)
        function = function_near(evidence, group, _MAKERS, within=METRIC_FRAMES) or (shown.container if shown else None)
        if function is not None:
            yield Finding(
                detector="label-cardinality",
                pattern=PATTERN,
                stance=Stance.IMPLICATES,
                confidence=Confidence.MEDIUM,
                sites=group.sites,
                text=f"metric children pile up: {function} makes one for every new set of label values, and it stays",
                facts={"function": function},
                remedy="""Use labels with few values, and delete children of what has gone:
    requests.WithLabelValues(route, method).Inc() // the route's pattern, not the URL
    defer requests.DeleteLabelValues(tenant)""",
            )

#!/bin/sh
# GUESS     A reader of Prometheus' text format that means to be what prom2json is gives a histogram for each set of labels, as it
#           gives a counter for each: a gate on the latency of web1 finds web1.
# HAPPENS   parse-prometheus-text-format makes one histogram of all, with the buckets of whichever host came last and no labels,
#           no sum and no count: the slow web1 is hidden by the fast web2. Summaries with quantiles are the same. Counters
#           and gauges keep their labels, and so does a summary without quantiles, as Prometheus' library for Python
#           writes it; a histogram without labels, as in the package's own example, is whole.
# VERSIONS  parse-prometheus-text-format 1.1.1 (npm), prometheus-client 0.26.0 (PyPI)
# SOURCE    seen by running; the package's README names prom2json, whose metrics have labels, buckets, sum and count each
# NEEDS     node, npm, python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . parse-prometheus-text-format@1.1.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib prometheus-client==0.26.0 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "parse-prometheus-text-format 1.1.1, prometheus-client 0.26.0"

# What an exporter writes: Prometheus' own library for Python.
PYTHONPATH=lib python3 - >metrics <<'PYTHON'
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest

registry = CollectorRegistry()
latency = Histogram("latency", "Seconds.", ["host"], buckets=[0.1], registry=registry)
calls = Summary("calls", "Seconds.", ["host"], registry=registry)
total = Counter("requests", "Requests.", ["host"], registry=registry)
whole = Histogram("whole", "Seconds.", buckets=[0.1], registry=registry)
for host, seconds in [("web1", 9), ("web1", 9), ("web1", 0), ("web2", 0)]:
    latency.labels(host).observe(seconds)
    calls.labels(host).observe(seconds)
    total.labels(host).inc()
    whole.observe(seconds)
print(generate_latest(registry).decode(), end="")
PYTHON
# A summary as the library for Go writes it; that for Python knows no quantiles.
cat >>metrics <<'METRICS'
# TYPE rpc summary
rpc{host="web1",quantile="0.99"} 9
rpc_sum{host="web1"} 18
rpc_count{host="web1"} 3
rpc{host="web2",quantile="0.99"} 0
rpc_sum{host="web2"} 0
rpc_count{host="web2"} 1
METRICS
grep -v '^#' metrics | grep -v _created

node - >seen <<'NODE'
const module_ = require('parse-prometheus-text-format');
const parse = module_.default || module_;
for (const { name, metrics } of parse(require('fs').readFileSync('metrics', 'utf8'))) {
  if (!name.endsWith('_created')) console.log(`${name}: ${JSON.stringify(metrics)}`);
}
NODE
echo 'parse-prometheus-text-format:'
cat seen
diff - seen <<'TOLD'
latency: [{"buckets":{"0.1":"1.0","+Inf":"1.0"}}]
calls: [{"labels":{"host":"web1"},"count":"3.0","sum":"18.0"},{"labels":{"host":"web2"},"count":"1.0","sum":"0.0"}]
requests_total: [{"value":"3.0","labels":{"host":"web1"}},{"value":"1.0","labels":{"host":"web2"}}]
whole: [{"buckets":{"0.1":"2.0","+Inf":"4.0"},"count":"4.0","sum":"18.0"}]
rpc: [{"quantiles":{"0.99":"0"}}]
TOLD

#!/bin/sh
# GUESS     A reader of Prometheus' text format gives each sample that is there, or an error: what is in quotes is a label's value,
#           and may have any letter in it. Handlers named /hosts/{id} and options like rw,noatime are all over such texts.
# HAPPENS   The Rust crate prometheus-parse passes over a sample whose label has a closing brace: of the errors of /hosts/{id} there
#           are none, and a gate on them is open while the one handler without a parameter counts. A value ends at its first
#           comma, so that rw,relatime and rw,noatime are both rw, the same labels twice. Each metric with a colon in its name, as
#           recording rules have them, is left out, what is escaped stays so, and a space before a label's name is part of
#           the name. The result is Ok.
# VERSIONS  prometheus-parse 0.2.5 (crates.io), prometheus-client 0.26.0 (PyPI)
# SOURCE    prometheus-parse's src/lib.rs: SAMPLE_RE, \w+ and [^}]+; Prometheus' exposition formats, text format details
# NEEDS     cargo, crates.io, python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib prometheus-client==0.26.0 \
    || { echo "not to be installed here" >&2; exit 77; }
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "read"
version = "0.0.0"
edition = "2021"

[dependencies]
prometheus-parse = "=0.2.5"
TOML
cat >src/main.rs <<'RUST'
use std::{collections::BTreeMap, io::stdin};

fn main() {
    let read = prometheus_parse::Scrape::parse(stdin().lines()).expect("the text is read");
    for sample in read.samples {
        let labels: BTreeMap<&String, &String> = sample.labels.iter().collect();
        let value = match sample.value {
            prometheus_parse::Value::Counter(value)
            | prometheus_parse::Value::Gauge(value)
            | prometheus_parse::Value::Untyped(value) => value,
            other => panic!("{other:?}"),
        };
        println!("{} {labels:?} {value}", sample.metric);
    }
}
RUST
CARGO_TARGET_DIR=$work/target cargo build --quiet || { echo "not to be built here" >&2; exit 77; }
echo "prometheus-parse 0.2.5"
cat >read.py <<'PYTHON'
import sys

from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = ", ".join(f'"{name}": "{value}"' for name, value in sorted(sample.labels.items()))
        print(f"{sample.name} {{{labels}}} {sample.value:g}")
PYTHON

cat >metrics <<'METRICS'
# TYPE errors_total counter
errors_total{handler="/hosts"} 1
errors_total{handler="/hosts/{id}"} 40
errors_total{handler="/hosts/{id}/logs"} 50
# TYPE read_only gauge
read_only{device="sda1",options="rw,relatime"} 0
read_only{device="sda1",options="rw,noatime"} 1
# TYPE build gauge
build{name="the \"tool\"",version="4"} 1
# TYPE site gauge
site{ name="north" } 1
# TYPE job:errors:rate gauge
job:errors:rate{job="tool"} 9
METRICS
{
    target/debug/read <metrics | sort
    echo
    PYTHONPATH=lib python3 read.py <metrics | sort
} >seen
cat seen
diff - seen <<'TOLD'
build {"name": "the \\\"tool\\", "version": "4"} 1
errors_total {"handler": "/hosts"} 1
read_only {"device": "sda1", "options": "rw"} 0
read_only {"device": "sda1", "options": "rw"} 1
site {" name": "north\" "} 1

build {"name": "the "tool"", "version": "4"} 1
errors_total {"handler": "/hosts"} 1
errors_total {"handler": "/hosts/{id}"} 40
errors_total {"handler": "/hosts/{id}/logs"} 50
job:errors:rate {"job": "tool"} 9
read_only {"device": "sda1", "options": "rw,noatime"} 1
read_only {"device": "sda1", "options": "rw,relatime"} 0
site {"name": "north"} 1
TOLD

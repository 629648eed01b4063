"""Sums up a shift: how every gas went in every heading."""

import json

from minewatch import air


def rows(readings, gases):
    """Yields a row for every heading and gas: least, mean and most, and the most in milligrams per cubic metre."""
    series = {}
    for reading in readings:
        if reading.gas not in gases:
            raise ValueError(f"{reading.heading}: no limits are known for {reading.gas!r}")
        series.setdefault((reading.heading, reading.gas), []).append(reading.ppm)
    for (heading, gas), values in series.items():
        most = max(values)
        yield {
            "heading": heading,
            "gas": gas,
            "readings": len(values),
            "least": min(values),
            "mean": round(sum(values) / len(values), 1),
            "most": most,
            "most_mg_m3": round(air.milligrams(gases[gas], most), 1),
        }


def as_json(table):
    return json.dumps(list(table), indent=2)


def as_text(table):
    lines = [f"{'heading':12} {'gas':16} {'least':>9} {'mean':>9} {'most':>9} {'mg/m3':>9}"]
    for row in table:
        lines.append(
            f"{row['heading']:12} {row['gas']:16} {row['least']:9g} {row['mean']:9g} {row['most']:9g} {row['most_mg_m3']:9g}"
        )
    return "\n".join(lines)

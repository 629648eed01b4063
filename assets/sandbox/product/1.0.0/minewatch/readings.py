"""Reads what the sensors wrote."""

import collections

Reading = collections.namedtuple("Reading", "time heading gas ppm")


def parse(lines):
    """Yields the reading of every line; a line that cannot be read is an error that names it."""
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#") or line.startswith("time,"):
            continue
        fields = line.split(",")
        if len(fields) != 4:
            raise ValueError(f"line {number}: {len(fields)} fields, not time,heading,gas,ppm")
        time, heading, gas, ppm = fields
        try:
            yield Reading(time, heading, gas, float(ppm))
        except ValueError:
            raise ValueError(f"line {number}: {ppm!r} is no concentration") from None

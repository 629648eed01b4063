"""Says what readings mean for the people below."""

import collections

SAFE = "safe"
WARN = "warn"
LEAVE = "leave"
ORDER = [SAFE, WARN, LEAVE]

Verdict = collections.namedtuple("Verdict", "level reason")


def judge(readings, gases):
    """Gives the worst verdict of every heading, in the order of their first readings."""
    verdicts = {}
    for reading in readings:
        if reading.gas not in gases:
            raise ValueError(f"{reading.heading}: no limits are known for {reading.gas!r}")
        gas = gases[reading.gas]
        if gas.exceeds(reading.ppm, gas.leave):
            level = LEAVE
        elif gas.exceeds(reading.ppm, gas.warn):
            level = WARN
        else:
            level = SAFE
        verdict = Verdict(level, f"{reading.gas} {reading.ppm:g} ppm at {reading.time}")
        known = verdicts.get(reading.heading)
        if known is None or ORDER.index(level) > ORDER.index(known.level):
            verdicts[reading.heading] = verdict
    return verdicts

"""Checks that this installation can do its work: its data, its tables, its site's calibration, a known shift."""

from minewatch import air, calibration, readings, resources, rules
from minewatch.gases import load_gases

# What the sample shift must come to; it was worked out by hand.
EXPECTED = {"north-1": rules.SAFE, "north-2": rules.WARN, "south-1": rules.LEAVE, "south-2": rules.WARN}


def run():
    try:
        print("healthy: " + ", ".join(findings()))
    except Exception as error:  # whatever it is, the installation is unfit
        print(f"unhealthy: {type(error).__name__}: {error}")
        return 1
    return 0


def findings():
    gases = load_gases()
    yield f"{len(gases)} gases"

    factors = calibration.load()
    yield f"{len(factors)} sensors calibrated" if factors else "no site calibration"

    lightest = min(air.density(pressure, 20, 50) for pressure in air.PRESSURES)
    if not 0.9 < lightest < 1.2:
        raise ValueError(f"the tables say that air weighs {lightest} kg/m3")
    yield f"{len(air.PRESSURES)} tables"

    verdicts = rules.judge(readings.parse(resources.read_text("shift.csv").splitlines()), gases)
    levels = {heading: verdict.level for heading, verdict in verdicts.items()}
    if levels != EXPECTED:
        raise ValueError(f"the sample shift comes to {levels}")
    yield "sample shift as expected"

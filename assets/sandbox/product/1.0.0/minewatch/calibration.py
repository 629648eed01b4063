"""How far each site's sensors are off, as the site itself has measured it."""

import json
import os


def path():
    chosen = os.environ.get("MINEWATCH_CALIBRATION")
    return chosen or os.path.join(os.path.expanduser("~"), ".minewatch", "calibration.json")


def load():
    """Gives the factor of every gas that the site has calibrated; none when the site never did.

    A factor of nought or less would hide a gas altogether: that is an error.
    """
    try:
        with open(path(), encoding="utf-8") as source:
            factors = json.load(source)
    except FileNotFoundError:
        return {}
    for gas, factor in factors.items():
        if not isinstance(factor, (int, float)) or factor <= 0:
            raise ValueError(f"{path()}: the factor of {gas} is {factor!r}: the sensor would see nothing")
    return factors

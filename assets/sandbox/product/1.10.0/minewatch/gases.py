"""The gases that are measured, and their limits in the mine's country."""

import configparser
import os

from minewatch import resources


class Gas:
    """One gas with the concentrations, in ppm, at which people are warned and at which they leave."""

    def __init__(self, name, molar_mass, warn, leave, kind):
        self.name = name
        self.molar_mass = molar_mass
        self.warn = warn
        self.leave = leave
        # "most": more is worse; "least": less is worse, as with oxygen.
        self.kind = kind

    def exceeds(self, ppm, limit):
        return ppm >= limit if self.kind == "most" else ppm <= limit


def country():
    return os.environ.get("MINEWATCH_COUNTRY", "de")


def load_gases():
    limits = configparser.ConfigParser()
    limits.read_string(resources.read_text(f"limits/{country()}.ini"))
    gases = {}
    for entry in resources.read_json("gases.json")["gases"]:
        name = entry["name"]
        of = limits[name]
        gases[name] = Gas(name, entry["molar_mass"], of.getfloat("warn"), of.getfloat("leave"), entry["kind"])
    return gases

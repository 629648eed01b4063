"""The gases that are measured, and their limits."""

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


def load_gases():
    gases = {}
    for entry in resources.read_json("gases.json")["gases"]:
        gases[entry["name"]] = Gas(
            entry["name"], entry["molar_mass"], entry["warn_ppm"], entry["leave_ppm"], entry["kind"]
        )
    return gases

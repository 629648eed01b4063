"""The density of the air, looked up in the tables that the build made."""

import bisect

from minewatch import resources

PRESSURES = list(range(900, 1301, 20))


def density(pressure, celsius, humidity):
    """Gives kilograms per cubic metre at the nearest tabled pressure (hPa), temperature and humidity (percent)."""
    at = bisect.bisect_left(PRESSURES, pressure)
    near = min(PRESSURES[max(at - 1, 0) : at + 1], key=lambda tabled: abs(tabled - pressure))
    table = resources.read_csv(f"tables/density-{near}.csv")
    humidities = [float(column) for column in table[0][1:]]
    column = min(range(len(humidities)), key=lambda index: abs(humidities[index] - humidity))
    row = min(table[1:], key=lambda line: abs(float(line[0]) - celsius))
    return float(row[column + 1])


def milligrams(gas, ppm, pressure=1013, celsius=20):
    """Turns ppm of a gas into milligrams per cubic metre of this air."""
    return ppm * 1e-6 * density(pressure, celsius, 0) * 1e6 * gas.molar_mass / 28.96

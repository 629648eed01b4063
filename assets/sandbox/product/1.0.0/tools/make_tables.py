"""Writes the tables of air density: one file for each pressure, a line a temperature."""

import math
import os

FOLDER = os.path.join("minewatch", "data", "tables")
# Hectopascals, from a mountain's mine to two kilometres under the sea.
PRESSURES = range(900, 1301, 20)
# Degrees Celsius.
TEMPERATURES = range(-10, 51)
# Relative humidity in percent.
HUMIDITIES = range(0, 101, 5)


def density(pressure, temperature, humidity):
    """Gives the density of moist air in kilograms per cubic metre.

    Saturation pressure by Magnus' formula; gas constants of dry air and of water vapour.
    """
    saturation = 6.1094 * math.exp(17.625 * temperature / (temperature + 243.04))
    vapour = humidity / 100 * saturation
    kelvin = temperature + 273.15
    return 100 * ((pressure - vapour) / (287.058 * kelvin) + vapour / (461.495 * kelvin))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for pressure in PRESSURES:
        with open(os.path.join(FOLDER, f"density-{pressure}.csv"), "w", encoding="ascii") as table:
            table.write("celsius," + ",".join(str(humidity) for humidity in HUMIDITIES) + "\n")
            for temperature in TEMPERATURES:
                row = (f"{density(pressure, temperature, humidity):.5f}" for humidity in HUMIDITIES)
                table.write(f"{temperature}," + ",".join(row) + "\n")


if __name__ == "__main__":
    main()

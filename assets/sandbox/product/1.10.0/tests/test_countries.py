import os
import unittest
from unittest import mock

from minewatch import gases


class Countries(unittest.TestCase):
    def test_every_country_has_limits_for_every_gas(self):
        for country in ("de", "pl", "us"):
            with mock.patch.dict(os.environ, MINEWATCH_COUNTRY=country):
                for gas in gases.load_gases().values():
                    self.assertNotEqual(gas.warn, gas.leave, (country, gas.name))


if __name__ == "__main__":
    unittest.main()

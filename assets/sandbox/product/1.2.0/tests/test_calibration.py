import unittest

from minewatch import calibration, readings


class Calibration(unittest.TestCase):
    def test_a_gas_that_was_never_calibrated_is_taken_as_it_is(self):
        lines = ["06:00,a,methane,100", "06:00,a,oxygen,200000"]
        got = calibration.apply(readings.parse(lines), {"methane": 1.5})
        self.assertEqual([reading.ppm for reading in got], [150, 200000])


if __name__ == "__main__":
    unittest.main()

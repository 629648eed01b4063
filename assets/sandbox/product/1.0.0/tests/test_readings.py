import unittest

from minewatch import readings


class Readings(unittest.TestCase):
    def test_comments_and_headings_are_skipped(self):
        lines = ["time,heading,gas,ppm", "# quiet", "", "06:00,north-1,methane,12"]
        self.assertEqual(list(readings.parse(lines)), [("06:00", "north-1", "methane", 12.0)])

    def test_a_bad_line_is_named(self):
        with self.assertRaisesRegex(ValueError, "line 2: 3 fields"):
            list(readings.parse(["06:00,a,methane,1", "06:00,a,methane"]))
        with self.assertRaisesRegex(ValueError, "line 1: 'much' is no concentration"):
            list(readings.parse(["06:00,a,methane,much"]))


if __name__ == "__main__":
    unittest.main()

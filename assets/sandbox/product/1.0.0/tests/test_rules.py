import os
import unittest

from minewatch import readings, rules
from minewatch.gases import load_gases

DATA = os.path.join(os.path.dirname(__file__), "data")


def judge(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as lines:
        return rules.judge(readings.parse(lines), load_gases())


class Rules(unittest.TestCase):
    def test_a_quiet_shift_is_safe(self):
        self.assertEqual({verdict.level for verdict in judge("quiet.csv").values()}, {rules.SAFE})

    def test_a_fire_empties_its_heading_and_no_other(self):
        verdicts = judge("fire.csv")
        self.assertEqual(verdicts["south-3"].level, rules.LEAVE)
        self.assertIn("14:10", verdicts["south-3"].reason)
        self.assertEqual(verdicts["north-1"].level, rules.SAFE)

    def test_little_oxygen_is_worse_than_much(self):
        lines = ["06:00,a,oxygen,178000", "06:00,b,oxygen,209000"]
        verdicts = rules.judge(readings.parse(lines), load_gases())
        self.assertEqual([verdicts["a"].level, verdicts["b"].level], [rules.LEAVE, rules.SAFE])


if __name__ == "__main__":
    unittest.main()

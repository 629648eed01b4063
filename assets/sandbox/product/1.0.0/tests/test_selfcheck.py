import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

from minewatch import selfcheck


def run_with(calibration):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "calibration.json")
        if calibration is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(calibration)
        output = io.StringIO()
        with mock.patch.dict(os.environ, MINEWATCH_CALIBRATION=path), contextlib.redirect_stdout(output):
            return selfcheck.run(), output.getvalue()


class SelfCheck(unittest.TestCase):
    def test_this_installation_is_healthy(self):
        self.assertEqual(run_with(None)[0], 0)
        self.assertEqual(run_with('{"methane": 1.02}')[0], 0)

    def test_a_blind_sensor_is_unhealthy(self):
        code, output = run_with('{"methane": 0}')
        self.assertEqual(code, 1)
        self.assertIn("would see nothing", output)


if __name__ == "__main__":
    unittest.main()

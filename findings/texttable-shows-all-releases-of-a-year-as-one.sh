#!/bin/sh
# GUESS     A cell that is given to texttable as a string is shown as it is, as in other tables for a terminal. That its columns have a
#           type, by default the automatic one, is for how numbers are written.
# HAPPENS   A string that could be a number is made one, and shown with three places: the releases 20261130080000 and 20260107101500 are
#           both 2.026e+13, and nobody sees which host is behind. Version 1.10 is 1.100, as is 1.1, and 26.04 is 26.040. Build 007 is
#           7 and 1_000 is 1000. Commit 4123e57 is 4.123e+60 and 41e2300 is inf. Each cell is judged by itself, so that 4.20.1 stands
#           below 1.100, a commit among numbers. prettytable shows what it was given; texttable does with set_cols_dtype and "t".
# VERSIONS  texttable 1.7.2, prettytable 3.18.0 (PyPI, 2026)
# SOURCE    texttable.py: _fmt_auto, _fmt_float, and the docstring of set_cols_dtype: "try to use the most appropriate datatype"
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib texttable==1.7.2 \
    prettytable==3.18.0 || { echo "not to be installed here" >&2; exit 77; }
echo "texttable 1.7.2, prettytable 3.18.0"
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from prettytable import PrettyTable
from texttable import Texttable

head = ["host", "release", "version", "commit", "build"]
fleet = [
    ["web01", "20261130080000", "1.10", "4123e57", "007"],
    ["web02", "20260107101500", "1.1", "41e2300", "0x12"],
    ["web03", "20261130080000", "26.04", "9999e99", "12345678"],
    ["nan", "20261129235959", "4.20.1", "4f1a2b3", "1_000"],
]
table = Texttable()
table.add_rows([head, *fleet])
print(table.draw())
table = Texttable()
table.set_cols_dtype(["t"] * len(head))
table.add_rows([head, *fleet])
print(table.draw())
table = PrettyTable(head)
table.add_rows(fleet)
print(table)
PYTHON
cat seen
diff - seen <<'TOLD'
+-------+-----------+---------+------------+----------+
| host  |  release  | version |   commit   |  build   |
+=======+===========+=========+============+==========+
| web01 | 2.026e+13 | 1.100   | 4.123e+60  | 7        |
+-------+-----------+---------+------------+----------+
| web02 | 2.026e+13 | 1.100   | inf        | 0x12     |
+-------+-----------+---------+------------+----------+
| web03 | 2.026e+13 | 26.040  | 9.999e+102 | 12345678 |
+-------+-----------+---------+------------+----------+
| nan   | 2.026e+13 | 4.20.1  | 4f1a2b3    | 1000     |
+-------+-----------+---------+------------+----------+
+-------+----------------+---------+---------+----------+
| host  |    release     | version | commit  |  build   |
+=======+================+=========+=========+==========+
| web01 | 20261130080000 | 1.10    | 4123e57 | 007      |
+-------+----------------+---------+---------+----------+
| web02 | 20260107101500 | 1.1     | 41e2300 | 0x12     |
+-------+----------------+---------+---------+----------+
| web03 | 20261130080000 | 26.04   | 9999e99 | 12345678 |
+-------+----------------+---------+---------+----------+
| nan   | 20261129235959 | 4.20.1  | 4f1a2b3 | 1_000    |
+-------+----------------+---------+---------+----------+
+-------+----------------+---------+---------+----------+
|  host |    release     | version |  commit |  build   |
+-------+----------------+---------+---------+----------+
| web01 | 20261130080000 |   1.10  | 4123e57 |   007    |
| web02 | 20260107101500 |   1.1   | 41e2300 |   0x12   |
| web03 | 20261130080000 |  26.04  | 9999e99 | 12345678 |
|  nan  | 20261129235959 |  4.20.1 | 4f1a2b3 |  1_000   |
+-------+----------------+---------+---------+----------+
TOLD

#!/bin/sh
# GUESS     tomlkit keeps a file as it was and changes what was changed: one source more, and all else stands where it stood.
#           What is read back is what was in memory.
# HAPPENS   Where the neighbour is written with dots (sources.base.path = …, in [tool.uv]), the new one becomes a header of its
#           own in the middle: [sources.extra], without tool.uv before it, and with all that follows under it. Neither the
#           source nor `package = false` on the next line is [tool.uv]'s any more. The file is valid TOML, the document
#           in memory is right to the end, and nobody says a word. Given as tomlkit.inline_table() it is right.
# VERSIONS  tomlkit 0.15.2, tomli 2.5.0 (PyPI)
# SOURCE    tomlkit issues 513, 542 and 543, its kin, all mended in 2026; found by adding to each table of the TOML test suite
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/lib" \
    tomlkit==0.15.2 tomli==2.5.0 || { echo "not to be installed here" >&2; exit 77; }

PYTHONPATH=$work/lib python3 - <<'PYTHON'
import sys
from importlib.metadata import version

import tomli
import tomlkit

TEXT = """\
[project]
name = "tool"
version = "4.283.0"

[tool.uv]
sources.base.path = "../base"
package = false
"""
print("tomlkit", version("tomlkit"))


def add(source):
    document = tomlkit.parse(TEXT)
    document["tool"]["uv"]["sources"]["extra"] = source
    text = tomlkit.dumps(document)
    return text, document.unwrap(), tomli.loads(text)


inline = tomlkit.inline_table()
inline["path"] = "../extra"
text, memory, file = add({"path": "../extra"})
_, memory_inline, file_inline = add(inline)
print(text)
print("[tool.uv] in memory:", memory["tool"]["uv"])
print("[tool.uv] in the file:", file["tool"]["uv"], "and beside it:", file.get("sources"))
base, extra = {"path": "../base"}, {"path": "../extra"}
wanted = {"sources": {"base": base, "extra": extra}, "package": False}
told = (
    memory["tool"]["uv"] == wanted
    and file["tool"]["uv"] == {"sources": {"base": base}}
    and file["sources"] == {"extra": {"path": "../extra", "package": False}}
    and memory_inline["tool"]["uv"] == file_inline["tool"]["uv"] == wanted
)
sys.exit(0 if told else 1)
PYTHON

"""Builds the wheel of minewatch with the standard library alone (PEP 517, PEP 427).

The same tree gives the same wheel, byte for byte: names are sorted and times are fixed.
"""

import base64
import fnmatch
import hashlib
import os
import re
import zipfile

PACKAGE = "minewatch"
SUMMARY = "Watches the air of a coal mine"
# What of the package's folder goes into the wheel, beside its modules.
DATA = ["data/*.json", "data/*.csv", "data/tables/*.csv"]
# The oldest time that a zip archive can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def version():
    with open(os.path.join(PACKAGE, "__init__.py"), encoding="utf-8") as source:
        found = re.search(r'^__version__ = "([^"]+)"$', source.read(), re.MULTILINE)
    # PEP 440 spells 1.2.0-rc1 without the dash.
    return found.group(1).replace("-", "")


def contents():
    """Yields the path of every file that the wheel holds."""
    for folder, folders, names in os.walk(PACKAGE):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, PACKAGE)
            if name.endswith(".py") or any(fnmatch.fnmatchcase(inside, pattern) for pattern in DATA):
                yield path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = f"{PACKAGE}-{version()}.dist-info"
    files = []
    for path in contents():
        with open(path, "rb") as source:
            files.append((path.replace(os.sep, "/"), source.read()))
    files.append((f"{info}/METADATA", metadata().encode()))
    files.append((f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: minewatch\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
    files.append((f"{info}/entry_points.txt", b"[console_scripts]\nminewatch = minewatch.cli:main\n"))
    record = [f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files]
    record.append(f"{info}/RECORD,,\n")
    files.append((f"{info}/RECORD", "".join(record).encode()))

    wheel = f"{PACKAGE}-{version()}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return wheel


def metadata():
    return f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version()}\nSummary: {SUMMARY}\nRequires-Python: >=3.8\n"


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

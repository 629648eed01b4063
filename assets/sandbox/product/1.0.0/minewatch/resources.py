"""Reads the data that the package carries."""

import csv
import io
import json
import pkgutil


def read_text(name):
    content = pkgutil.get_data("minewatch", f"data/{name}")
    if content is None:
        raise OSError(f"the package carries no {name}")
    return content.decode("utf-8")


def read_json(name):
    return json.loads(read_text(name))


def read_csv(name):
    return list(csv.reader(io.StringIO(read_text(name))))

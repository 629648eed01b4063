#!/bin/sh
# Lies over the interpreter on a host with the fault wrong-python.
echo "python3: this host has another Python (sandbox fault wrong-python)" >&2
exit 127

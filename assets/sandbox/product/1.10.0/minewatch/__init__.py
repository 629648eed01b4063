"""Watches the air of a coal mine."""

__version__ = "1.10.0"

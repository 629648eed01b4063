"""Watches the air of a coal mine."""

__version__ = "1.2.0-rc1"

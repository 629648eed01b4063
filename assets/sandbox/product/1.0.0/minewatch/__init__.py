"""Watches the air of a coal mine."""

__version__ = "1.0.0"

"""Pybot: an assistant that writes Python and runs it in a live Jupyter kernel."""

__version__ = "0.1.0"

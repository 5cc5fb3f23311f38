"""Tests of the adapters to Jupyter kernels."""

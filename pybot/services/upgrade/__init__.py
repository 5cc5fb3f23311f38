"""Upgrades data of earlier versions, once, at the start."""

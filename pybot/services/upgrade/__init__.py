"""Data of earlier versions, brought over once at the start."""

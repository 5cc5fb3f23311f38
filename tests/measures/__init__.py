"""What a whole run of the tests must reach; `tests/fixtures/measures.py` checks it at its end."""

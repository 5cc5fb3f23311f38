"""What a whole run of the tests must reach; `tests/fixtures/measures.py` judges it at its end."""

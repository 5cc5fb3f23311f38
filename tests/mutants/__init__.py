"""Mutation tests: small changes of the code, one at a time, each of which its tests must notice."""

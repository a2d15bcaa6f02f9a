"""Frozen values: the vocabulary all other parts share. No behaviour that needs a clock, a bus or I/O."""

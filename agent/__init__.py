"""Nest Agent: the program on a drone nest's computer."""

__version__ = "0.1.0"

"""A flight from its assignment to a closed lid. The whole of it is one table: ``table.py``."""

"""Errors, clock, geometry, terrain, bus: no domain and no I/O libraries."""

"""The dock and its weather station."""

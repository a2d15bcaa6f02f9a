"""Detector models (data to the agent) and the code that trains and measures them."""

"""Trains, exports and evaluates the detectors. Never imported by the agent."""

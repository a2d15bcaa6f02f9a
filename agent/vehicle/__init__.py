"""The drone: one interface, a driver per autopilot."""

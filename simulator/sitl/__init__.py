"""Starts real ArduPilot and PX4 simulations (SITL) in the simulator's world, in the place of the built-in vehicle."""

"""Asks a vehicle for every behaviour that the agent relies on. Speaks MAVLink by itself: nothing of the agent's is in it."""

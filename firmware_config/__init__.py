"""Parameter sets of the autopilots: data files, one folder per autopilot, and their schema. No behaviour."""

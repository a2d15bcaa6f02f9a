"""Parameter sets an autopilot must have before a nest flies it."""

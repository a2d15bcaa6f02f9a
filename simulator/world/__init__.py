"""The simulated landscape: ground, cover, fire and flood, as pure functions of a seed and of time."""

"""The built-in vehicle: a multicopter with an autopilot that a ground station takes for ArduCopter 4.6."""

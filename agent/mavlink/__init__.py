"""MAVLink to the drone: link, exchanges, transfers, typed telemetry. The only package that knows pymavlink."""

"""From a route on a map to a mission: read, check, compile, and how much energy it takes."""

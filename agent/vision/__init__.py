"""From pixels to sightings. Runs in a child process; the agent only meets its supervisor."""

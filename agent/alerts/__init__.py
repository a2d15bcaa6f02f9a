"""From sightings to incidents to alert messages in the outbox. Knows nothing of MQTT or the video."""

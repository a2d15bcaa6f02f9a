"""The hub: drains the outbox to the MQTT broker. Knows delivery, not what an alert means."""

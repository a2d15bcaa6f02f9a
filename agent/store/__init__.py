"""What must survive: database, outbox, flight journal, pictures. Knows disks, not networks."""

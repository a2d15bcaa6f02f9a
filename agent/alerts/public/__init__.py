"""What the public may know of flights and incidents. Only ``notice`` decides it."""

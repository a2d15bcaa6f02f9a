"""What the nest shall fly next, and why."""

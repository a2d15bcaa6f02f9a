"""A simulator of the whole nest. Every part speaks the real wire protocol."""

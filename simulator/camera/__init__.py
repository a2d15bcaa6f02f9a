"""The simulated camera: from a pose to a picture, and from pictures to a stream."""

"""A bad radio link between a ground station and a vehicle."""

"""The shared data hub in simulation: a broker to start and break, and a dispatcher's desk that records what it gets."""

"""Starts a whole nest as the processes that it really is."""

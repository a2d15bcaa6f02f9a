"""What is done in each state. Each function runs until something ends the state and returns that event."""

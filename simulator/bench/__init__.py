"""What ``nest-sim bench`` measures, each in a module."""

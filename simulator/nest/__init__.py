"""The nest's box in simulation: mechanics, the PLC that drives them over Modbus TCP, and a weather station."""

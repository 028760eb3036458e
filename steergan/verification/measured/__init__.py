"""What is run and compared: integers bit for bit, floats against their rounding, angles between the grid's."""

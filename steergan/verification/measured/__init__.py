"""What is run and compared, a network on x and on g x: integers bit for bit, floats against their own rounding, angles.

`forward` runs copies side by side; `integers` is level 3, `numeric` level 4. Level 6, between the angles of the grid:
`bumps` are inputs that turn in closed form, `off_grid` measures on them, `spectrum` and `angle_picture` show it by
harmonics and as a picture, `fibre_errors` looks at channels alone, `off_grid_records` puts it all in rows.
"""

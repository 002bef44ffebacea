"""The diagnoser on trial: known faults, and whether the diagnosis names them."""

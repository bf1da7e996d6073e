"""What each command of `zeven` finds out or does, as plain data, and how that data looks on a terminal."""

"""Other libraries, called as their users would."""

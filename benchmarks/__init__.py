"""Side-by-side timings against the libraries a user would otherwise call."""

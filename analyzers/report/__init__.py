"""Results to one self-contained file."""

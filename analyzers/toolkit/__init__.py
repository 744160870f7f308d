"""Pure pieces that analyzers share. Nothing here reads a file or knows a model's library."""

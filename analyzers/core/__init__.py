"""The vocabulary of the engine. It imports nothing of ours."""

"""Untrusted bytes to a model or a table. Imported by the sandboxed worker only."""

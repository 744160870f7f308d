"""Running work: files in, a sandboxed worker, only data out."""

"""Parts of pages. Each is a function that draws itself and returns what the user chose."""

"""Word lists that come with Assay; see NOTICE.md for where they are from."""

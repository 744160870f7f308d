"""One thin file per page, run by the navigation in `dashboard.app`."""

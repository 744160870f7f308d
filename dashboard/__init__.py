"""The dashboard: the only package that imports streamlit.

__main__        starts the server and warms the workers' parent
server          the web application: pages, the report's own address, security headers
app             page configuration and navigation, built from the catalog
session         what one browser tab is looking at, and its address
engine          the store, the runner and the answers of a workspace
analysis_page   the standard page of an analyzer
components      parts of pages
views           one thin file per page
"""

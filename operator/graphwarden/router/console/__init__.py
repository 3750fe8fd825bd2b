"""The console: a page that shows the fleet and its runs, served by the router itself."""

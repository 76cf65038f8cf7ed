"""Using the champions: the HTTP server with its page, and batch prediction over files."""

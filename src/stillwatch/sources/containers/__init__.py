"""Where records lie: files, object storage, a database; lines, JSON documents, CSV; memory is bounded throughout."""

"""One use case per file; records in, records out. Knows neither FastAPI nor JSON."""

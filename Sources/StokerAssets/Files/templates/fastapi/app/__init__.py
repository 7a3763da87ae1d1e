"""{{name}}: an API with FastAPI."""

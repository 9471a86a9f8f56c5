"""The API over HTTP: bare ASGI, one file an API, every answer in the ledger before it is sent."""

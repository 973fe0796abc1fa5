"""What goes over the wire, in one place for the service, its OpenAPI page and the clients."""

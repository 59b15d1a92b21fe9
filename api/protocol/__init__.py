"""What HTTP and OpenAPI promise for every route: the document, repeated requests, entity tags."""

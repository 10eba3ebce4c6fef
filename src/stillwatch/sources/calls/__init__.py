"""What a call to a model looks like in logs: bodies, streams, spans, whatever format holds them."""

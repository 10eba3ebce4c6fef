"""Where the gateway keeps its state: a file beside it, or a server that several gateways share."""

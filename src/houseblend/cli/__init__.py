"""One module per program: options, one library call, one closing log line."""

"""From a function to its derivative as index algebra."""

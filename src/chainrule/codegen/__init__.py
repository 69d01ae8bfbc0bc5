"""Graph to loop nests to machine code: the native lowering."""

"""From index algebra to matrices: products, transposes, Kronecker products, common factors."""

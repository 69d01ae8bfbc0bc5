"""How a matrix product is divided into tiles and written with vector registers."""

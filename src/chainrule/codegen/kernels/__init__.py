"""The functions of kernels: their loops, what they ask for ahead, how long they take."""

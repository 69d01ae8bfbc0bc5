"""What a program is: scalar types, labels, two open tables, a closed set of primitives, graphs."""

"""What a program is: scalar types, index labels, two open tables, a closed set of primitives, graphs."""

"""compare: four ways to one derivative, side by side."""

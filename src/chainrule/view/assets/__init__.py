"""The page's own files: a template, a style sheet and a script, inlined into each report."""

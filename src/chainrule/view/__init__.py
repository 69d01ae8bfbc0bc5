"""Pictures of a run for the browser: plain data in, one offline HTML file out."""

from chainrule.view.report import Report, render

__all__ = ["Report", "render"]

"""Pictures of a run for the browser: plain data in, one offline HTML file out."""

from chainrule.view.formulas import Formula
from chainrule.view.mistakes import Mistake
from chainrule.view.projection import Projection, render_projection
from chainrule.view.report import Report, render

__all__ = ["Formula", "Mistake", "Projection", "Report", "render", "render_projection"]

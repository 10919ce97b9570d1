"""How the documentation is built."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "wiretropy"
author = "the wiretropy authors"
copyright = "the wiretropy authors, Apache-2.0"  # noqa: A001 - the name that Sphinx reads
release = installed_version("wiretropy")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "source_tables"]
exclude_patterns = ["_build", "figures/*.md"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "literal"
smartquotes = False  # would turn --json into a dash
nitpicky = False

html_theme = "furo"
html_title = f"wiretropy {release}"
html_show_sphinx = False

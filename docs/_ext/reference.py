"""Directives for what `tables.py` makes: fields, reasons, metrics, environment, command.

They are made while the site is built, so there is no generated file that could be out of date, and
nothing to check but that the site builds.

    ```{fields} package.module:Model
    ```
"""  # noqa: INP001 - Sphinx finds extensions by path

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tables
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Fields(SphinxDirective):
    """The fields of a model; a second argument names a base whose fields are left out."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        model, *base = (tables.found(path) for path in self.arguments)
        return self.parse_text_to_nodes(tables.fields(model, beside=base[0] if base else None))


class Reasons(SphinxDirective):
    """The reasons in a source's table of errors."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        return self.parse_text_to_nodes(tables.reasons(tables.found(self.arguments[0])))


class Metrics(SphinxDirective):
    """What `/metrics` has; the arguments are counters of sources."""

    optional_arguments = 20

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        return self.parse_text_to_nodes(tables.metrics(self.arguments))


class Environment(SphinxDirective):
    """The environment variables."""

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        return self.parse_text_to_nodes(tables.variables())


class Command(SphinxDirective):
    """What a command says to `--help`."""

    optional_arguments = 5

    def run(self) -> list[nodes.Node]:
        """Return a literal block."""
        text = tables.help_text(*self.arguments)
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx."""
    app.add_directive("fields", Fields)
    app.add_directive("reasons", Reasons)
    app.add_directive("metrics", Metrics)
    app.add_directive("environment", Environment)
    app.add_directive("command", Command)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

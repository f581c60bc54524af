"""`eventing-alibaba completion`: a script for the shell.

The script is static: made once from the parsers of all commands, it completes without starting
Python, and has to be made anew after an update. Besides commands and flags it knows the kinds that
are installed and their fields, for `explain`.
"""

from __future__ import annotations

import argparse
from typing import Final

from eventing_alibaba.cli.main import COMMANDS, parser

SHELLS: Final = ("bash", "zsh", "fish")

_EXAMPLES: Final = """\
examples:
  eventing-alibaba completion bash > ~/.local/share/bash-completion/completions/eventing-alibaba
  eventing-alibaba completion zsh > ~/.zfunc/_eventing-alibaba
      where `fpath` has ~/.zfunc before `compinit` is called
  eventing-alibaba completion fish > ~/.config/fish/completions/eventing-alibaba.fish

A new shell has it. Print it anew after an update.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")


def execute(given: argparse.Namespace) -> int:
    """Print the script."""
    print(script(given.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for one of `SHELLS`."""
    import shtab  # noqa: PLC0415 - only this needs it

    whole = parser(COMMANDS)
    _annotate(whole)
    return str(shtab.complete(whole, shell=shell))


def _annotate(whole: argparse.ArgumentParser) -> None:
    """Say which words are files and directories, by what `--help` calls them.

    An argument with an attribute `completes` is completed by the words that it returns.
    """
    import shtab  # noqa: PLC0415

    kinds = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _annotate(command)
        elif words := getattr(action, "completes", None):
            action.choices = words()
        elif isinstance(action.metavar, str) and action.metavar in kinds:
            action.complete = kinds[action.metavar]  # type: ignore[attr-defined]

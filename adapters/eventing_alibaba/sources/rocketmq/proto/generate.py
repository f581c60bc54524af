"""Makes messaging_pb2.py and .pyi of messaging.proto; with --check, says if they differ.

Generated code runs on protobuf of the major version that made it and of the next one. The pin of
grpcio-tools in pyproject.toml is therefore one major version behind the newest: so a user's other
packages may hold protobuf at either.

Exit codes: 0 written, or as it should be; 1 --check found a difference; 2 protoc refused the file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).parent
ROOT = HERE.parents[3]  # what `import eventing_alibaba` is found in
PROTO = HERE / "messaging.proto"
GENERATED = ("messaging_pb2.py", "messaging_pb2.pyi")
# The stub says Mapping of nothing in particular where a dictionary may stand for a message.
STUB_MARK = "# mypy: disable-error-code=type-arg\n"


class Refused(Exception):
    """Protoc did not take the file; it has said why itself."""


def generated() -> dict[str, str]:
    """What the files should hold, by name. Raises Refused."""
    well_known = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        code = protoc.main(
            [
                "protoc",
                f"-I{ROOT}",
                f"-I{well_known}",
                f"--python_out={folder}",
                f"--pyi_out={folder}",
                str(PROTO),
            ]
        )
        if code:
            raise Refused
        made = Path(folder) / HERE.relative_to(ROOT)
        python, stub = ((made / name).read_text() for name in GENERATED)
    return {GENERATED[0]: python, GENERATED[1]: STUB_MARK + stub}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file differs")
    check = parser.parse_args(arguments).check
    try:
        files = generated()
    except Refused:
        return 2
    stale = [
        name
        for name, text in files.items()
        if not (HERE / name).exists() or (HERE / name).read_text() != text
    ]
    if check:
        for name in stale:
            sys.stderr.write(
                f"{name} is not what {PROTO.name} says: run python -m "
                "eventing_alibaba.sources.rocketmq.proto.generate\n"
            )
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(files[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`eventing-alibaba completion`: scripts that shells take, with all commands, flags and fields."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from eventing_alibaba.cli.completion import SHELLS
from eventing_alibaba.cli.main import COMMANDS, main


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    """The script of each shell."""
    from eventing_alibaba.cli.completion import script

    return {shell: script(shell) for shell in SHELLS}


def completed(script: Path, *words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    line = " ".join(words)
    code = (
        f"source {script}\n"
        f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
        f"COMP_LINE={line!r}; COMP_POINT={len(line)}\n"
        "spec=$(complete -p eventing-alibaba); spec=${spec#*-F }; ${spec%% *}\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def bash(scripts: dict[str, str], tmp_path: Path) -> Path:
    """The script of bash, as a file."""
    path = tmp_path / "completion.bash"
    path.write_text(scripts["bash"])
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script(scripts: dict[str, str], shell: str) -> None:
    """With flags of each, kinds and fields."""
    text = scripts[shell]
    for word in (*COMMANDS, "metrics-port", "dry-run", "rebalance-delay", "from-file"):
        assert word in text
    assert "AliKafkaSource.net.sasl.password" in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_reads_its_script(scripts: dict[str, str], shell: str) -> None:
    """Without a complaint; where the shell is installed."""
    program = which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [program, "-n"],
        input=scripts[shell],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stderr == ""


def test_bash_completes_commands_flags_and_fields(bash: Path) -> None:
    """As they are typed."""
    assert completed(bash, "eventing-alibaba", "se") == ["send", "seek"]
    assert completed(bash, "eventing-alibaba", "seek", "--dr") == ["--dry-run"]
    assert completed(bash, "eventing-alibaba", "completion", "fi") == ["fish"]
    assert completed(bash, "eventing-alibaba", "emulate", "ka") == ["kafka"]
    field = "AliKafkaSource.delivery.retryA"
    assert completed(bash, "eventing-alibaba", "explain", field) == [f"{field}fterMax"]


def test_bash_completes_files(bash: Path, tmp_path: Path) -> None:
    """Where a flag takes one."""
    (tmp_path / "source.yaml").touch()
    assert completed(bash, "eventing-alibaba", "run", "-f", f"{tmp_path}/sou") == [
        f"{tmp_path}/source.yaml"
    ]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], scripts: dict[str, str]) -> None:
    """Nothing else."""
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().out == scripts["bash"] + "\n"


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """With those there are."""
    with pytest.raises(SystemExit) as caught:
        main(["completion", "tcsh"])
    assert caught.value.code == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err

"""Whether a node knows what it has signed, as files: what is written there survives, and an answer serves one start."""

from pathlib import Path

import pytest

from node.sign_state import ABSTAINS, MAY_SIGN, SignState


def test_an_empty_folder_says_nothing(tmp_path: Path) -> None:
    state = SignState(tmp_path)
    assert not state.may_sign
    assert not state.abstains("nanjing")
    assert list(tmp_path.iterdir()) == []


def test_what_is_forgotten_is_forgotten_in_the_next_process_too(tmp_path: Path) -> None:
    SignState(tmp_path).forgot("nanjing", "wuhan")
    state = SignState(tmp_path)
    assert [state.abstains(chain) for chain in ("nanjing", "wuhan", "chengdu")] == [True, True, False]
    state.knows("wuhan")
    later = SignState(tmp_path)
    assert [later.abstains(chain) for chain in ("nanjing", "wuhan")] == [True, False]
    assert (tmp_path / ABSTAINS).read_text("ascii") == "nanjing\n"


def test_the_same_process_sees_what_it_wrote(tmp_path: Path) -> None:
    state = SignState(tmp_path)
    state.forgot("nanjing")
    assert state.abstains("nanjing")
    state.knows("nanjing")
    assert not state.abstains("nanjing")


def test_what_is_known_already_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = SignState(tmp_path)
    state.forgot("nanjing")
    monkeypatch.setattr("os.fsync", lambda _: pytest.fail("nothing has changed"))
    state.forgot("nanjing")
    state.knows("wuhan")


def test_an_answer_for_a_start_is_used_up(tmp_path: Path) -> None:
    (tmp_path / MAY_SIGN).touch()
    state = SignState(tmp_path)
    assert state.may_sign
    state.use_up()
    assert not state.may_sign
    state.use_up()
    assert not SignState(tmp_path).may_sign


def test_a_change_is_synced_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = SignState(tmp_path)
    state.forgot("nanjing")
    done: list[str] = []
    replace = Path.replace
    monkeypatch.setattr("os.fsync", lambda _: done.append("sync"))
    monkeypatch.setattr(Path, "replace", lambda path, target: (done.append("replace"), replace(path, target)))
    state.forgot("wuhan")
    assert done == ["sync", "replace", "sync"], "the file, its name, the folder that holds the name"

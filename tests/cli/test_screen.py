"""An answer on a terminal, begun by one process and perhaps finished by another."""

import pytest

from hybrid.cli.query import _Screen


@pytest.mark.parametrize(
    ("begun", "again", "whole", "printed"),
    [
        ([], [], "20 kg [1]", "20 kg [1]\n"),
        (["20", " kg"], [], "20 kg [1]", "20 kg [1]\n"),
        (["20"], ["2", "0 kg"], "20 kg [1]", "20 kg [1]\n"),
        (["20"], ["30"], "30", "20\n30\n"),
        (["20"], [], "30", "20\n30\n"),
    ],
)
def test_what_stands_there_is_not_printed_again_and_another_answer_gets_its_own_line(
    capsys: pytest.CaptureFixture[str], begun: list[str], again: list[str], whole: str, printed: str
) -> None:
    screen = _Screen()
    for pieces in (begun, again):
        put = screen.begin()
        for piece in pieces:
            put(piece)
    screen.finish(whole)
    assert capsys.readouterr().out == printed


def test_a_piece_is_printed_as_soon_as_it_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    screen = _Screen()
    printed = []
    for pieces in (["20", " k"], ["20 ", "kg"]):
        put = screen.begin()
        for piece in pieces:
            put(piece)
            printed.append(capsys.readouterr().out)
    assert printed == ["20", " k", "", "g"]

"""What `euthymia alerts` tells at the shell."""

from click.testing import CliRunner

from euthymia.app.commands.alerts import alerts
from euthymia.care.alerts.lifecycle import BY_PEOPLE, REASONS


def test_help_lists_every_move_and_the_reasons_it_takes():
    shown = CliRunner().invoke(alerts, ["do", "--help"])
    assert shown.exit_code == 0
    assert set(REASONS) == set(BY_PEOPLE)
    for move, told in REASONS.items():
        _, _, rest = shown.output.partition(f"Reasons to {move}:\n")
        for line, (reason, says) in zip(rest.splitlines(), told.items(), strict=False):
            assert line.split(maxsplit=1) == [reason, says]
        assert rest.splitlines()[len(told)] == ""

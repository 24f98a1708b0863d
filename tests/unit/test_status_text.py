"""nodefix/status/text.py: a verdict in words and as data."""

from __future__ import annotations

import json

import pytest
from boots import FAILED, READY, RUNNING, STARTED, last, seen, service

from nodefix.plan import Done
from nodefix.report import StageReport
from nodefix.status.seen import Seen
from nodefix.status.text import as_data, duration, headline, in_text, journal_command
from nodefix.status.verdict import judge
from nodefix.switch import Switch

AT_ITS_END = last(
    "ready", StageReport("kube-proxy", "wanted", "not run", notes=("restart due: x",))
)
OFF = Switch("/etc/nodefix/disabled", "no time", "ann", STARTED)


@pytest.mark.parametrize(
    ("boot", "line"),
    [
        (READY, "ready since 2026-01-02T03:04:07Z (took 2 s), repaired: swap; kubelet runs"),
        (
            READY._replace(kubelet_runs=False, last=last("ready", finished=STARTED)),
            "ready since 2026-01-02T03:04:05Z (took less than a second); kubelet may start",
        ),
        (
            FAILED,
            "failed at 2026-01-02T03:04:07Z (took 2 s), try 3 since 2026-01-02T03:04:05Z;"
            " kubelet is held",
        ),
        (
            FAILED._replace(kubelet_runs=True, last=last("failed")),
            "failed at 2026-01-02T03:04:07Z (took 2 s); kubelet runs on and its next start is held",
        ),
        (RUNNING, "running: stage modules, for 1 min 2 s; kubelet waits for it"),
        (
            READY._replace(service=service(job=True)),
            "running: about to begin; kubelet runs",
        ),
        (
            READY._replace(service=service("activating", "start"), last=AT_ITS_END),
            "running: stage kube-proxy, for 1 min 2 s; kubelet runs",
        ),
        (
            seen(switch=OFF),
            "switched off by /etc/nodefix/disabled: no time, by ann, 2026-01-02T03:04:05Z;"
            " kubelet may start",
        ),
        (seen(outside="found Debian"), "out of scope: found Debian; kubelet may start"),
        (seen(), "not started; kubelet waits for it"),
        (
            seen(service=service("inactive", "dead", job=True)),
            "not started: nodefix.service is queued; kubelet waits for it",
        ),
        (RUNNING._replace(is_locked=False, service=None), "aborted; kubelet is held"),
        (
            seen(service=None, last=last("failed", finished="")),
            "failed; kubelet's next start is held",
        ),
    ],
)
def test_one_line(boot: Seen, line: str) -> None:
    assert headline(boot, judge(boot)) == line


def text(boot: Seen, root: bool = True, is_long: bool = False) -> str:
    return in_text(boot, judge(boot), root, is_long)


def test_a_node_that_is_held() -> None:
    assert text(FAILED).splitlines()[1:] == [
        "held: kubelet.service, for up to 1 min 2 s, try 4",
        "next try: by itself within 15 s",
        "",
        "stage         outcome    changes      took",
        "swap          changed          0    0.12 s",
        "modules       failed           0    0.00 s",
        "",
        "modules: xt_mark: found missing",
        "  fix: dnf install x",
        "",
        "records: journalctl _SYSTEMD_INVOCATION_ID=ab12 SYSLOG_IDENTIFIER=nodefix"
        " + INVOCATION_ID=ab12",
    ]


def test_nobody_is_held_for_longer_than_the_node_is_up() -> None:
    assert "\nheld: kubelet.service, for up to 50 s, try 4\n" in text(FAILED._replace(uptime=50.0))


def test_a_clock_that_was_set_makes_no_run_last_for_years() -> None:
    set_clock = READY._replace(
        last=last("ready")._replace(started="1970-01-01T00:00:20Z"), uptime=50.0
    )
    assert "(took 50 s)" in text(set_clock)
    began = RUNNING.last._replace(started="1970-01-01T00:00:20Z")
    running = RUNNING._replace(last=began, uptime=50.0)
    assert ", for 50 s" in text(running)


def test_long_has_changes_remarks_and_ids() -> None:
    stage = StageReport(
        "swap", "required", "changed", changes=(Done("/dev/vda2", "on", "off"),), notes=("so",)
    )
    said = text(READY._replace(last=last("ready", stage)), is_long=True)
    assert "\n  /dev/vda2: on -> off\n  so\n" in said
    assert "\nrun: ab12\n" in said
    assert "\nnodefix.service: loaded, active (exited)\n" in said
    assert "on -> off" not in text(READY._replace(last=last("ready", stage)))


def test_an_ordinary_user_is_told_to_use_sudo_and_what_was_not_read() -> None:
    said = text(READY._replace(unread=("systemd could not be asked: x",)), root=False)
    assert "\nnot read: systemd could not be asked: x\n" in said
    assert "\nrecords: sudo journalctl _SYSTEMD" in said


def test_where_it_is_switched_off_the_table_is_of_an_earlier_run() -> None:
    assert "\n\nthe last run of this boot:\nstage " in text(FAILED._replace(switch=OFF))


@pytest.mark.parametrize(
    ("boot", "command"),
    [
        (
            seen(last=last("ready", invocation_id="")),
            "journalctl -b -t nodefix --since '2026-01-02 03:04:05 UTC'",
        ),
        # What stands in a report that somebody has written must not be typed into a shell.
        (
            seen(last=last("ready", invocation_id="a; reboot")),
            "journalctl -b -t nodefix --since '2026-01-02 03:04:05 UTC'",
        ),
        (
            seen(last=last("ready", invocation_id="", started="'; reboot")),
            "journalctl -u nodefix -b",
        ),
        (seen(), "journalctl -u nodefix -b"),
    ],
)
def test_records_of_a_run_without_an_id(boot: Seen, command: str) -> None:
    assert journal_command(boot) == command


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("boot", [READY, FAILED, RUNNING, seen(), seen(switch=OFF)])
def test_data_has_the_same_keys_in_every_state(boot: Seen) -> None:
    data = as_data(boot, judge(boot))
    json.dumps(data)
    assert set(data) == set(as_data(READY, judge(READY)))


def test_data() -> None:
    data = as_data(FAILED, judge(FAILED))
    assert (data["state"], data["exit_status"], data["tries"]) == ("failed", 1, 3)
    assert data["held"] == [
        {"unit": "kubelet.service", "held_seconds": 62.0, "is_exact": False, "tries": 3}
    ]
    assert data["problems"] == [
        {
            "stage": "modules",
            "message": "xt_mark: found missing",
            "hint": "dnf install x",
            "required": True,
            "code": "",
            "meaning": "",
        }
    ]
    assert data["duration_seconds"] == 2.0
    off = as_data(seen(switch=OFF), judge(seen(switch=OFF)))
    assert off["switched_off"] == {
        "where": "/etc/nodefix/disabled",
        "reason": "no time",
        "by": "ann",
        "when": STARTED,
        "odd": "",
    }
    assert off["duration_seconds"] is None

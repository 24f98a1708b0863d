"""The rights of nodefix's units: none without a reason, by systemd's own judgement.

That every stage still does what it has to within them is what the tests of the boots show.
"""

from __future__ import annotations

import proof
import pytest
import testnode
from nodes import Boot, sh, until_the_boot_is_told
from rights import UNITS, Judgement, judge, limits, page, reasons

# Listens to every such signal, whoever sends it; a reader of org.nodefix1's names that as sender.
LISTEN = """\
import sys
from gi.repository import Gio, GLib

bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
loop = GLib.MainLoop()

def heard(connection, sender, path, interface, name, fields):
    said = fields.unpack()[0]["MESSAGE"]
    print(said, flush=True)
    if said == "the end":
        loop.quit()

where = ("org.nodefix1.Agent", "Record", "/org/nodefix1/Agent")
bus.signal_subscribe(sys.argv[1] or None, *where, None, 0, heard)
# The bus has the subscription once it has answered what came after it.
bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId", None, None, 0, -1, None)
print("listening", flush=True)
GLib.timeout_add(60_000, loop.quit)
loop.run()
"""


@pytest.fixture(scope="module")
def judgement(installed: testnode.Root) -> Judgement:
    """What systemd says of the units."""
    return judge(installed.clone())


@pytest.mark.parametrize("unit", UNITS)
def test_each_right_has_its_reason_and_the_score_holds(judgement: Judgement, unit: str) -> None:
    why, found = reasons(), judgement.units[unit]
    assert found.score <= why.scores[unit]
    assert set(limits(unit)) <= set(why.given)
    refused = [one.name for one in why.refused if unit in one.units]
    assert sorted(found.costs) == sorted(refused)


def test_the_page_shows_what_the_units_may_do_now(judgement: Judgement) -> None:
    assert proof.block(proof.SAFETY) == page(judgement), f"fix: {proof.SAFETY}"


def test_no_reason_without_a_limit() -> None:
    why = reasons()
    assert set(why.given) == {key for unit in UNITS for key in limits(unit)}
    assert set(why.scores) == set(UNITS) == {unit for one in why.refused for unit in one.units}


def test_nobody_but_root_has_the_name_or_sends_its_signal(boot: Boot) -> None:
    node = boot()
    until_the_boot_is_told(node)
    node.write("/listen.py", LISTEN)
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    own = "busctl call org.freedesktop.DBus / org.freedesktop.DBus RequestName su org.nodefix1 0"
    emit = "busctl emit /org/nodefix1/Agent org.nodefix1.Agent Record 'a{ss}' 1 MESSAGE"
    listen = "/usr/bin/python3 /listen.py"
    heard = sh(
        node,
        f"""
        {listen} '' >/any & any=$!
        {listen} org.nodefix1 >/named & named=$!
        until grep -q listening /any && grep -q listening /named; do sleep 0.1; done
        {nobody} {own} && echo owned
        {nobody} {emit} forged
        {emit} "root's, without the name"
        (nodefix run & nodefix run & wait) 2>/dev/null
        {emit} 'the end'
        wait $any
        # The other hears no end; it has as many lines, without the two of others.
        for try in $(seq 400); do
            [ $(($(wc -l </named) + 2)) -ge $(wc -l </any) ] && break
            sleep 0.1
        done
        kill $named
        """,
        check=False,
    )
    assert "owned" not in heard
    everything, named = (node.read(path).splitlines()[1:] for path in ("/any", "/named"))
    assert "forged" not in everything
    assert "root's, without the name" in everything
    # All that both runs sent, the second of which waited for the first.
    assert sum("started" in line for line in named) == 2
    assert [line for line in everything if line in named] == named
    assert len(everything) - len(named) == 2

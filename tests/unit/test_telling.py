"""nodefix/telling.py: what was told of a node that is held is not told again."""

from __future__ import annotations

import pytest
from fakehost import Node
from fakestage import INSIDE, PROBLEM, FakeStage, Run, change

from nodefix import events, journal
from nodefix.plan import Plan, Problem


def ids(run: Run) -> list[str]:
    return [record.message_id for record in run.journal.records]


def broken(message: str = "found 5 MiB in use") -> Plan:
    return Plan(problems=(Problem(message, "mend it"),))


def test_the_same_again_is_one_line_with_the_remedy(node: Node) -> None:
    run = Run(node, FakeStage("swap", broken()), FakeStage("chains"))
    run()
    assert len(ids(run)) == 6
    run()
    (record,) = run.journal.records
    since = run.report["since"]
    assert record.message_id == events.RUN_FAILED
    assert record.priority == journal.ERROR
    assert record.message == (
        f"failed as before (try 2 since {since}), kubelet is held: swap: found 5 MiB in use;"
        " fix: mend it"
    )
    run()
    assert "(try 3 since" in run.journal.records[0].message


def test_figures_that_differ_make_no_news(node: Node) -> None:
    run = Run(node, FakeStage("swap", broken("found 5 MiB in use"), broken("found 7 MiB in use")))
    run()
    run()
    assert len(ids(run)) == 1


@pytest.mark.parametrize(
    "news",
    [
        broken("another thing"),
        Plan(problems=(PROBLEM, PROBLEM._replace(message="one more"))),
        Plan(problems=(PROBLEM._replace(required=False),)),
        Plan(),
    ],
)
def test_news_of_one_stage_is_told_and_the_rest_is_not(node: Node, news: Plan) -> None:
    swap = FakeStage("swap", Plan(problems=(PROBLEM,)))
    run = Run(node, swap, FakeStage("chains", broken()))
    run()
    swap.plans = [news]
    run()
    stages = {record.fields.get("NODEFIX_STAGE") for record in run.journal.records}
    assert ids(run)[0] == events.RUN_STARTED
    assert ids(run)[-1] == events.RUN_FAILED
    assert stages == {None, "swap"}


def test_a_change_is_news(node: Node) -> None:
    swap = FakeStage("swap")
    run = Run(node, swap, FakeStage("chains", broken()))
    run()
    swap.plans = [Plan((change("a"),)), Plan()]
    run()
    assert events.STAGE_CHANGED in ids(run)


def test_the_end_of_the_failure_is_told(node: Node) -> None:
    swap = FakeStage("swap", broken())
    run = Run(node, swap, FakeStage("chains"))
    run()
    run()
    swap.plans = [Plan()]
    run()
    assert ids(run) == [events.RUN_STARTED, events.STAGE_UNCHANGED, events.RUN_FINISHED]
    assert (run.report["tries"], run.report["since"]) == (0, "")
    swap.plans = [broken()]
    run()
    assert run.report["tries"] == 1


def test_who_watches_is_told_everything(node: Node) -> None:
    run = Run(node, FakeStage("swap", broken()), FakeStage("chains"))
    run()
    run.journal.prints = True
    run()
    assert len(ids(run)) == 6


def test_a_run_after_one_that_was_aborted_is_told(node: Node) -> None:
    swap = FakeStage("swap", broken())
    run = Run(node, swap)
    run()
    swap.on_read = lambda host: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    swap.on_read = lambda host: None
    run()
    assert len(ids(run)) > 1


def test_a_stage_that_has_not_run_is_named(node: Node) -> None:
    run = Run(node, FakeStage("swap"), FakeStage("chains"))
    run(None, INSIDE, "swap")
    run(None, INSIDE, "swap")
    assert run.said(events.RUN_FAILED)[0].endswith("chains: not run in this boot")


def test_a_degraded_node_is_told_so_on_one_line_too(node: Node) -> None:
    run = Run(node, FakeStage("swap", Plan(problems=(PROBLEM._replace(required=False),))))
    run()
    run()
    (record,) = run.journal.records
    assert (record.message_id, record.priority) == (events.RUN_FINISHED, journal.WARNING)
    assert record.message.startswith("degraded as before (try 2 since ")
    assert "kubelet may start: swap: the thing is broken; fix: " in record.message


def test_a_failure_after_a_degradation_counts_anew(node: Node) -> None:
    stage = FakeStage("swap", Plan(problems=(PROBLEM._replace(required=False),)))
    run = Run(node, stage)
    run()
    run()
    stage.plans = [Plan(problems=(PROBLEM,))]
    run()
    assert run.report["tries"] == 1
    assert len(ids(run)) > 1

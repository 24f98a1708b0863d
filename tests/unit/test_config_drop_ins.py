"""nodefix/config.py: the three folders, and which file of a name counts."""

from __future__ import annotations

import pytest
from fakehost import Node

from nodefix.config import load, load_all
from nodefix.words import SETTINGS_FOLDERS

ETC, RUN, VENDOR = (f"/{folder}/nodefix.yaml" for folder in SETTINGS_FOLDERS)


@pytest.mark.parametrize(
    ("there", "decides"),
    [((ETC, RUN, VENDOR), ETC), ((RUN, VENDOR), RUN), ((VENDOR,), VENDOR)],
)
def test_the_first_main_file_counts(node: Node, there: tuple[str, ...], decides: str) -> None:
    for number, file in enumerate(there):
        node.file(file, f"swap_margin_mib: {number}\n")
    loaded = load_all(node.root)
    assert loaded.config.swap_margin_mib == 0
    assert loaded.files == (node.host.path(decides),)


def test_a_main_file_does_not_take_drop_ins_away(node: Node) -> None:
    node.file(ETC, "swap: keep\n")
    node.file(f"{VENDOR}.d/10-vendor.yaml", "swap: off\nkube_proxy: nftables\n")
    config = load(node.root)
    assert (config.swap, config.kube_proxy) == ("off", "nftables")


def test_drop_ins_of_all_folders_are_read_by_name(node: Node) -> None:
    node.file(f"{ETC}.d/10-a.yaml", "swap_margin_mib: 1\n")
    node.file(f"{VENDOR}.d/30-c.yaml", "swap_margin_mib: 3\n")
    node.file(f"{RUN}.d/20-b.yml", "swap_margin_mib: 2\n")
    assert load(node.root).swap_margin_mib == 3
    names = [file.name for file in load_all(node.root).files]
    assert names == ["10-a.yaml", "20-b.yml", "30-c.yaml"]


@pytest.mark.parametrize("name", ["10-vendor.yaml", "10-vendor.yml"])
@pytest.mark.parametrize("over", [ETC, RUN])
def test_a_file_of_the_same_name_counts_alone(node: Node, name: str, over: str) -> None:
    node.file(f"{VENDOR}.d/{name}", "swap: off\nkube_proxy: nftables\n")
    node.file(f"{over}.d/{name}", "swap: keep\n")
    config = load(node.root)
    assert (config.swap, config.kube_proxy) == ("keep", "auto")


@pytest.mark.parametrize("how", ["empty", "link"])
def test_a_mask_takes_a_vendors_file_away(node: Node, how: str) -> None:
    node.file(f"{VENDOR}.d/10-vendor.yaml", "swap: off\n")
    mask = f"{ETC}.d/10-vendor.yaml"
    if how == "empty":
        node.file(mask)
    else:
        node.link(mask, "/dev/null")
    assert load(node.root).swap == "auto"


def test_a_main_file_can_be_masked_too(node: Node) -> None:
    node.file(VENDOR, "swap: off\n")
    node.link(ETC, "/dev/null")
    assert load(node.root).swap == "auto"


def test_each_value_is_traced_to_its_file(node: Node) -> None:
    node.file(ETC, "swap: keep\nstages: {swap: wanted, chains: wanted}\n")
    node.file(f"{ETC}.d/10.yaml", "stages: {swap: skip}\nextra_modules: [ip_vs]\n")
    main, drop_in = f"{node.root}{ETC}", f"{node.root}{ETC}.d/10.yaml"
    assert load_all(node.root).origins == {
        "swap": main,
        "stages.chains": main,
        "stages.swap": drop_in,
        "extra_modules": drop_in,
    }

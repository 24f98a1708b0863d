"""What the API server has: services with their endpoints, one node, and each change of them."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

Object = dict[str, Any]


class Kind(NamedTuple):
    """A kind of object."""

    version: str
    name: str


KINDS = {
    "/api/v1/services": Kind("v1", "Service"),
    "/api/v1/nodes": Kind("v1", "Node"),
    "/apis/discovery.k8s.io/v1/endpointslices": Kind("discovery.k8s.io/v1", "EndpointSlice"),
    "/apis/networking.k8s.io/v1/servicecidrs": Kind("networking.k8s.io/v1", "ServiceCIDR"),
}
SERVICE, NODE, SLICE, _ = KINDS.values()


class Store:
    """All objects, and each change that was made since the start."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.objects: dict[Kind, dict[str, Object]] = {kind: {} for kind in KINDS.values()}
        # A change's place in the list is the resource version that it makes, less one.
        self.changes: list[tuple[Kind, str, Object]] = []
        node = {"addresses": [{"type": "InternalIP", "address": "192.0.2.10"}]}
        node["addresses"].append({"type": "InternalIP", "address": "2001:db8::10"})
        metadata = _metadata("node")
        del metadata["namespace"]
        self.put(NODE, {"metadata": metadata, "status": node})

    def put(self, kind: Kind, found: Object) -> None:
        """Add or replace an object."""
        with self.changed:
            name = found["metadata"]["name"]
            self._note(kind, "MODIFIED" if name in self.objects[kind] else "ADDED", found)
            self.objects[kind][name] = found

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object, if it is there."""
        with self.changed:
            if found := self.objects[kind].pop(name, None):
                self._note(kind, "DELETED", json.loads(json.dumps(found)))

    def _note(self, kind: Kind, what: str, found: Object) -> None:
        found["apiVersion"], found["kind"] = kind
        found["metadata"]["resourceVersion"] = str(len(self.changes) + 1)
        self.changes.append((kind, what, found))
        self.changed.notify_all()

    def listed(self, kind: Kind) -> tuple[int, list[Object]]:
        """The resource version, and the objects."""
        with self.changed:
            return len(self.changes), list(self.objects[kind].values())

    def since(self, version: int) -> list[tuple[Kind, str, Object]]:
        """What was changed after this version; waits a second for it."""
        with self.changed:
            if version == len(self.changes):
                self.changed.wait(1)
            return self.changes[version:]


def _metadata(name: str, **labels: str) -> Object:
    uid = f"00000000-0000-4000-8000-{zlib.crc32(name.encode()):012}"
    return {"name": name, "namespace": "default", "uid": uid, "labels": labels}


def is_large(number: int) -> bool:
    """Whether a service is one of both families, with two endpoints each.

    iptables takes time by the square of the number of chains to make them. Of 5,000 services IPv6
    has 872 endpoints then: kube-proxy leaves comments out above 1,000 (largeClusterMode of its
    pkg/proxy/iptables/proxier.go), and would write rules in both ways as services come and go.
    """
    return number <= 100 or number % 12 == 0


def service(number: int) -> Object:
    """A service; some have a port of the node or a load balancer."""
    v4, v6 = f"10.96.{number >> 8}.{number & 255}", f"fd00:96::{number:x}"
    addresses, families = [v4], ["IPv4"]
    if is_large(number):
        addresses, families = [v4, v6], ["IPv4", "IPv6"]
    port: Object = {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}
    spec: Object = {"clusterIP": v4, "clusterIPs": addresses, "ipFamilies": families}
    spec |= {"ipFamilyPolicy": "PreferDualStack", "sessionAffinity": "None", "type": "ClusterIP"}
    spec |= {"internalTrafficPolicy": "Cluster", "ports": [port]}
    status: Object = {"loadBalancer": {}}
    if number % 10 == 1:
        spec |= {"type": "NodePort", "externalTrafficPolicy": "Cluster"}
        port["nodePort"] = 30000 + number // 10
    if number % 50 == 1:
        ingress = {"ip": f"198.51.100.{number // 50 % 250}", "ipMode": "VIP"}
        spec |= {"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/24"]}
        status["loadBalancer"]["ingress"] = [ingress]
    return {"metadata": _metadata(f"service-{number}"), "spec": spec, "status": status}


def slices(number: int, at: int = 0) -> Iterator[Object]:
    """A service's endpoints, family by family, which move with `at`; every seventh has none."""
    size = 1 + is_large(number)
    for family in ("IPv4", "IPv6")[:size]:
        tails = [2 * number + one for one in range(size)] if number % 7 else []
        v4 = family == "IPv4"
        endpoints = [
            {
                "addresses": [
                    f"10.{128 + at}.{tail >> 8}.{tail & 255}" if v4 else f"fd00:{at}::{tail:x}"
                ],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "other",
            }
            for tail in tails
        ]
        name = f"service-{number}"
        metadata = _metadata(f"{name}-{family.lower()}", **{"kubernetes.io/service-name": name})
        ports = [{"name": "http", "protocol": "TCP", "port": 8080}]
        yield {
            "metadata": metadata,
            "addressType": family,
            "endpoints": endpoints,
            "ports": ports,
        }

"""nodefix prepares an Enterprise Linux node for kubelet and kube-proxy, at every boot."""

__version__ = "0.1.0"
